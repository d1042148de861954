"""The one door through which points enter, and the readers of what is inside.

Whatever comes in, in whatever order and however often: of points of one device with equal times
the best one stays (most accurate, then by content, so that the order of arrival does not matter),
the others at another place are kept in quarantine as `equal_time`, and repeats change nothing.
"""

import datetime as dt
import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.points import Bools, Ints, Points
from trackflow.sources.ahead import CLOCK_BEHIND
from trackflow.sources.records import PointBatch, Refusal
from trackflow.store.days import batches
from trackflow.store.devices.settings import DoorRules, add_devices, door_rules
from trackflow.store.dialects import insert_into, is_among, listed
from trackflow.store.housekeeping import retention
from trackflow.store.intake import ahead, rivals
from trackflow.store.intake.rivals import QUALITY, WORST, Claimed, incoming, quality
from trackflow.store.tables import gps_points, quarantined_points, receipts
from trackflow.store.types import epoch_us, from_us, to_us
from trackflow.tracks.segments import DAY_US

EQUAL_TIME = "equal_time"
"""Reason of a quarantined point whose device said to be elsewhere at the same moment."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of one delivery: counts of points.

    Attributes:
        added: new ones.
        repeated: ones that were known, as stored or as set aside.
        conflicting: set aside, as a better one has the same time.
        refused: set aside for the first time, for whatever other reason.
        too_old: older than what retention keeps, whether or not they were refused before.
    """

    added: int = 0
    repeated: int = 0
    conflicting: int = 0
    refused: int = 0
    too_old: int = 0

    def __add__(self, other: "Accepted") -> "Accepted":
        return Accepted(
            self.added + other.added,
            self.repeated + other.repeated,
            self.conflicting + other.conflicting,
            self.refused + other.refused,
            self.too_old + other.too_old,
        )


def accept(
    connection: Connection,
    points: PointBatch,
    refused: Sequence[Refusal],
    source: str,
    now: dt.datetime,
    *,
    import_id: str = "",
    received_at: dt.datetime | None = None,
) -> Accepted:
    """Store a delivery and mark the batches that it touches, in the caller's transaction.

    Args:
        connection: in a transaction for writing.
        points: of any devices, in any order.
        refused: what its reader has refused.
        source: file, door or table that it came from.
        now: the time.
        import_id: the import that it is a part of and can be undone with; empty for none.
        received_at: when it came, if that was earlier.
    """
    newly_refused = _refuse(connection, _refusal_rows(connection, refused, now), import_id)
    if not len(points):
        return Accepted(refused=newly_refused)
    rules = hold_devices(connection, points.devices, now)
    kept_from = {name: rule.kept_from for name, rule in rules.items()}
    points, too_old = retention.split_old(points, kept_from, source, now)
    newly_refused += _refuse(connection, too_old, import_id)
    if not len(points):
        return Accepted(refused=newly_refused, too_old=len(too_old))
    receipt = sa.insert(receipts).values(
        received_at=received_at or now, source=source, import_id=import_id or None
    )
    seq = connection.execute(receipt.returning(receipts.c.received_seq)).scalar_one()
    delivery = rivals.Delivery(import_id, source, seq)
    order, is_best = _best_of_equal_times(points)
    best = order[is_best]
    inner = _losers_inside(points, order, is_best)
    lost = list(inner)
    met = _Meeting()
    if _is_new_ground(connection, points):
        _copy(connection, gps_points, points, best, (source, seq))
        changed = _days_of(points, best, rules)
    else:
        _fill_incoming(connection, points, best)
        met = _compare_with_stored(connection)
        lost = [claimed for claimed in (*inner, *met.rejected) if claimed not in met.winners]
        if import_id:
            _keep_known(connection, (*lost, *met.beaten, *met.winners))
        rivals.record(connection, delivery)
        _release(connection, met.winners)
        _upsert_incoming(connection, source, seq)
        changed = _changed_days(connection, seq, rules)
    rows = [_loser_row(*claimed, source, now) for claimed in (*lost, *met.beaten)]
    set_aside = _quarantine(connection, rows)
    # what an import says goes with it, and what it keeps out comes back
    inner = {c: k for c, k in inner.items() if import_id or c in met.winners}
    if inner:
        _fill_incoming(connection, points, np.array(sorted(inner.values()), np.int64))
        rivals.record_all(connection, delivery)
    if not import_id:  # they stay in quarantine, also if an import has claimed them before
        rivals.keep_places(connection, (*lost, *met.staying), only_rivals=True)
    added = batches.mark_pending(connection, changed, now)
    _mark_conflicts(connection, set_aside.values(), changed, now)
    new = sum(_hash_of_claimed(claimed) in set_aside for claimed in set(lost))
    return Accepted(
        added=added,
        repeated=len(points) - added - new,
        conflicting=len(set_aside),
        refused=newly_refused,
        too_old=len(too_old),
    )


