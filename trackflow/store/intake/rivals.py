"""Rival points of one device and moment: which is the best, and which replaced ones are kept.

An import can be undone. So the points that its points replace are kept in `replaced_points`, and so
are its own points of moments at which another point is stored: of each import the best point of
each position. Between two deliveries that can never be undone, nothing is kept.
"""

import datetime as dt
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import from_us
from trackflow.store.dialects import insert_into, insert_of, is_among, listed
from trackflow.store.tables import (
    gps_points,
    import_refusals,
    quarantined_points,
    receipts,
    replaced_points,
)
from trackflow.store.types import UtcTime

WORST = 1e300
"""Stands for an unknown value in comparisons: any known one is better."""

QUALITY = ("accuracy_m", "longitude", "latitude", "altitude_m", "speed_ms", "course_deg")
"""The columns that decide between points of equal time, the most important first."""

incoming = sa.Table(
    "incoming_points",
    sa.MetaData(),
    sa.Column("device_id", sa.Text),
    sa.Column("recorded_at", UtcTime),
    *(
        sa.Column(name, sa.Double)
        for name in ("longitude", "latitude", "altitude_m", "accuracy_m", "speed_ms", "course_deg")
    ),
    prefixes=["TEMPORARY"],
)

KEY = ("device_id", "recorded_at", "import_id", "longitude", "latitude")
EXTRA = ("altitude_m", "accuracy_m", "speed_ms", "course_deg", "source", "received_seq")
UNKNOWN_SEQ = 0
"""The receipt's number of a point of which only the position is known: no receipt has it."""

g, r, n, w = gps_points.c, receipts.c, incoming.c, replaced_points.c

type ClaimedPosition = tuple[str, int, float, float]
"""A reported position: device, time in microseconds since 1970, longitude, latitude."""


type TimeSpan = tuple[dt.datetime, dt.datetime]
"""The first and the last time of the points of a delivery, UTC."""


@dataclass(frozen=True, slots=True)
class DeliveryOrigin:
    """The origin of points: their import (empty for none), their source and their receipt."""

    import_id: str
    source: str
    seq: int


def quality(columns: Any) -> sa.Tuple:
    """The columns by which points of equal time are compared; the smallest is the best."""
    return sa.tuple_(*(sa.func.coalesce(columns[name], WORST) for name in QUALITY))


MET = sa.and_(
    g.device_id == n.device_id,
    g.recorded_at == n.recorded_at,
    g.recorded_at.between(
        sa.bindparam("first", type_=UtcTime), sa.bindparam("last", type_=UtcTime)
    ),
)
"""The condition that a stored point has the moment of an incoming one.

The first and the last time of the incoming points are part of it: without them PostgreSQL would
look for each point in each month.
"""


def record(connection: Connection, delivery: DeliveryOrigin, span: TimeSpan) -> None:
    """Keep the stored and the incoming points that are about to lose, before the upsert."""
    values = _origin(delivery) | {"first": span[0], "last": span[1]}
    for losers in _losers(connection.dialect.name):
        connection.execute(losers, values)


def _origin(delivery: DeliveryOrigin) -> dict[str, Any]:
    return {
        "of_import": delivery.import_id,
        "of_source": delivery.source,
        "of_seq": delivery.seq,
    }


MINE = sa.bindparam("of_import", type_=sa.Text)
OF_DELIVERY = (
    MINE,
    sa.bindparam("of_source", type_=sa.Text),
    sa.bindparam("of_seq", type_=sa.BigInteger),
)
"""The parameters of `_origin`."""


@functools.cache
def _losers(dialect: str) -> tuple[sa.Executable, sa.Executable]:
    """The statements that keep the stored and the incoming points that are about to lose.

    Made once: SQLAlchemy takes longer to make them than SQLite to execute them.
    """
    stored_by = sa.func.coalesce(r.import_id, "")
    wins = quality(n) < quality(g)
    is_undoable = sa.or_(stored_by != "", MINE != "")
    same_place = sa.and_(g.longitude == n.longitude, g.latitude == n.latitude)
    met = sa.join(gps_points, incoming, MET).outerjoin(receipts, r.received_seq == g.received_seq)
    # a loser at the winner's position is never needed if the winner stays at least as long
    replaced = sa.select(*_columns(g, stored_by, g.source, g.received_seq)).select_from(met)
    outlived = sa.and_(same_place, sa.or_(stored_by == MINE, MINE == ""))
    stored = _kept(dialect, replaced.where(wins, is_undoable, ~outlived))
    rejected = sa.select(*_columns(n, *OF_DELIVERY)).select_from(met)
    outlived = sa.and_(same_place, sa.or_(stored_by == MINE, stored_by == ""))
    return stored, _kept(dialect, rejected.where(~wins, is_undoable, ~outlived))


