"""Points that lost against another one of their device and moment, at another position.

The best one is stored, the others are kept in quarantine as `equal_time`.
"""

import datetime as dt
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.points import Bools, Ints
from trackflow.geo.time import from_us, to_us
from trackflow.sources.records import PointBatch
from trackflow.store.days import batch_marks
from trackflow.store.intake.refusal_rows import hash_of, keep_rows
from trackflow.store.intake.rivals import (
    MET,
    ClaimedPosition,
    TimeSpan,
    incoming,
    quality,
)
from trackflow.store.tables import gps_points, quarantined_points, receipts
from trackflow.store.types import epoch_us

EQUAL_TIME = "equal_time"
"""Reason of a quarantined point whose device has a better one elsewhere at the same moment."""


def set_conflicts(
    connection: Connection,
    released: Iterable[ClaimedPosition],
    losing: Iterable[tuple[ClaimedPosition, str]],
    now: dt.datetime,
) -> None:
    """Delete positions from quarantine, and put others in.

    Args:
        connection: in a transaction for writing; the devices are locked.
        released: positions that no delivery claims any more, or that are stored now.
        losing: positions that lose now, each with its source.
        now: the time, UTC.
    """
    release(connection, released)
    keep_rows(connection, [loser_row(*claimed, source, now) for claimed, source in losing])


def claimed_position(device_id: str, time_us: int, lon: float, lat: float) -> ClaimedPosition:
    """A position as a device reported it; -0.0 is the same as 0.0.

    Args:
        device_id: the device.
        time_us: microseconds since 1970.
        lon: degrees.
        lat: degrees.
    """
    return device_id, time_us, lon + 0.0, lat + 0.0


def losers_inside(points: PointBatch, order: Ints, is_best: Bools) -> dict[ClaimedPosition, int]:
    """Points of this delivery at another position than the best one of their moment.

    Returns:
        The row of the best of each position.
    """
    rank = np.flatnonzero(~is_best)
    if not len(rank):
        return {}
    best = order[np.maximum.accumulate(np.where(is_best, np.arange(len(order)), 0))[rank]]
    row = order[rank]
    elsewhere = (points.lon[row] != points.lon[best]) | (points.lat[row] != points.lat[best])
    found: dict[ClaimedPosition, int] = {}
    for k in row[elsewhere].tolist():  # in order of quality
        device_id, time_us = points.devices[points.device[k]], int(points.time_us[k])
        position = claimed_position(device_id, time_us, float(points.lon[k]), float(points.lat[k]))
        found.setdefault(position, k)
    return found


@dataclass(slots=True)
class Comparison:
    """Stored and incoming points of the same moments that differ in position.

    Attributes:
        rejected: incoming points that lose.
        beaten: stored points that lose.
        staying: those of `beaten` that no import has brought.
        winners: the better points, stored or incoming.
    """

    rejected: list[ClaimedPosition] = field(default_factory=list)
    beaten: list[ClaimedPosition] = field(default_factory=list)
    staying: list[ClaimedPosition] = field(default_factory=list)
    winners: set[ClaimedPosition] = field(default_factory=set)


def compare_with_stored(connection: Connection, span: TimeSpan) -> Comparison:
    """Compare the incoming points with those that are stored for their moments."""
    compared = Comparison()
    for (
        device,
        time_us,
        stored_is_better,
        by_import,
        lon,
        lat,
        new_lon,
        new_lat,
    ) in connection.execute(_other_places(), {"first": span[0], "last": span[1]}):
        stored = claimed_position(device, time_us, lon, lat)
        new = claimed_position(device, time_us, new_lon, new_lat)
        if stored_is_better:
            compared.rejected.append(new)
        else:
            compared.beaten.append(stored)
            if by_import is None:
                compared.staying.append(stored)
        compared.winners.add(stored if stored_is_better else new)
    return compared


@functools.cache
def _other_places() -> sa.Select[Any]:
    """The stored points at whose moments another place arrives, and that place."""
    p, i, r = gps_points.c, incoming.c, receipts.c
    return (
        sa.select(
            p.device_id,
            epoch_us(p.recorded_at),
            quality(p) < quality(i),
            r.import_id,
            p.longitude,
            p.latitude,
            i.longitude,
            i.latitude,
        )
        .join(incoming, MET)
        .outerjoin(receipts, r.received_seq == p.received_seq)
        .where((p.longitude != i.longitude) | (p.latitude != i.latitude))
    )


def release(connection: Connection, winners: Iterable[ClaimedPosition]) -> None:
    """Delete positions from quarantine that a better point now confirms.

    Quarantine holds the positions that lost, independent of their order of arrival.
    """
    hashes = [{"hash": hash_of_position(winner)} for winner in winners]
    if hashes:
        connection.execute(
            sa.delete(quarantined_points).where(
                quarantined_points.c.content_hash == sa.bindparam("hash")
            ),
            hashes,
        )


def mark_conflicts(
    connection: Connection,
    set_aside: Iterable[dict[str, Any]],
    changed: Sequence[batch_marks.ChangedDay],
    now: dt.datetime,
) -> None:
    """Mark the days of new conflicts: only their ledgers change.

    Args:
        connection: in a transaction for writing.
        set_aside: new rows of the quarantine.
        changed: days that are marked already.
        now: the time, UTC.
    """
    days = {(row["device_id"], row["recorded_at"].date()) for row in set_aside}
    batch_marks.mark_again(connection, days - {(c.device_id, c.day) for c in changed}, now)


def move_conflicts(connection: Connection, rows: Sequence[sa.RowMapping], shift_us: int) -> None:
    """Move points that lost against one of equal time in time, together with their winners."""
    moved = []
    for row in rows:
        lon_lat, time_us = orjson.loads(row["raw"]), to_us(row["recorded_at"]) + shift_us
        claimed = claimed_position(
            row["device_id"], time_us, lon_lat["longitude"], lon_lat["latitude"]
        )
        moved.append(loser_row(*claimed, row["source"], row["received_at"]))
    q = quarantined_points.c
    # all are deleted before any is inserted: one may get the old time of another one
    for row in rows:
        gone = sa.delete(quarantined_points).where(q.content_hash == row["content_hash"])
        connection.execute(gone)
    keep_rows(connection, moved)


def loser_row(
    device_id: str, time_us: int, lon: float, lat: float, source: str, now: dt.datetime
) -> dict[str, Any]:
    """The quarantine's row of a position that lost.

    Args:
        device_id: the device.
        time_us: microseconds since 1970.
        lon: degrees.
        lat: degrees.
        source: the file, sender or table of the position.
        now: the time, UTC.
    """
    return {
        "content_hash": hash_of_position((device_id, time_us, lon, lat)),
        "device_id": device_id,
        "recorded_at": from_us(time_us),
        "reason": EQUAL_TIME,
        "raw": orjson.dumps({"longitude": lon, "latitude": lat}).decode(),
        "source": source,
        "received_at": now,
    }


def hash_of_position(claimed: ClaimedPosition) -> str:
    """The key of a position that lost."""
    device_id, time_us, lon, lat = claimed
    return hash_of(device_id, EQUAL_TIME, time_us, lon, lat)
