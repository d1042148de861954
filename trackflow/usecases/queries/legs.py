"""Legs of a time, and the main mode of tracks."""

import datetime as dt
import uuid
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from trackflow.context import Context
from trackflow.store.categories import legs
from trackflow.store.database import Connection
from trackflow.store.days.queries import Devices
from trackflow.usecases.queries.lines import TimeRange

LONGEST_LEG = dt.timedelta(days=32)
"""Legs that began earlier before a time are not looked for, so that an index is used: none is
longer than the month at whose turn journeys are cut."""

type LegRow = dict[str, Any]
"""The columns of a leg by name."""


def read_legs(context: Context, device_ids: Devices, when: TimeRange, most: int) -> list[LegRow]:
    """Legs that overlap a time, by device and start; one more than `most` at most.

    Args:
        context: the store.
        device_ids: the devices, None for all.
        when: the time.
        most: the limit.
    """
    with context.store.read() as connection:
        return list(legs.read_legs(connection, device_ids, when.start, when.end, most + 1))


def legs_of_track(connection: Connection, track: Any) -> list[LegRow]:
    """The legs that lie in a track, also in part, by start.

    Args:
        connection: to the store.
        track: a row with `device_id`, `start_time` and `end_time`.
    """
    start, end = track.start_time, track.end_time
    found = legs.read_legs(connection, [track.device_id], start, end, after=start - LONGEST_LEG)
    return [row for row in found if row["end_time"] > start]


def main_modes(connection: Connection, tracks: Sequence[Any]) -> dict[uuid.UUID, str]:
    """The mode of the longest leg of each track, by its id; tracks without legs have none.

    Args:
        connection: to the store.
        tracks: rows with `track_id`, `device_id`, `start_time` and `end_time`.
    """
    if not tracks:
        return {}
    devices = sorted({track.device_id for track in tracks})
    start = min(track.start_time for track in tracks)
    end = max(track.end_time for track in tracks)
    by_device: dict[str, list[LegRow]] = {}
    for row in legs.read_legs(connection, devices, start, end, after=start - LONGEST_LEG):
        by_device.setdefault(row["device_id"], []).append(row)
    ends = {name: [row["end_time"] for row in rows] for name, rows in by_device.items()}
    found = {}
    for track in tracks:
        rows = by_device.get(track.device_id, [])
        first = bisect_left(ends.get(track.device_id, []), track.start_time)
        lengths: dict[str, float] = {}
        for row in rows[first:]:
            if row["start_time"] >= track.end_time:
                break
            low, high = (
                max(row["start_time"], track.start_time),
                min(row["end_time"], track.end_time),
            )
            whole_s = (row["end_time"] - row["start_time"]).total_seconds()
            share = (high - low).total_seconds() / whole_s if whole_s else 1.0
            lengths[row["mode"]] = lengths.get(row["mode"], 0.0) + row["distance_m"] * share
        if lengths:
            found[track.track_id] = max(sorted(lengths), key=lengths.__getitem__)
    return found