def _fill_incoming(connection: Connection, points: PointBatch, rows: Ints) -> None:
    """Write rows of a delivery to the temporary table in which they meet those stored."""
    if not sa.inspect(connection).has_table(incoming.name):
        incoming.create(connection)
    connection.execute(sa.delete(incoming))
    _copy(connection, incoming, points, rows)


def _refuse(connection: Connection, rows: Sequence[dict[str, Any]], import_id: str) -> int:
    """Keep what was refused, and note whether it goes with an import; returns how many are new."""
    new = _quarantine(connection, rows)
    known = {row["content_hash"] for row in rows} - new.keys()
    rivals.note_refusals(connection, sorted(new), sorted(known), import_id)
    return len(new)


def _keep_known(connection: Connection, claimed: Iterable[Claimed]) -> None:
    """Note positions in quarantine that no import has put there: they stay if one is undone."""
    by_hash = {_hash_of_claimed(one): one for one in claimed}
    known = rivals.quarantined(connection, sorted(by_hash))
    rivals.keep_places(connection, [by_hash[key] for key in known], only_rivals=False)


def read_points(connection: Connection, device_id: str, start_us: int, end_us: int) -> Points:
    """The points of a device in `[start_us, end_us)`, in order of time."""
    p = gps_points.c
    rows = connection.execute(
        sa.select(epoch_us(p.recorded_at), p.longitude, p.latitude, p.accuracy_m)
        .where(
            p.device_id == device_id,
            p.recorded_at >= from_us(start_us),
            p.recorded_at < from_us(end_us),
        )
        .order_by(p.recorded_at)
    ).fetchall()
    if not rows:
        return Points.empty()
    # microseconds of this century are exact in a float64: one conversion for all columns
    table = np.array([tuple(row) for row in rows], dtype=np.float64)
    return Points.of(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], table[:, 3])


def newest_points(connection: Connection, device_id: str, most: int) -> Points:
    """The newest points of a device, in order of time."""
    p = gps_points.c
    query = sa.select(epoch_us(p.recorded_at)).where(p.device_id == device_id)
    newest = query.order_by(p.recorded_at.desc())
    oldest_us = connection.scalar(newest.offset(most - 1).limit(1))
    if oldest_us is None:
        oldest_us = connection.scalar(query.order_by(p.recorded_at).limit(1))
    last_us = connection.scalar(newest.limit(1))
    if oldest_us is None or last_us is None:
        return Points.empty()
    return read_points(connection, device_id, oldest_us, last_us + 1)


def span_us(connection: Connection, device_id: str) -> tuple[int, int] | None:
    """Times of the first and last point of a device."""
    p = gps_points.c
    first, last = connection.execute(
        sa.select(sa.func.min(p.recorded_at), sa.func.max(p.recorded_at)).where(
            p.device_id == device_id
        )
    ).one()
    return None if first is None else (to_us(first), to_us(last))


def conflicts_by_day(
    connection: Connection, device_id: str, start_us: int, end_us: int
) -> dict[dt.date, int]:
    """How many points lost against another of equal time, by day in `[start_us, end_us)`."""
    found = conflicts_of(connection, [device_id], start_us, end_us)
    return {day: count for (_, day), count in found.items()}


