"""Which days of devices are in the books as their tracks are now."""

import datetime as dt
import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.categories.tables import category_days
from trackflow.store.days.queries import Devices, of_days, of_devices
from trackflow.store.mileage.tables import logbook_days
from trackflow.store.tables import processing_batches

c, d = category_days.c, logbook_days.c

FORGOTTEN = "-"
"""A hash that no inputs have."""


MOST_DAYS = 500
"""Days per statement: databases limit how many values one may have."""


def due_days(
    connection: Connection,
    own_hashes: dict[str, str],
    device_id: str | None = None,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> dict[str, list[tuple[dt.date, str]]]:
    """Days whose categories are not in the book as they are now, with the hash of what they are.

    Also days that have left the store: their trips leave the book, or amend it; and days of devices
    in a vehicle whose tracks are newer than their categories.

    Args:
        connection: to the store.
        own_hashes: of each device, a hash of its vehicles and joins.
        device_id: only this device; None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    chosen = None if device_id is None else (device_id,)
    query = (
        sa.select(c.device_id, c.day, c.generation, c.inputs_hash)
        .where(*of_devices(c.device_id, chosen), *of_days(c.day, first, last))
        .order_by(c.device_id, c.day)
    )
    noted = (
        sa.select(d.device_id, d.day, d.inputs_hash)
        .where(*of_devices(d.device_id, chosen), *of_days(d.day, first, last))
        .order_by(d.device_id, d.day)
    )
    known = {(row.device_id, row.day): row.inputs_hash for row in connection.execute(noted)}
    found: dict[str, list[tuple[dt.date, str]]] = {}
    for row in connection.execute(query):
        own = own_hashes.get(row.device_id, "")
        now = f"{row.generation}|{row.inputs_hash}|{own}" if own else ""
        if known.pop((row.device_id, row.day), "") != now:
            found.setdefault(row.device_id, []).append((row.day, now))
    for (gone, day), before in known.items():
        if before:
            found.setdefault(gone, []).append((day, ""))
    b = processing_batches.c
    newer = _newer_tracks().where(*of_devices(b.device_id, chosen), *of_days(b.day, first, last))
    for one, day in connection.execute(newer):
        if own_hashes.get(one) and all(day != other for other, _ in found.get(one, [])):
            found.setdefault(one, []).append((day, ""))
    return found


def _newer_tracks() -> sa.Select[Any]:
    b = processing_batches.c
    same = sa.and_(c.device_id == b.device_id, c.day == b.day)
    return (
        sa.select(b.device_id, b.day)
        .select_from(processing_batches.outerjoin(category_days, same))
        .where(
            b.tracked_generation > 0,
            sa.or_(c.device_id.is_(None), c.generation != b.tracked_generation),
        )
    )


def note_days(connection: Connection, device_id: str, days: Sequence[tuple[dt.date, str]]) -> None:
    """Note what the book was made from; an empty hash stands for a day without a vehicle."""
    connection.execute(
        sa.delete(logbook_days).where(d.device_id == device_id, d.day.in_([day for day, _ in days]))
    )
    rows = [
        {"device_id": device_id, "day": day, "inputs_hash": hashed}
        for day, hashed in days
        if hashed
    ]
    if rows:
        connection.execute(sa.insert(logbook_days), rows)


def forget_days(
    connection: Connection, device_ids: Devices, first: dt.date | None, last: dt.date | None
) -> None:
    """Let days be due; their rows stay: without them, days that are deleted would not be due.

    Args:
        connection: in a transaction for writing.
        device_ids: the devices; None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    chosen = (*of_devices(d.device_id, device_ids), *of_days(d.day, first, last))
    connection.execute(sa.update(logbook_days).where(*chosen).values(inputs_hash=FORGOTTEN))


def forget_some_days(connection: Connection, days: Mapping[str, Collection[dt.date]]) -> None:
    """Let some days of devices be due, as far as they are noted; the devices are locked."""
    for device_id, mine in sorted(days.items()):
        for some in itertools.batched(sorted(mine), MOST_DAYS):
            connection.execute(
                sa.update(logbook_days)
                .where(d.device_id == device_id, d.day.in_(some))
                .values(inputs_hash=FORGOTTEN)
            )
