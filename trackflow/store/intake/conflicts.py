"""Points that lost against another one of their device and moment, at another place.

The best one is stored, the others are kept in quarantine as `equal_time`.
"""

import datetime as dt
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
from trackflow.store.intake.rivals import Claimed, incoming, quality
from trackflow.store.tables import gps_points, quarantined_points, receipts
from trackflow.store.types import epoch_us

EQUAL_TIME = "equal_time"
"""Reason of a quarantined point whose device said to be elsewhere at the same moment."""


def set_conflicts(
    connection: Connection,
    going: Iterable[Claimed],
    coming: Iterable[tuple[Claimed, str]],
    now: dt.datetime,
) -> None:
    """Take positions that lost out of quarantine, and put others in.

    Args:
        connection: in a transaction for writing; the devices are held.
        going: positions that nothing claims any more, or that are stored now.
        coming: positions that lose now, each with its source.
        now: the time.
    """
    release(connection, going)
    keep_rows(connection, [loser_row(*claimed, source, now) for claimed, source in coming])


def claimed_at(device_id: str, time_us: int, lon: float, lat: float) -> Claimed:
    """Where a device said to be; -0.0 is the same place as 0.0."""
    return device_id, time_us, lon + 0.0, lat + 0.0


def losers_inside(points: PointBatch, order: Ints, is_best: Bools) -> dict[Claimed, int]:
    """Points of this delivery that stand at another place than the best one of their moment.

    Returns:
        The row of the best of each place.
    """
    rank = np.flatnonzero(~is_best)
    if not len(rank):
        return {}
    best = order[np.maximum.accumulate(np.where(is_best, np.arange(len(order)), 0))[rank]]
    row = order[rank]
    elsewhere = (points.lon[row] != points.lon[best]) | (points.lat[row] != points.lat[best])
    found: dict[Claimed, int] = {}
    for k in row[elsewhere].tolist():  # in order of quality
        device_id, time_us = points.devices[points.device[k]], int(points.time_us[k])
        place = claimed_at(device_id, time_us, float(points.lon[k]), float(points.lat[k]))
        found.setdefault(place, k)
    return found


@dataclass(slots=True)
class Meeting:
    """Where stored and incoming points of the same moment stand apart.

    Attributes:
        rejected: incoming points that lose.
        beaten: stored points that lose.
        staying: those of them that no import has brought.
        winners: those that win, of either.
    """

    rejected: list[Claimed] = field(default_factory=list)
    beaten: list[Claimed] = field(default_factory=list)
    staying: list[Claimed] = field(default_factory=list)
    winners: set[Claimed] = field(default_factory=set)


def compare_with_stored(connection: Connection) -> Meeting:
    """Compare the incoming points with those that are stored for their moments."""
    p, i, r = gps_points.c, incoming.c, receipts.c
    met = Meeting()
    for (
        device,
        time_us,
        stored_is_better,
        by_import,
        lon,
        lat,
        new_lon,
        new_lat,
    ) in connection.execute(
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
        .join(incoming, sa.and_(p.device_id == i.device_id, p.recorded_at == i.recorded_at))
        .outerjoin(receipts, r.received_seq == p.received_seq)
        .where((p.longitude != i.longitude) | (p.latitude != i.latitude))
    ):
        stored = claimed_at(device, time_us, lon, lat)
        new = claimed_at(device, time_us, new_lon, new_lat)
        if stored_is_better:
            met.rejected.append(new)
        else:
            met.beaten.append(stored)
            if by_import is None:
                met.staying.append(stored)
        met.winners.add(stored if stored_is_better else new)
    return met


def release(connection: Connection, winners: Iterable[Claimed]) -> None:
    """Take positions out of quarantine that a better point now confirms.

    Quarantine holds the positions that lost, whatever the order in which they came.
    """
    hashes = [{"hash": hash_of_claimed(winner)} for winner in winners]
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
    """Mark the days of new conflicts: nothing but their ledgers changes."""
    days = {(row["device_id"], row["recorded_at"].date()) for row in set_aside}
    batch_marks.mark_again(connection, days - {(c.device_id, c.day) for c in changed}, now)


def move_conflicts(connection: Connection, rows: Sequence[sa.RowMapping], shift_us: int) -> None:
    """Give points that lost against one of equal time another time, as their winners got one."""
    moved = []
    for row in rows:
        place, time_us = orjson.loads(row["raw"]), to_us(row["recorded_at"]) + shift_us
        claimed = claimed_at(row["device_id"], time_us, place["longitude"], place["latitude"])
        moved.append(loser_row(*claimed, row["source"], row["received_at"]))
    q = quarantined_points.c
    # all leave before any comes in: one may get the time that another one has just left
    for row in rows:
        gone = sa.delete(quarantined_points).where(q.content_hash == row["content_hash"])
        connection.execute(gone)
    keep_rows(connection, moved)


def loser_row(
    device_id: str, time_us: int, lon: float, lat: float, source: str, now: dt.datetime
) -> dict[str, Any]:
    """A position that lost, as it is kept.

    Args:
        device_id: the device.
        time_us: microseconds since 1970.
        lon: degrees.
        lat: degrees.
        source: the file, door or table that it came from.
        now: the time.
    """
    return {
        "content_hash": hash_of_claimed((device_id, time_us, lon, lat)),
        "device_id": device_id,
        "recorded_at": from_us(time_us),
        "reason": EQUAL_TIME,
        "raw": orjson.dumps({"longitude": lon, "latitude": lat}).decode(),
        "source": source,
        "received_at": now,
    }


def hash_of_claimed(claimed: Claimed) -> str:
    """The key of a position that lost."""
    device_id, time_us, lon, lat = claimed
    return hash_of(device_id, EQUAL_TIME, time_us, lon, lat)
