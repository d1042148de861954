"""The days whose legs are found, and what they were told by."""

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.categories.mode_map import MapArea
from trackflow.geo.time import ONE_DAY, days_between, midnight
from trackflow.store.categories.legs import MOST_KEYS, overlapping
from trackflow.store.categories.tables import leg_days, legs
from trackflow.store.days.queries import Devices, of_days, of_devices
from trackflow.store.dialects import listed_pairs, pairs_as_table
from trackflow.store.tables import processing_batches

leg, d, b = legs.c, leg_days.c, processing_batches.c

HASH_LENGTH, LEGS_LENGTH = 24, 16
"""Of what decides the modes of all days of a device; in a row, the hash of the day's legs follows.
So what is made of legs is made anew where they have changed, and only there. Then come the maps
that touch the day."""

type DueDays = dict[str, list[tuple[dt.date, int]]]
"""By device: days with the generation of their tracks."""


@dataclass(frozen=True, slots=True)
class ToldBy:
    """What the legs of a device's days were told by.

    Attributes:
        device_hash: of what is the same for all its days.
        areas: of the maps in use, of which each day has those that touch it.
    """

    device_hash: str
    areas: Sequence[MapArea]


def due_days(
    connection: Connection,
    device_hashes: Mapping[str, str],
    areas: Sequence[MapArea] = (),
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> DueDays:
    """Days whose tracks, or what decides the modes of legs, have changed.

    Days whose tracks are not made yet are left out until they are.

    Args:
        connection: to the store.
        device_hashes: the devices; for each, a hash of what decides the modes of all its days.
        areas: of the maps in use.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    found: DueDays = {}
    query = _due(connection.dialect.name, areas).where(*of_days(b.day, first, last))
    given = listed_pairs(connection, list(device_hashes.items()))
    for device_id, day, generation in connection.execute(query, given):
        found.setdefault(device_id, []).append((day, generation))
    return found


def _maps(areas: Sequence[MapArea]) -> sa.ColumnElement[str]:
    """The maps that touch a batch's day: all of them where it is not known where its points are."""
    text: sa.ColumnElement[str] = sa.literal("")
    for version, bbox in sorted((area.version, area.bbox) for area in areas):
        west, south, east, north = bbox
        touches = sa.and_(
            b.seen_west <= east,
            b.seen_east >= west,
            b.seen_south <= north,
            b.seen_north >= south,
        )
        short = hashlib.blake2b(version.encode(), digest_size=6).hexdigest()
        text += sa.case((sa.or_(b.seen_west.is_(None), touches), short), else_="")
    return text


def _due(dialect: str, areas: Sequence[MapArea]) -> sa.Select[Any]:
    """The days that are due, of the devices and hashes of `listed_pairs`."""
    devices = pairs_as_table(dialect, ("device_id", "device_hash"), sa.Text)
    is_same = sa.and_(
        d.device_id == b.device_id,
        d.day == b.day,
        d.generation == b.tracked_generation,
        sa.func.substr(d.inputs_hash, 1, HASH_LENGTH) == devices.c.device_hash,
        sa.func.substr(d.inputs_hash, HASH_LENGTH + LEGS_LENGTH + 1) == _maps(areas),
    )
    return (
        sa.select(b.device_id, b.day, b.tracked_generation)
        .select_from(
            devices.join(processing_batches, b.device_id == devices.c.device_id).outerjoin(
                leg_days, is_same
            )
        )
        .where(d.device_id.is_(None), b.tracked_generation > 0)
        .order_by(b.device_id, b.day)
    )


def mark_of_legs(connection: Connection, device_ids: Devices, first: dt.date, last: dt.date) -> str:
    """A hash that is another one after any change of the legs of some days.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        first: the first day.
        last: the last day, included.
    """
    query = (
        sa.select(d.inputs_hash)
        .where(*of_devices(d.device_id, device_ids), *of_days(d.day, first, last))
        .order_by(d.device_id, d.day)
    )
    hashed = hashlib.blake2b(digest_size=6)
    for row in connection.execute(query):
        hashed.update(row[0].encode())
    return hashed.hexdigest()


def note_days(
    connection: Connection,
    device_id: str,
    done: Sequence[tuple[dt.date, int]],
    told_by: ToldBy,
    touched: tuple[dt.date, dt.date],
) -> None:
    """Note that the legs of days are found, and the legs of days that shared a journey with them.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        done: days with the generation of their tracks.
        told_by: what the legs were told by.
        touched: the first and last day of which legs may have changed.
    """
    mine = sa.and_(d.device_id == device_id, d.day.between(*touched))
    before = {row.day: row for row in connection.execute(sa.select(leg_days).where(mine))}
    days = {day for day, _ in done} | set(before)
    of_legs = _hashes(connection, device_id, days, touched)
    rows = {
        day: (
            row.generation,
            row.inputs_hash[:HASH_LENGTH]
            + of_legs[day]
            + row.inputs_hash[HASH_LENGTH + LEGS_LENGTH :],
        )
        for day, row in before.items()
    }
    maps = _maps_of_days(connection, device_id, touched, told_by.areas)
    rows |= {
        day: (generation, told_by.device_hash + of_legs[day] + maps[day])
        for day, generation in done
    }
    changed = {
        day: row
        for day, row in rows.items()
        if day not in before or row != (before[day].generation, before[day].inputs_hash)
    }
    for outdated in _chunks(sorted(changed.keys() & before.keys())):
        connection.execute(sa.delete(leg_days).where(d.device_id == device_id, d.day.in_(outdated)))
    if changed:
        connection.execute(
            sa.insert(leg_days),
            [
                {
                    "device_id": device_id,
                    "day": day,
                    "generation": generation,
                    "inputs_hash": inputs_hash,
                }
                for day, (generation, inputs_hash) in changed.items()
            ],
        )


def _maps_of_days(
    connection: Connection,
    device_id: str,
    touched: tuple[dt.date, dt.date],
    areas: Sequence[MapArea],
) -> dict[dt.date, str]:
    """What `_maps` says of the days of a device.

    Args:
        connection: to the store.
        device_id: the device.
        touched: the first and the last day.
        areas: of the maps in use.
    """
    query = sa.select(b.day, _maps(areas)).where(b.device_id == device_id, b.day.between(*touched))
    return {day: maps for day, maps in connection.execute(query)}  # noqa: C416


def _hashes(
    connection: Connection,
    device_id: str,
    days: Collection[dt.date],
    touched: tuple[dt.date, dt.date],
) -> dict[dt.date, str]:
    """A hash of the legs of each of some days.

    Args:
        connection: to the store.
        device_id: the device.
        days: the days.
        touched: the first and the last of them, or wider.
    """
    found = {day: hashlib.blake2b(digest_size=LEGS_LENGTH // 2) for day in days}
    query = (
        sa.select(leg.start_time, leg.end_time, leg.mode, leg.distance_m, leg.decided_by)
        .where(
            leg.device_id == device_id,
            *overlapping(midnight(touched[0]), midnight(touched[1] + ONE_DAY)),
        )
        .order_by(leg.start_time)
    )
    for row in connection.execute(query):
        text = json.dumps([str(value) for value in row]).encode()
        for day in days_between(row.start_time.date(), row.end_time.date()):
            if day in found:
                found[day].update(text)
    return {day: of_day.hexdigest() for day, of_day in found.items()}


def _chunks(days: Sequence[dt.date]) -> Iterator[Sequence[dt.date]]:
    for begin in range(0, len(days), MOST_KEYS):
        yield days[begin : begin + MOST_KEYS]


def forget_days(
    connection: Connection,
    device_ids: Devices,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> None:
    """Let days be due.

    Args:
        connection: in a transaction for writing.
        device_ids: the devices; None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    connection.execute(
        sa.delete(leg_days).where(
            *of_devices(d.device_id, device_ids), *of_days(d.day, first, last)
        )
    )
