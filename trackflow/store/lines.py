"""Cached polylines: the line of each window, and what is needed to join it to its neighbours."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import cached_polylines
from trackflow.store.types import epoch_us

p = cached_polylines.c


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A window's final line as it is served."""

    start_us: int
    end_us: int
    encoded_polyline: str
    is_raw: bool
    confidence: float | None
    matched_share: float


def read_between(
    connection: Connection, device_id: str, first: dt.date, last: dt.date
) -> list[StoredLine]:
    """The lines of a device's days, in order of time."""
    rows = connection.execute(
        sa.select(
            epoch_us(p.start_time),
            epoch_us(p.end_time),
            p.encoded_polyline,
            p.is_raw,
            p.confidence,
            p.matched_share,
        )
        .where(p.device_id == device_id, p.day.between(first, last))
        .order_by(p.start_time)
    )
    return [StoredLine(*row) for row in rows]


def read_matches(
    connection: Connection, device_id: str, first: dt.date, last: dt.date
) -> dict[str, bytes]:
    """Cached matches of a device's days by input hash."""
    rows = connection.execute(
        sa.select(p.input_hash, p.match).where(p.device_id == device_id, p.day.between(first, last))
    )
    return {input_hash: match for input_hash, match in rows}  # noqa: C416


def replace_day(
    connection: Connection,
    device_id: str,
    day: dt.date,
    new: Sequence[dict[str, Any]],
    now: dt.datetime,
) -> int:
    """Put a day's lines in place of the old ones, leaving equal ones alone; how many changed."""
    stored = {
        row.start_time: (row.end_time, row.input_hash, row.encoded_polyline)
        for row in connection.execute(
            sa.select(p.start_time, p.end_time, p.input_hash, p.encoded_polyline).where(
                p.device_id == device_id, p.day == day
            )
        )
    }
    wanted = {
        row["start_time"]: (row["end_time"], row["input_hash"], row["encoded_polyline"])
        for row in new
    }
    outdated = [start for start, content in stored.items() if wanted.get(start) != content]
    fresh = [row for row in new if stored.get(row["start_time"]) != wanted[row["start_time"]]]
    for start in outdated:
        connection.execute(
            sa.delete(cached_polylines).where(p.device_id == device_id, p.start_time == start)
        )
    if fresh:
        connection.execute(
            sa.insert(cached_polylines),
            [{"device_id": device_id, "day": day, "created_at": now, **row} for row in fresh],
        )
    return len(set(outdated) | {row["start_time"] for row in fresh})
