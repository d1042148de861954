"""Puts trackflow's definitions together, for itself or for a company's own code location.

Each folder beside this file that has a module `definitions` is a subject, so a new subject needs no
list. The options of a company are applied afterwards: keys with a prefix, other owners.
"""

import copy
import datetime as dt
import importlib
import pkgutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)
from dagster_shared import record

from trackflow.defs.owners import OWNERS
from trackflow.defs.partitions import FIRST_DAY
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.days.waiting import MOST_DAYS

RESOURCE = "trackflow"


def build(
    *,
    key_prefix: str | Sequence[str] = (),
    first_day: dt.date | str | None = None,
    owners: Sequence[str] = OWNERS,
    home: str | Path = "",
    days_per_run: int | None = MOST_DAYS,
) -> dg.Definitions:
    """All of trackflow's assets, checks, jobs, sensors and schedules.

    Merge them with your own by `dg.Definitions.merge`; at most one set in a code location, as jobs
    and sensors keep their names.

    Args:
        key_prefix: what the keys of all assets begin with, such as "fleet" or ["fleet", "gps"].
        first_day: the first daily partition (UTC); by default TRACKFLOW_FIRST_DAY or 2015-01-01.
        owners: of everything, as Dagster writes them: "team:gps" or "anna@example.org".
        home: the folder of the store; by default TRACKFLOW_HOME.
        days_per_run: most days of one run of a backfill; None for all of them in one run.
    """
    trackflow = TrackflowResource(
        home=str(home),
        key_prefix=(key_prefix,) if isinstance(key_prefix, str) else tuple(key_prefix),
        first_day=_day(first_day),
        days_per_run=days_per_run,
    )
    # Dagster 1.13 shows owners of jobs, and warns whenever it copies a job that has some: some
    # twenty lines at each start, of a parameter that the reader has not set.
    warnings.filterwarnings("ignore", "Parameter `owners` of", dg.BetaWarning)
    with warnings.catch_warnings():
        # partitions of checks are a preview in Dagster 1.13: its warning concerns us, not the users
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return _built(trackflow, owners)


def _built(trackflow: TrackflowResource, owners: Sequence[str]) -> dg.Definitions:
    merged = dg.Definitions.merge(*(subject(trackflow) for subject in subjects()))
    return dg.Definitions(
        assets=_prefixed(merged.assets or (), trackflow, owners),
        asset_checks=_checks(merged.asset_checks or (), trackflow),
        jobs=[_owned(job, owners) for job in merged.jobs or ()],
        sensors=[_owned(sensor, owners) for sensor in merged.sensors or ()],
        schedules=[_owned(schedule, owners) for schedule in merged.schedules or ()],
        resources={RESOURCE: trackflow},
        # steps share the process of their run: a process per step costs seconds and gains nothing
        executor=dg.in_process_executor,
    )


def subjects() -> Iterator[Callable[[TrackflowResource], dg.Definitions]]:
    """The `definitions` function of each subject, in the order of their names."""
    package = importlib.import_module("trackflow.defs")
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name):
        name = f"{package.__name__}.{module.name}.definitions"
        if module.ispkg and find_spec(name) is not None:
            found: Callable[[TrackflowResource], dg.Definitions]
            found = importlib.import_module(name).definitions
            yield found


def _day(first_day: dt.date | str | None) -> dt.date:
    if first_day is None:
        return FIRST_DAY
    return first_day if isinstance(first_day, dt.date) else dt.date.fromisoformat(first_day)


def _prefixed(
    found: Iterable[Any], trackflow: TrackflowResource, owners: Sequence[str]
) -> list[Any]:
    """Assets with their final keys and owners."""
    return [
        _spec(definition, trackflow, owners)
        if isinstance(definition, dg.AssetSpec)
        else _with_final_keys(
            definition.map_asset_specs(lambda spec: spec.replace_attributes(owners=list(owners))),
            trackflow,
        )
        for definition in found
    ]


def _spec(spec: dg.AssetSpec, trackflow: TrackflowResource, owners: Sequence[str]) -> dg.AssetSpec:
    return spec.replace_attributes(
        key=trackflow.key(spec.key.path[-1]),
        deps=[_replaced(dep, trackflow) for dep in spec.deps],
        owners=list(owners),
    )


def _replaced(dep: dg.AssetDep, trackflow: TrackflowResource) -> dg.AssetDep:
    """The same dependency, on the asset with its final key."""
    return dep._replace(asset_key=trackflow.key(dep.asset_key.path[-1]))


def _with_final_keys(
    definition: dg.AssetsDefinition, trackflow: TrackflowResource
) -> dg.AssetsDefinition:
    named = {
        *definition.dependency_keys,
        *definition.keys,
        *(key.asset_key for key in definition.check_keys),
    }
    return definition.with_attributes(
        asset_key_replacements={key: trackflow.key(key.path[-1]) for key in named}
    )


def _checks(found: Iterable[Any], trackflow: TrackflowResource) -> list[dg.AssetChecksDefinition]:
    """Checks of assets with their final keys."""
    if not trackflow.key_prefix:
        return list(found)
    return [_with_final_keys(check, trackflow).coerce_to_checks_def() for check in found]


def _owned(definition: Any, owners: Sequence[str]) -> Any:
    """A job, sensor or schedule with these owners."""
    if isinstance(definition, UnresolvedAssetJobDefinition):
        return record.replace(definition, owners=list(owners))
    copied = copy.copy(definition)
    copied._owners = list(owners)
    return copied
