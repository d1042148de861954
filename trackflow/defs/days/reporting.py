"""Reports processed days to Dagster: each day of each asset, and its checks."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from trackflow.defs.days.checks import evaluations
from trackflow.defs.days.numbers import Metadata, day_metadata, track_metadata
from trackflow.defs.days.running import (
    CODE_VERSIONS,
    SEGMENTS,
    STAGE_OF_ASSET,
    TRACKS,
    DaysResult,
    DaysStep,
    error_of,
    incomplete_days,
)
from trackflow.defs.errors import is_retried
from trackflow.defs.intake.observing import (
    POINTS,
    joint_version,
    new_observations,
    newest_observation,
    pointer_tags,
    provenance_tags,
)
from trackflow.defs.partitions import ONE_DAY, day_of
from trackflow.geo.time import days_between
from trackflow.usecases.intake.day_versions import PointsOfDay, points_of_days

SUMS = ("tracks", "devices", "distance_km", "driven_h", "longest_km", "time_zone")

type DayEvent = dg.MaterializeResult[None] | dg.AssetMaterialization | dg.AssetCheckEvaluation


@dataclass(frozen=True, slots=True)
class ObservedPoints:
    """The points of some days as they were noted before the days were made.

    Attributes:
        key: asset key of the points.
        points: their versions, by day.
        pointer: number of the newest observation, of any day.
    """

    key: dg.AssetKey
    points: Mapping[dt.date, PointsOfDay]
    pointer: int | None

    def tags_of_step(self) -> dict[str, str]:
        """Tags for the result of a step that makes all these days."""
        return pointer_tags(self.key, self.pointer)

    def version(self) -> str:
        """One version for all these days together."""
        return joint_version([found.version for found in self.points.values()])

    def tags_of(self, asset: str, day: dt.date) -> dict[str, str]:
        """Tags for one day that is reported by itself."""
        if asset != SEGMENTS or day not in self.points:
            return {}
        version = self.points[day].version
        return provenance_tags(self.key, self.pointer, version, CODE_VERSIONS[asset])


def note_points(step: DaysStep, days: Sequence[dt.date]) -> ObservedPoints:
    """Observe the points of some days. Points that arrive later make the days outdated."""
    key = step.key(POINTS)
    found = points_of_days(step.trackflow, days)
    for observation in new_observations(step.dagster.instance, key, found):
        step.dagster.log_event(observation)
    return ObservedPoints(key, found, newest_observation(step.dagster.instance, key))


def report_days(
    step: DaysStep, outcome: DaysResult, observed: ObservedPoints
) -> Iterator[DayEvent]:
    """Yield the results of complete days; raise at the end if others are not complete.

    Raises:
        StepError: some days are incomplete. Those that are complete have been reported.
    """
    numbers = {asset: day_metadata(step.trackflow, asset, outcome) for asset in outcome.assets}
    _log_neighbours(step, outcome)
    incomplete = incomplete_days(outcome)
    if not incomplete:
        yield from _results(step, outcome, numbers, observed)
        return
    error = error_of(outcome, incomplete)
    if not is_retried(step.dagster, error):
        # A result would count for all days of the step: complete days are logged one by one. The
        # checks' own steps are skipped below a failed one, so their days are checked here.
        for asset in outcome.assets:
            complete = [day for day in outcome.days if (asset, day) not in incomplete]
            yield from _materializations(step, asset, complete, numbers[asset], observed)
            yield from evaluations(step, asset, complete)
    raise error


def _results(
    step: DaysStep,
    outcome: DaysResult,
    numbers: Mapping[str, Mapping[dt.date, Metadata]],
    observed: ObservedPoints,
) -> Iterator[dg.MaterializeResult[None]]:
    """One result for each asset, with the numbers of each day."""
    assert isinstance(step.dagster, dg.AssetExecutionContext)
    for asset in outcome.assets:
        key = step.key(asset)
        for day in outcome.days:
            step.dagster.add_asset_metadata(numbers[asset][day], key, day.isoformat())
        if asset == SEGMENTS:
            yield dg.MaterializeResult(
                asset_key=key,
                data_version=dg.DataVersion(observed.version()),
                tags=observed.tags_of_step(),
            )
        else:
            yield dg.MaterializeResult(asset_key=key)


def _materializations(
    step: DaysStep,
    asset: str,
    days: Sequence[dt.date],
    numbers: Mapping[dt.date, Metadata],
    observed: ObservedPoints,
) -> Iterator[dg.AssetMaterialization]:
    for day in days:
        yield dg.AssetMaterialization(
            step.key(asset),
            partition=day.isoformat(),
            metadata=numbers[day],
            tags=observed.tags_of(asset, day),
        )


def log_complete_days(step: DaysStep, outcome: DaysResult) -> None:
    """Log each complete day of each asset with its checks, from a run without partitions.

    Dagster shows days that have no partition as soon as it has one for them.
    """
    if outcome.days:
        # Points that arrived since these days were made are pending: their own report follows.
        observed = note_points(step, outcome.days)
        for asset in outcome.assets:
            numbers = day_metadata(step.trackflow, asset, outcome)
            complete = [day for day in outcome.days if not outcome.is_incomplete(asset, day)]
            for made in _materializations(step, asset, complete, numbers, observed):
                step.dagster.log_event(made)
            _log_evaluations(step, asset, complete)
    _log_neighbours(step, outcome)


def log_days(step: DaysStep, outcome: DaysResult) -> None:
    """Log complete days, as `log_complete_days` does; raise at the end if others are incomplete.

    Raises:
        StepError: some days are incomplete.
    """
    log_complete_days(step, outcome)
    if incomplete := incomplete_days(outcome):
        raise error_of(outcome, incomplete)


def _log_neighbours(step: DaysStep, outcome: DaysResult) -> None:
    """Log neighbouring days too and check them again: a materialization clears check results."""
    for materialization in changed_neighbours(step, outcome):
        step.dagster.log_event(materialization)
        _log_evaluations(step, TRACKS, [day_of(str(materialization.partition))])


def _log_evaluations(step: DaysStep, asset: str, days: Sequence[dt.date]) -> None:
    for evaluation in evaluations(step, asset, days):
        step.dagster.log_event(evaluation)  # type: ignore[arg-type]  # it accepts them


def changed_neighbours(step: DaysStep, outcome: DaysResult) -> Iterator[dg.AssetMaterialization]:
    """Days that were not requested, but hold a part of a journey that was recomputed.

    A journey is merged as a whole, so its kilometres on the day before may change with this one's
    points: the UI would show outdated numbers of that day. In a zone other than UTC the days
    beside a partition hold some of its hours as well.
    """
    if TRACKS not in outcome.assets:
        return
    reach = 0 if step.trackflow.settings.time_zone == "UTC" else 1
    beside: set[dt.date] = set()
    for report in outcome.report[STAGE_OF_ASSET[TRACKS]].days:
        if report.changed and report.touched:
            first, last = report.touched
            beside.update(days_between(first - reach * ONE_DAY, last + reach * ONE_DAY))
    for day in sorted(beside - set(outcome.days)):
        shown = _shown(step, day)
        if shown is None:
            continue
        numbers = track_metadata(step.trackflow, day, day)[day]
        if any(shown.get(name) != numbers[name] for name in SUMS):
            yield dg.AssetMaterialization(
                step.key(TRACKS), partition=day.isoformat(), metadata=numbers
            )


def _shown(step: DaysStep, day: dt.date) -> dict[str, object] | None:
    """Metadata of a day of tracks; None if it was never made."""
    wanted = dg.AssetRecordsFilter(step.key(TRACKS), asset_partitions=[day.isoformat()])
    for record in step.dagster.instance.fetch_materializations(wanted, limit=1).records:
        if record.asset_materialization is not None:
            shown = record.asset_materialization.metadata
            return {name: value.value for name, value in shown.items()}
    return None
