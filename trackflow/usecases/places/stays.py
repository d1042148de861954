"""Brings the stays of a device and the places that they are at up to date.

Stays are a function of tracks alone, places of stays and of what people decided: recomputing in any
order gives the same rows.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.time import ONE_DAY, from_us, midnight, runs_of_days, to_us
from trackflow.places.geocoding import Coordinates
from trackflow.places.stays import Stay, TrackEnds, find_stays
from trackflow.store.database import Connection
from trackflow.store.devices.settings import device_ids, lock_devices
from trackflow.store.intake.edge_points import edge_points
from trackflow.store.places import stays as store
from trackflow.store.places.stays import StayRow, TrackEndsRow
from trackflow.store.transactions import MOST_DAYS
from trackflow.tracks.silences import is_parked
from trackflow.tracks.thresholds import Thresholds
from trackflow.usecases.places.address_jobs import queue_if_due
from trackflow.usecases.places.addresses import want_addresses
from trackflow.usecases.places.assigning import (
    CODE_VERSION,
    day_hashes,
    placed,
    read_areas,
    refresh_days,
)
from trackflow.usecases.places.learning import learn_in


@dataclass(slots=True)
class StaysReport:
    """The result of an update.

    Attributes:
        device_id: the device.
        stays: how many stays lie beside tracks of these days.
        visits: stays from the first to the last of these days that are at a place.
        changed: stays that are new, gone or different.
        learned: learned places that are new, gone or different.
        wanted: positions whose addresses are to be asked for.
    """

    device_id: str
    stays: int = 0
    visits: int = 0
    changed: int = 0
    learned: int = 0
    wanted: int = 0


def days_due(
    context: Context,
    device_id: str | None = None,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> dict[str, list[dt.date]]:
    """The days of devices whose stays are not found, or were found from other tracks.

    Args:
        context: the store.
        device_id: only this device; None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    with context.store.read() as connection:
        return store.due_days(connection, CODE_VERSION, device_id, first, last)


def forget(
    context: Context, device_id: str | None, first: dt.date | None, last: dt.date | None
) -> None:
    """Make days due again, also those that have not changed.

    Args:
        context: the store.
        device_id: only this device; None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    with context.store.write() as connection:
        for one in device_ids(connection) if device_id is None else [device_id]:
            store.forget_days(connection, one, first, last)


def update_stays(context: Context, device_id: str, days: Collection[dt.date]) -> StaysReport:
    """Bring the stays of a device beside the tracks of some days up to date; idempotent.

    Args:
        context: the store and settings.
        device_id: the device.
        days: days of UTC.
    """
    report = StaysReport(device_id)
    runs = runs_of_days(set(days), most=MOST_DAYS)
    for first, last in runs:
        with context.store.write() as connection:
            lock_devices(connection, [device_id])
            new, changed = _update(connection, device_id, first, last)
            report.wanted += want_addresses(context, connection, new)
            if (first, last) == runs[-1]:
                # with the last days that are noted as done: broken off before, all is done again
                report.learned = learn_in(context, connection, device_id).changed
        report.stays += len(new)
        report.changed += changed
    if days:
        start, end = midnight(min(days)), midnight(max(days) + ONE_DAY)
        with context.store.read() as connection:
            rows = store.read_stays(connection, (device_id,), start, end)
        report.visits = sum(row.place_id is not None for row in rows)
    queue_if_due(context)
    return report


def _update(
    connection: Connection, device_id: str, first: dt.date, last: dt.date
) -> tuple[list[StayRow], int]:
    """Find the stays beside the tracks of a range of days; returns them, and how many changed.

    Args:
        connection: in a transaction for writing; the device is locked.
        device_id: the device.
        first: the first day.
        last: the last day, included.
    """
    rows, is_first, is_last = store.read_ends(
        connection, device_id, midnight(first), midnight(last + ONE_DAY)
    )
    begin = edge_points(connection, [device_id], last=False).get(device_id) if is_first else None
    found = find_stays(
        [_ends(row) for row in rows],
        _is_parked,
        first_us=None if begin is None else to_us(begin.recorded_at),
        is_last=is_last,
    )
    areas = read_areas(connection, device_id)
    new = placed([_row(device_id, stay) for stay in found], device_id, areas)
    changed = store.replace_between(
        connection,
        device_id,
        None if is_first else rows[0].end_time,
        None if is_last else rows[-1].start_time,
        new,
    )
    generations = store.tracked_days(connection, device_id, first, last)
    hashes = day_hashes(connection, device_id, generations, areas)
    states = [(day, generation, hashes[day]) for day, generation in generations.items()]
    store.note_days(connection, device_id, states)
    refresh_days(connection, device_id, changed, areas)
    return new, len(changed)


def _is_parked(apart_m: float, silent_s: float) -> bool:
    return is_parked(apart_m, silent_s, Thresholds().dwell_s)


def _ends(row: TrackEndsRow) -> TrackEnds:
    last_lon, last_lat = polylines.positions(row.raw_polyline)[-1].tolist()
    return TrackEnds(
        to_us(row.start_time),
        to_us(row.end_time),
        row.began,
        row.ended,
        Coordinates(*polylines.first_vertex(row.raw_polyline)),
        Coordinates(last_lon, last_lat),
    )


def _row(device_id: str, stay: Stay) -> StayRow:
    end = None if stay.end_us is None else from_us(stay.end_us)
    start = from_us(stay.start_us)
    return StayRow(device_id, start, end, stay.longitude, stay.latitude, stay.cell, None)