def conflicts_of(
    connection: Connection, ids: Sequence[str], start_us: int, end_us: int
) -> dict[tuple[str, dt.date], int]:
    """As `conflicts_by_day`, of several devices."""
    q = quarantined_points.c
    day = sa.type_coerce(epoch_us(q.recorded_at) // DAY_US, sa.BigInteger)
    rows = connection.execute(
        sa.select(q.device_id, day, sa.func.count())
        .where(
            is_among(connection.dialect.name, q.device_id),
            q.reason == EQUAL_TIME,
            q.recorded_at >= from_us(start_us),
            q.recorded_at < from_us(end_us),
        )
        .group_by(q.device_id, day),
        listed(connection, ids),
    )
    return {(name, batches.day_of_index(index)): count for name, index, count in rows}


def hold_devices(
    connection: Connection, ids: Sequence[str], now: dt.datetime
) -> dict[str, DoorRules]:
    """Make devices known and hold them, as two deliveries must not both find the ground new.

    Their rules are read while they are held: thresholds that change meanwhile mark all days. New
    devices come in before any is held: the other way round two deliveries could wait for each
    other.
    """
    while True:
        known = door_rules(connection, ids)
        new = sorted(set(ids) - known.keys())
        if new:
            add_devices(connection, new, now)
        elif connection.dialect.name == "sqlite":
            return known  # there is one writer, and that is us
        held = door_rules(connection, ids, hold=True)
        if len(held) == len(ids):  # else one was purged while we waited for it
            return held


def _best_of_equal_times(points: PointBatch) -> tuple[Ints, Bools]:
    """The order by device, time and quality; and which of it is the best of its moment."""
    rank = np.argsort(np.argsort(np.array(points.devices, dtype=object)))
    device = rank[points.device]
    quality = [np.nan_to_num(_column(points, name), nan=WORST) for name in QUALITY]
    order = np.lexsort((*reversed(quality), points.time_us, device))
    time = points.time_us[order]
    is_best = np.ones(len(order), dtype=bool)
    is_best[1:] = (np.diff(time) != 0) | (np.diff(device[order]) != 0)
    return order, is_best


def _column(points: PointBatch, name: str) -> Any:
    return getattr(points, {"longitude": "lon", "latitude": "lat"}.get(name, name))


def _is_new_ground(connection: Connection, points: PointBatch) -> bool:
    """Whether no device has a point yet in the time that this delivery spans.

    Then there is nothing to compare with, and the points can be copied straight in: the usual
    case, and twice as fast.
    """
    p = gps_points.c
    for code, name in enumerate(points.devices):
        times = points.time_us[points.of_device(code)]
        known = sa.select(p.recorded_at).where(
            p.device_id == name,
            p.recorded_at.between(from_us(int(times.min())), from_us(int(times.max()))),
        )
        if connection.scalar(known.limit(1)) is not None:
            return False
    return True


def _copy(
    connection: Connection,
    table: sa.Table,
    points: PointBatch,
    rows: Ints,
    constants: tuple[object, ...] = (),
) -> None:
    """Write rows of a delivery to `table` by the fastest way that the database has."""
    names = np.array(points.devices, dtype=object)[points.device[rows]].tolist()
    floats = [column.name for column in list(table.columns)[2:8]]
    values = [_nullable(_column(points, name)[rows]) for name in floats]
    fixed = [itertools.repeat(constant) for constant in constants]
    if connection.dialect.name == "sqlite":
        marks = ",".join("?" * len(table.columns))
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} VALUES ({marks})",
            list(zip(names, points.time_us[rows].tolist(), *values, *fixed, strict=False)),
        )
        return
    times = [from_us(time) for time in points.time_us[rows].tolist()]
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {table.name} FROM STDIN (FORMAT BINARY)") as copy:
        types = ["text", "timestamptz", *["float8"] * len(values)]
        copy.set_types([*types, "text", "int8"] if constants else types)
        for row in zip(names, times, *values, *fixed, strict=False):
            copy.write_row(row)


def _nullable(values: Any) -> list[float | None]:
    unknown = np.isnan(values)
    if unknown.all():
        return [None] * len(values)
    if not unknown.any():
        listed: list[float | None] = values.tolist()
        return listed
    return [None if value != value else value for value in values.tolist()]


