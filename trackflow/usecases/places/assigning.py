"""Which place each stay is at, and the days that this concerns. Parts of a caller's transaction."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

import numpy as np

from trackflow.geo.time import ONE_DAY, midnight
from trackflow.places.areas import Area, places_of, target_of, visits_hash
from trackflow.store.database import Connection
from trackflow.store.places import named
from trackflow.store.places import stays as store
from trackflow.store.places.stays import StayRow

CODE_VERSION = "1"
"""Part of what stays are made of: change it when the same tracks give other stays."""

BESIDE = dt.timedelta(hours=1)
"""A stay so near to a day may be at an end of one of its tracks."""


def read_areas(connection: Connection, device_id: str) -> list[Area]:
    """The places that count for a device."""
    return [row.area for row in named.read_places(connection, device_id)]


def placed(rows: Sequence[StayRow], device_id: str, areas: Iterable[Area]) -> list[StayRow]:
    """Stays of a device with the places that they are at."""
    if not rows:
        return []
    lon = np.array([row.longitude for row in rows])
    lat = np.array([row.latitude for row in rows])
    found = places_of(lon, lat, device_id, areas)
    return [row._replace(place_id=place) for row, place in zip(rows, found, strict=True)]


def reassign(
    connection: Connection,
    device_id: str,
    old: Sequence[StayRow],
    renamed: Collection[UUID] = (),
) -> int:
    """Give each stay of a device its place after places have changed; returns how many changed.

    The hashes of the days of these stays change, so what follows from visits is made anew for
    them, and for no other day.

    Args:
        connection: in a transaction for writing; the device is locked.
        device_id: the device.
        old: all its stays, as they are stored.
        renamed: places whose name or kind has changed.
    """
    areas = read_areas(connection, device_id)
    new = placed(old, device_id, areas)
    pairs = list(zip(old, new, strict=True))
    moved = [after for before, after in pairs if before != after]
    store.move_to_places(connection, moved)
    by_id = {area.place_id: area for area in areas}
    targets = set(renamed) | {target_of(place_id, by_id) for place_id in renamed}
    relabelled = [row for row in new if row.place_id is not None and row.place_id in targets]
    refresh_days(connection, device_id, [*moved, *relabelled], areas)
    return len(moved)


def refresh_days(
    connection: Connection, device_id: str, changed: Sequence[StayRow], areas: Sequence[Area]
) -> None:
    """Write the hashes of the noted days that some stays touch.

    Args:
        connection: in a transaction for writing; the device is locked.
        device_id: the device.
        changed: the stays, as they were or as they are.
        areas: the places that count for the device.
    """
    if not changed:
        return
    spans = [_span(row) for row in changed]
    first = min(start for start, _ in spans).date()
    last = max(end for _, end in spans).date()
    noted = store.noted_days(connection, device_id, first, last)
    days = sorted(noted)
    touched: set[dt.date] = set()
    for start, end in spans:
        touched.update(days[bisect_left(days, start.date()) : bisect_right(days, end.date())])
    hashes = day_hashes(connection, device_id, touched, areas)
    store.note_days(connection, device_id, [(day, noted[day][0], hashes[day]) for day in touched])


def day_hashes(
    connection: Connection, device_id: str, days: Collection[dt.date], areas: Iterable[Area]
) -> dict[dt.date, str]:
    """For each day a hash of the stays that touch it, and of their places.

    Args:
        connection: to the store.
        device_id: the device.
        days: the days.
        areas: the places that count for the device.
    """
    if not days:
        return {}
    labels = {area.place_id: area.label for area in areas}
    start, end = midnight(min(days)) - BESIDE, midnight(max(days) + ONE_DAY) + BESIDE
    rows = store.read_stays(connection, (device_id,), start, end)
    begins = [_span(row)[0] for row in rows]
    ends = [_span(row)[1] for row in rows]
    found = {}
    for day in days:
        # stays do not overlap, so both lists are sorted
        low = bisect_left(ends, midnight(day))
        high = bisect_left(begins, midnight(day + ONE_DAY))
        some = [
            (*map(str, row[1:]), labels.get(row.place_id) if row.place_id else None)
            for row in rows[low:high]
        ]
        found[day] = f"{CODE_VERSION}:{visits_hash(some)}"
    return found


def _span(row: StayRow) -> tuple[dt.datetime, dt.datetime]:
    """The time in which a stay may be at an end of a track; an open-ended one only at its begin."""
    end = row.start_time if row.end_time is None else row.end_time
    return row.start_time - BESIDE, end + BESIDE
