"""Legs of a time, and the main mode of tracks."""

import uuid
from collections.abc import Sequence
from typing import Any

from trackflow.categories.track_modes import main_mode_of, modes_between
from trackflow.context import Context
from trackflow.store.categories import legs
from trackflow.store.categories.trips import read_legs as read_light_legs
from trackflow.store.database import Connection
from trackflow.store.days.queries import Devices
from trackflow.usecases.queries.lines import TimeRange

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
    found = legs.read_legs(connection, [track.device_id], start, end)
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
    by_device = read_light_legs(connection, devices, start, end)
    ends = {name: [row.end_time for row in rows] for name, rows in by_device.items()}
    found = {}
    for track in tracks:
        rows, mine = by_device.get(track.device_id, []), ends.get(track.device_id, [])
        mode = main_mode_of(modes_between(rows, mine, track.start_time, track.end_time))
        if mode is not None:
            found[track.track_id] = mode
    return found