def _upsert_incoming(connection: Connection, source: str, seq: int) -> None:
    names = [column.name for column in incoming.columns]
    select = sa.select(*incoming.columns, sa.literal(source), sa.literal(seq)).where(sa.true())
    insert = insert_into(connection, gps_points).from_select(
        [*names, "source", "received_seq"], select
    )
    changed = [*names[2:], "source", "received_seq"]
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["device_id", "recorded_at"],
            set_={name: insert.excluded[name] for name in changed},
            where=quality(insert.excluded) < quality(gps_points.c),
        )
    )


def _days_of(
    points: PointBatch, rows: Ints, rules: Mapping[str, DoorRules]
) -> list[batches.ChangedDay]:
    """The days of rows, in order of device and time, that are all new."""
    device, time_us = points.device[rows], points.time_us[rows]
    day = time_us // DAY_US
    starts = np.flatnonzero((np.diff(device, prepend=-1) != 0) | (np.diff(day, prepend=-1) != 0))
    ends = np.append(starts[1:], len(rows)) - 1
    return [
        changed_day(
            points.devices[device[start]],
            int(day[start]),
            int(end - start + 1),
            (int(time_us[start]), int(time_us[end])),
            rules,
        )
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def changed_day(
    device_id: str,
    index: int,
    count: int,
    span_us: tuple[int, int],
    rules: Mapping[str, DoorRules],
) -> batches.ChangedDay:
    """A day that got points.

    Args:
        device_id: whose day.
        index: of the day, since 1970.
        count: how many points.
        span_us: times of the first and the last of them.
        rules: of the device, among others.
    """
    buffer_us = rules[device_id].buffer_us
    return batches.ChangedDay(
        device_id=device_id,
        day=batches.day_of_index(index),
        points=count,
        touches_previous=span_us[0] - index * DAY_US < buffer_us,
        touches_next=span_us[1] - index * DAY_US >= DAY_US - buffer_us,
    )


def _changed_days(
    connection: Connection, seq: int, rules: Mapping[str, DoorRules]
) -> list[batches.ChangedDay]:
    p, i = gps_points.c, incoming.c
    time = epoch_us(p.recorded_at)
    day = sa.type_coerce(time // DAY_US, sa.BigInteger)
    rows = connection.execute(
        sa.select(p.device_id, day, sa.func.count(), sa.func.min(time), sa.func.max(time))
        .join(incoming, sa.and_(p.device_id == i.device_id, p.recorded_at == i.recorded_at))
        .where(p.received_seq == seq)
        .group_by(p.device_id, day)
    )
    return [
        changed_day(device, index, count, (first_us, last_us), rules)
        for device, index, count, first_us, last_us in rows
    ]


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
    _release(connection, going)
    _quarantine(connection, [_loser_row(*claimed, source, now) for claimed, source in coming])


def claimed_at(device_id: str, time_us: int, lon: float, lat: float) -> Claimed:
    """Where a device said to be; -0.0 is the same place as 0.0."""
    return device_id, time_us, lon + 0.0, lat + 0.0


def _losers_inside(points: PointBatch, order: Ints, is_best: Bools) -> dict[Claimed, int]:
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
class _Meeting:
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


def _compare_with_stored(connection: Connection) -> _Meeting:
    p, i, r = gps_points.c, incoming.c, receipts.c
    met = _Meeting()
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


def _release(connection: Connection, winners: Iterable[Claimed]) -> None:
    """Take positions out of quarantine that a better point now confirms.

    Quarantine holds the positions that lost, whatever the order in which they came.
    """
    hashes = [{"hash": _hash_of_claimed(winner)} for winner in winners]
    if hashes:
        connection.execute(
            sa.delete(quarantined_points).where(
                quarantined_points.c.content_hash == sa.bindparam("hash")
            ),
            hashes,
        )


def _mark_conflicts(
    connection: Connection,
    set_aside: Iterable[dict[str, Any]],
    changed: Sequence[batches.ChangedDay],
    now: dt.datetime,
) -> None:
    """Mark the days of new conflicts: nothing but their ledgers changes."""
    days = {(row["device_id"], row["recorded_at"].date()) for row in set_aside}
    batches.mark_again(connection, days - {(c.device_id, c.day) for c in changed}, now)


def move_conflicts(connection: Connection, rows: Sequence[sa.RowMapping], shift_us: int) -> None:
    """Give points that lost against one of equal time another time, as their winners got one."""
    moved = []
    for row in rows:
        place, time_us = orjson.loads(row["raw"]), to_us(row["recorded_at"]) + shift_us
        claimed = claimed_at(row["device_id"], time_us, place["longitude"], place["latitude"])
        moved.append(_loser_row(*claimed, row["source"], row["received_at"]))
    q = quarantined_points.c
    # all leave before any comes in: one may get the time that another one has just left
    for row in rows:
        gone = sa.delete(quarantined_points).where(q.content_hash == row["content_hash"])
        connection.execute(gone)
    _quarantine(connection, moved)


def _quarantine(connection: Connection, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Keep rows; returns those that were not there yet, by their hash."""
    unique = {row["content_hash"]: row for row in rows}
    if not unique:
        return {}
    # in one order everywhere: two deliveries of the same rows must not wait for each other
    ordered = [unique[key] for key in sorted(unique)]
    insert = insert_into(connection, quarantined_points).on_conflict_do_nothing()
    new = connection.scalars(insert.returning(quarantined_points.c.content_hash), ordered)
    return {key: unique[key] for key in new}


def _refusal_rows(
    connection: Connection, refused: Sequence[Refusal], now: dt.datetime
) -> list[dict[str, Any]]:
    """What was refused; what lies in the future says so if it is this machine's clock."""
    early = any(refusal.time_us is not None for refusal in refused)
    behind = early and ahead.is_behind(connection, now)
    if behind:
        ahead.note(connection, now)
    return [
        _refusal_row(
            refusal,
            CLOCK_BEHIND if behind and refusal.time_us is not None else str(refusal.reason),
            now,
        )
        for refusal in refused
    ]


def _refusal_row(refusal: Refusal, reason: str, now: dt.datetime) -> dict[str, Any]:
    origin = refusal.origin
    return {
        "content_hash": hash_of_refusal(refusal, reason),
        "device_id": refusal.device_id,
        "recorded_at": None if refusal.time_us is None else from_us(refusal.time_us),
        "reason": reason,
        "raw": refusal.raw,
        "source": refusal.where,
        "received_at": now,
        "sender": origin and origin.sender,
        "envelope": origin and origin.envelope,
        "body": refusal.body,
        "size_bytes": size_bytes(refusal),
    }


def hash_of_refusal(refusal: Refusal, reason: str = "") -> str:
    """The key of what was refused, by default for its own reason.

    Inputs that differ anywhere have different ones.
    """
    # the enumeration's member, not its text, as in the keys of older versions
    why = refusal.reason if reason in ("", refusal.reason) else reason
    content: tuple[object, ...] = (refusal.device_id, why, refusal.raw)
    if refusal.origin is not None:
        body = hashlib.blake2b(refusal.body or b"").hexdigest()
        content = (*content, refusal.origin.envelope, body)
    return _hash(*content)


def size_bytes(refusal: Refusal) -> int:
    """What a refused input takes in the quarantine."""
    envelope = refusal.origin.envelope if refusal.origin else ""
    return len(refusal.raw.encode()) + len(refusal.body or b"") + len(envelope)


def _loser_row(
    device_id: str, time_us: int, lon: float, lat: float, source: str, now: dt.datetime
) -> dict[str, Any]:
    return {
        "content_hash": _hash_of_claimed((device_id, time_us, lon, lat)),
        "device_id": device_id,
        "recorded_at": from_us(time_us),
        "reason": EQUAL_TIME,
        "raw": orjson.dumps({"longitude": lon, "latitude": lat}).decode(),
        "source": source,
        "received_at": now,
    }


def _hash_of_claimed(claimed: Claimed) -> str:
    device_id, time_us, lon, lat = claimed
    return _hash(device_id, EQUAL_TIME, time_us, lon, lat)


def _hash(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
