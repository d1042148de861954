"""Observations of `gps_points`: how many points a day has, and which version of them.

Dagster takes a day of `segments` as outdated when a later observation of the same day of
`gps_points` has another version than the last one before it was made. So a step that makes a day
first observes its points, and its result refers to that observation.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from trackflow.defs import metadata
from trackflow.usecases.intake.day_versions import PointsOfDay

POINTS = "gps_points"

DATA_VERSION = "dagster/data_version"
CODE_VERSION = "dagster/code_version"
INPUT_VERSION = "dagster/input_data_version"
INPUT_POINTER = "dagster/input_event_pointer"
"""Tags of events, by which Dagster decides which partitions are outdated."""


def observation(key: dg.AssetKey, day: dt.date, found: PointsOfDay) -> dg.AssetObservation:
    """The observation of a day of points."""
    return dg.AssetObservation(
        asset_key=key,
        partition=day.isoformat(),
        metadata={"points": found.points, "devices": found.devices, metadata.ROWS: found.points},
        tags={DATA_VERSION: found.version},
    )


def arrival(key: dg.AssetKey, day: dt.date, found: PointsOfDay) -> dg.AssetMaterialization:
    """The materialization of a day of points: it is there, though no run has made it."""
    seen = observation(key, day, found)
    return dg.AssetMaterialization(
        key, partition=seen.partition, metadata=seen.metadata, tags=dict(seen.tags or {})
    )


def new_observations(
    instance: dg.DagsterInstance, key: dg.AssetKey, found: Mapping[dt.date, PointsOfDay]
) -> Iterator[dg.AssetObservation]:
    """Observations of days whose points differ from their last observation."""
    noted = instance.event_log_storage.get_latest_tags_by_partition(
        key,
        dg.DagsterEventType.ASSET_OBSERVATION,
        [DATA_VERSION],
        asset_partitions=[day.isoformat() for day in found],
    )
    for day, points in found.items():
        before = noted.get(day.isoformat())
        is_empty = not points.points and before is None
        if not is_empty and (before or {}).get(DATA_VERSION) != points.version:
            yield observation(key, day, points)


def newest_observation(instance: dg.DagsterInstance, key: dg.AssetKey) -> int | None:
    """The number of the last event that was noted of the points of any day."""
    records = instance.fetch_observations(key, limit=1).records
    return records[0].storage_id if records else None


def pointer_tags(key: dg.AssetKey, pointer: int | None) -> dict[str, str]:
    """Tags of materializations made after an observation, and of all earlier events."""
    return {} if pointer is None else {f"{INPUT_POINTER}/{key.to_user_string()}": str(pointer)}


def provenance_tags(
    key: dg.AssetKey, pointer: int | None, version: str, code_version: str
) -> dict[str, str]:
    """Tags of a day that was made outside of an asset's own step, where Dagster adds none.

    Args:
        key: of the points.
        pointer: the newest observation when the points were read; without one there are no tags.
        version: of the day's points.
        code_version: of the asset.
    """
    if pointer is None:
        return {}
    return pointer_tags(key, pointer) | {
        CODE_VERSION: code_version,
        DATA_VERSION: version,
        f"{INPUT_VERSION}/{key.to_user_string()}": version,
    }


def joint_version(versions: Sequence[str]) -> str:
    """One version for several days: a step's result has only one."""
    if len(versions) == 1:
        return versions[0]
    return hashlib.sha256(" ".join(versions).encode()).hexdigest()[:16]
