"""Batches that a person has selected by days and device for a rebuild."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.days import batch_marks
from trackflow.store.days.batch_conditions import is_abandoned
from trackflow.store.days.batch_lists import Pair
from trackflow.store.devices.settings import lock_devices
from trackflow.store.tables import processing_batches

b = processing_batches.c


@dataclass(frozen=True, slots=True)
class BatchSelection:
    """Batches from a first to a last day, of one device; None for no limit."""

    first: dt.date | None
    last: dt.date | None
    device_id: str | None


def counts_by_day(
    connection: Connection, selection: BatchSelection, most_days: int
) -> Iterator[tuple[dt.date, int]]:
    """The number of selected batches of each day, in order; the first `most_days` days."""
    rows = connection.execute(
        sa.select(b.day, sa.func.count())
        .where(_is_selected(selection))
        .group_by(b.day)
        .order_by(b.day)
        .limit(most_days)
    )
    return ((day, count) for day, count in rows)


def count(connection: Connection, selection: BatchSelection) -> int:
    """The number of selected batches."""
    query = sa.select(sa.func.count()).select_from(processing_batches)
    return connection.scalar(query.where(_is_selected(selection))) or 0


def claims(
    connection: Connection, selection: BatchSelection, now: dt.datetime, lease_s: float
) -> dict[Pair, int]:
    """Selected batches that workers hold, with the epoch of each claim; not those of dead workers.

    Args:
        connection: to the store.
        selection: the batches.
        now: the time, UTC.
        lease_s: the longest lease in seconds.
    """
    held = sa.and_(b.status == "processing", sa.not_(is_abandoned(now, lease_s)))
    query = sa.select(b.device_id, b.day, b.epoch).where(_is_selected(selection), held)
    return {(row.device_id, row.day): row.epoch for row in connection.execute(query)}


def mark_again(connection: Connection, selection: BatchSelection, now: dt.datetime) -> None:
    """Give the batches a new generation, so that every stage processes them again."""
    selected = _is_selected(selection)
    ids = connection.scalars(sa.select(b.device_id).distinct().where(selected)).all()
    lock_devices(connection, ids)
    keys = connection.execute(sa.select(b.device_id, b.day).where(selected)).all()
    batch_marks.mark_again(connection, [(key.device_id, key.day) for key in keys], now)


def _is_selected(selection: BatchSelection) -> sa.ColumnElement[bool]:
    return sa.and_(
        sa.true(),
        *([b.day >= selection.first] if selection.first else []),
        *([b.day <= selection.last] if selection.last else []),
        *([b.device_id == selection.device_id] if selection.device_id else []),
    )
