"""The tracks that lie on a terrain: chosen one by one, by device and days, or by a race track."""

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import BadInputError, NotFoundError
from trackflow.geo import polylines
from trackflow.geo.periods import time_of_days
from trackflow.geo.time import to_us
from trackflow.store.places import visits
from trackflow.usecases.queries.track_by_id import track_by_id
from trackflow.usecases.queries.track_lines import TrackLine, read_lines

AROUND_VISIT = dt.timedelta(minutes=10)
"""Tracks that end or begin this close to a visit led to the race track or away from it."""


@dataclass(frozen=True, slots=True)
class TrackChoice:
    """Which tracks are wanted; what is None does not limit them.

    Attributes:
        track_ids: these ones.
        device_id: those of a device.
        first: those that end on this day or later, UTC.
        last: those that begin on this day or before, UTC.
        race_track: those of a visit to the race track of this slug: during it, to it and from it.
    """

    track_ids: tuple[uuid.UUID, ...] = ()
    device_id: str | None = None
    first: dt.date | None = None
    last: dt.date | None = None
    race_track: str | None = None


def chosen_lines(context: Context, choice: TrackChoice) -> list[TrackLine]:
    """The matched lines of the chosen tracks.

    Raises:
        BadInputError: nothing is chosen.
        NotFoundError: there is no such track (`GoneError` where there was one).
    """
    if choice.track_ids:
        return [_line(context, track_id) for track_id in choice.track_ids]
    if choice.race_track:
        found = list(_by_visits(context, choice))
    elif choice.device_id:
        found = read_lines(context, choice.device_id, *time_of_days(choice.first, choice.last))
    else:
        raise BadInputError("choose tracks: by id, by device, or by the race track that they visit")
    if not found:
        raise NotFoundError("there are no such tracks: see `trackflow tracks`")
    return found


def _line(context: Context, track_id: uuid.UUID) -> TrackLine:
    with context.store.read() as connection:
        row = track_by_id(connection, track_id)
    return TrackLine(to_us(row.start_time), to_us(row.end_time), *polylines.decode(row.polyline))


def _by_visits(context: Context, choice: TrackChoice) -> Iterator[TrackLine]:
    start, end = time_of_days(choice.first, choice.last)
    devices = None if choice.device_id is None else [choice.device_id]
    with context.store.read() as connection:
        found = visits.read_visits(connection, devices, start, end)
    seen = set()
    for visit in found:
        if visit.slug != choice.race_track:
            continue
        around = (visit.start_time - AROUND_VISIT, visit.end_time + AROUND_VISIT)
        for line in read_lines(context, visit.device_id, *around):
            if (visit.device_id, line.start_us) not in seen:
                seen.add((visit.device_id, line.start_us))
                yield line
