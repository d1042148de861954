"""Finds visits to race tracks, for the days that have changed since the last time.

A part of a device's days is done in one transaction: its old visits out, the new ones in. Positions
are read on both sides up to the first one away from every place, where any visit ends, so parts in
any order give the same visits as one pass over all days.
"""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.geo.time import ONE_DAY, runs_of_days, to_us
from trackflow.places.visits import PlaceIndex, Samples, VisitFinder, joined, outside
from trackflow.store.database import Connection
from trackflow.store.days.segments import read_days
from trackflow.store.devices import settings as devices
from trackflow.store.intake.edge_points import edge_points
from trackflow.store.places import places, visits
from trackflow.store.transactions import MOST_DAYS
from trackflow.tracks.decisions import EndReason
from trackflow.tracks.segments import Segment


@dataclass(slots=True)
class VisitsReport:
    """The result of an update.

    Attributes:
        places: race tracks with coordinates.
        device_days: number of device-days processed.
        changed: visits that are new, gone or different.
    """

    places: int = 0
    device_days: int = 0
    changed: int = 0


def known_places(context: Context) -> PlaceIndex:
    """An index of the race tracks' coordinates, with the limits of the settings."""
    settings = context.settings
    with context.store.read() as connection:
        found = places.positions(connection)
    return PlaceIndex(found, settings.visit_radius_m, settings.visit_min * 60)


def days_due(context: Context) -> int:
    """The number of device-days to process; cheap."""
    near = known_places(context)
    with context.store.read() as connection:
        if not len(near) and not visits.any_marked(connection):
            return 0
        return sum(map(len, visits.due_days(connection, near.hash).values()))


def count_visits(context: Context) -> int:
    """All visits that are stored."""
    with context.store.read() as connection:
        return visits.count_visits(connection)


def update_visits(
    context: Context,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    most_days: int = MOST_DAYS,
) -> VisitsReport:
    """Bring all visits up to date.

    Args:
        context: the store and settings.
        on_progress: called with the number of device-days done, and of all.
        most_days: device-days in one transaction, at most.
    """
    near = known_places(context)
    report = VisitsReport(places=len(near))
    with context.store.read() as connection:
        if not len(near) and not visits.any_marked(connection):
            return report
        due = visits.due_days(connection, near.hash)
    total = sum(map(len, due.values()))
    if total and len(near):
        near.prepare()  # not while writers wait
    for device_id, days in due.items():
        for part in itertools.batched(days, most_days):
            report.changed += _update(context, device_id, part, near)
            report.device_days += len(part)
            on_progress(report.device_days, total)
    return report


def _update(
    context: Context, device_id: str, days: Sequence[tuple[dt.date, int]], near: PlaceIndex
) -> int:
    """Update one part of a device's days; returns the number of changed visits."""
    changed = 0
    with context.store.write() as connection:
        devices.lock_devices(connection, [device_id])
        # the current state, which may be newer than the list of days
        now = dict(visits.due_days(connection, near.hash, device_id).get(device_id, ()))
        still = [(day, now[day]) for day, _ in days if day in now]
        for first, last in runs_of_days(day for day, _ in still):
            changed += _look_at(connection, device_id, first, last, near)
        if still:
            visits.mark_days(connection, device_id, still, near.hash)
    return changed


def _look_at(
    connection: Connection, device_id: str, first: dt.date, last: dt.date, near: PlaceIndex
) -> int:
    """Find the visits of days, and of days that share a stay with them."""
    before, after_us = _reach(connection, device_id, first, near, forward=False)
    behind, before_us = _reach(connection, device_id, last, near, forward=True)
    watch = VisitFinder(near)
    for part in itertools.chain(before, _days(connection, device_id, first, last), behind):
        watch.add(part)
    return visits.replace_between(connection, device_id, after_us, before_us, watch.visits())


def _reach(
    connection: Connection, device_id: str, day: dt.date, near: PlaceIndex, *, forward: bool
) -> tuple[list[Samples], int | None]:
    """Positions beyond a day up to the first one away from every place, and its time.

    The time is None if there is no such position; then the device's first or last point is among
    them: where it has stopped since its last journey, or before its first.
    """
    found: list[Samples] = []
    reached: int | None = None
    at: dt.date | None = day
    while reached is None and at is not None:
        at = visits.next_day(connection, device_id, at, forward=forward)
        if at is None:
            found += _edge(connection, device_id, forward=forward)
            continue
        samples = _samples(read_days(connection, device_id, at, at).get(at, []))
        free = outside(samples, near)
        if len(free):
            k = int(free[0 if forward else -1])
            reached = int(samples.time_us[k])
            samples = samples[: k + 1] if forward else samples[k:]
        found.append(samples)
    return (found if forward else found[::-1]), reached


def _edge(connection: Connection, device_id: str, *, forward: bool) -> list[Samples]:
    point = edge_points(connection, [device_id], last=forward).get(device_id)
    if point is None:
        return []
    time_us = np.array([to_us(point.recorded_at)], np.int64)
    lon, lat = np.array([point.longitude]), np.array([point.latitude])
    return [Samples(time_us, lon, lat, _YES, _YES)]


_YES = np.ones(1, np.bool_)


def _days(
    connection: Connection, device_id: str, first: dt.date, last: dt.date
) -> Iterator[Samples]:
    """The positions of days, day by day."""
    day: dt.date | None = first - ONE_DAY
    while day is not None:
        day = visits.next_day(connection, device_id, day, forward=True)
        if day is None or day > last:
            return
        yield _samples(read_days(connection, device_id, day, day)[day])


def _samples(segments: Sequence[Segment]) -> Samples:
    """All points of segments."""
    if not segments:
        return joined([])
    points = Points.concat([segment.points for segment in segments])
    lasts = np.cumsum([len(segment.points) for segment in segments]) - 1
    firsts = np.concatenate([[0], lasts[:-1] + 1])
    stops, starts = np.zeros(len(points), np.bool_), np.zeros(len(points), np.bool_)
    stops[lasts] = [segment.ended is EndReason.STOP for segment in segments]
    starts[firsts] = [segment.began is EndReason.STOP for segment in segments]
    return Samples(points.time_us, points.lon, points.lat, stops, starts)