def record_all(connection: Connection, delivery: DeliveryOrigin) -> None:
    """Keep all points in `incoming`: a better one of the same delivery is stored."""
    connection.execute(_all(connection.dialect.name), _origin(delivery))


@functools.cache
def _all(dialect: str) -> sa.Executable:
    return _kept(dialect, sa.select(*_columns(n, *OF_DELIVERY)).where(sa.true()))


def keep_repeats(
    connection: Connection, given: sa.FromClause, values: dict[str, Any], span: TimeSpan
) -> None:
    """Keep stored points that an import has brought and another sender has repeated.

    Args:
        connection: in a transaction for writing; the devices are locked.
        given: a table of `device_id` and `recorded_at`.
        values: the parameters of `given`.
        span: the times in it.
    """
    query = (
        sa.select(*_columns(g, sa.literal(""), g.source, sa.literal(UNKNOWN_SEQ)))
        .join(receipts, r.received_seq == g.received_seq)
        .join(
            given, sa.and_(given.c.device_id == g.device_id, given.c.recorded_at == g.recorded_at)
        )
        .where(r.import_id.is_not(None), g.recorded_at.between(*span))
    )
    connection.execute(_kept(connection.dialect.name, query), values)


def keep_positions(
    connection: Connection, positions: Iterable[ClaimedPosition], *, only_rivals: bool
) -> None:
    """Keep positions that a delivery other than an import has brought; their other values are lost.

    Args:
        connection: in a transaction for writing.
        positions: the positions.
        only_rivals: only those that an import has brought too; else only those that none has.
    """
    if (
        only_rivals
        and connection.scalar(sa.select(sa.literal(1)).where(w.import_id != "").limit(1)) is None
    ):
        return  # the usual case: no import has rival points
    for device_id, time_us, lon, lat in positions:
        time = from_us(time_us)
        same = (w.device_id == device_id, w.recorded_at == time, w.longitude == lon,
                w.latitude == lat)  # fmt: skip
        is_claimed = connection.scalar(sa.select(sa.literal(1)).where(*same).limit(1)) is not None
        if is_claimed is only_rivals:
            row = dict(zip(KEY, (device_id, time, "", lon, lat), strict=True))
            insert = insert_into(connection, replaced_points).on_conflict_do_nothing()
            connection.execute(insert, [row | {"source": "", "received_seq": UNKNOWN_SEQ}])


def quarantined(connection: Connection, hashes: Sequence[str]) -> list[str]:
    """Those of some hashes that are in quarantine."""
    if not hashes:
        return []
    q = quarantined_points.c.content_hash
    query = sa.select(q).where(is_among(connection.dialect.name, q))
    return list(connection.scalars(query, listed(connection, hashes)))


def note_refusals(
    connection: Connection, new: Sequence[str], known: Sequence[str], import_id: str
) -> None:
    """Note which refused rows were brought by imports only, and by which.

    Args:
        connection: in a transaction for writing.
        new: rows that this delivery has put in quarantine.
        known: rows that were there already.
        import_id: the import; empty for any other delivery.
    """
    f = import_refusals.c
    among = is_among(connection.dialect.name, f.content_hash)
    # a new row may have notes from before it was last deleted; a known row that this delivery
    # repeats is no longer of imports only, unless this is an import
    outdated = [*new] if import_id else [*new, *known]
    if outdated:
        connection.execute(sa.delete(import_refusals).where(among), listed(connection, outdated))
    if not import_id:
        return
    noted = [*new]
    if known:
        query = sa.select(f.content_hash).distinct().where(among)
        noted += connection.scalars(query, listed(connection, known))
    if noted:
        insert = insert_into(connection, import_refusals).on_conflict_do_nothing()
        connection.execute(insert, [{"content_hash": k, "import_id": import_id} for k in noted])


def imports_of_refusals(connection: Connection, hashes: Sequence[str]) -> dict[str, str]:
    """For rows in quarantine that were brought by imports only, one of those imports."""
    f = import_refusals.c
    query = sa.select(f.content_hash, f.import_id).where(
        is_among(connection.dialect.name, f.content_hash)
    )
    found = connection.execute(query.order_by(f.import_id.desc()), listed(connection, hashes))
    return {row.content_hash: row.import_id for row in found}


def _columns(points: Any, import_id: Any, source: Any, seq: Any) -> list[Any]:
    position = [points[name] for name in ("longitude", "latitude")]
    extra = [points[name] for name in EXTRA[:4]]
    return [points.device_id, points.recorded_at, import_id, *position, *extra, source, seq]


def _kept(dialect: str, query: sa.Select[Any]) -> sa.Executable:
    """The statement that keeps the rows of a query, of each position the best."""
    insert = insert_of(dialect, replaced_points).from_select([*KEY, *EXTRA], query)
    return insert.on_conflict_do_update(
        index_elements=list(KEY),
        set_={name: insert.excluded[name] for name in EXTRA},
        where=quality(insert.excluded) < quality(replaced_points.c),
    )
