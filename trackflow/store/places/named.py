"""Places: learned ones, and what people decided about places."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.places.areas import Area, PlaceStatus
from trackflow.store.dialects import insert_into
from trackflow.store.places.tables import place_decisions, places

p, d = places.c, place_decisions.c


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A place as it is stored.

    Attributes:
        place_id: its id.
        device_id: the only device that it counts for; None for all.
        name: its name.
        kind: one of `words.PLACE_KINDS`.
        longitude: degrees.
        latitude: degrees.
        radius_m: metres.
        status: learned, confirmed, rejected or merged.
        confidence: of a learned place, 0 to 1.
        merged_into: the place that a merged one belongs to.
        changed_by: name of the last person who changed it.
    """

    place_id: uuid.UUID
    device_id: str | None
    name: str
    kind: str
    longitude: float
    latitude: float
    radius_m: float
    status: PlaceStatus
    confidence: float | None = None
    merged_into: uuid.UUID | None = None
    changed_by: str | None = None

    @property
    def area(self) -> Area:
        """What stays need to know about it."""
        return Area(
            self.place_id,
            self.device_id,
            self.longitude,
            self.latitude,
            self.radius_m,
            self.status,
            self.merged_into,
            (self.name, self.kind),
        )

    def as_json(self) -> dict[str, Any]:
        """Its columns as JSON values."""
        ids = {name: getattr(self, name) for name in ("place_id", "merged_into")}
        texts = {name: None if value is None else str(value) for name, value in ids.items()}
        return {**asdict(self), **texts, "status": self.status.value}


def from_json(columns: dict[str, Any]) -> PlaceRow:
    """The place whose `as_json` these columns are."""
    row = PlaceRow(**columns)
    merged = columns["merged_into"]
    return replace(
        row,
        place_id=uuid.UUID(columns["place_id"]),
        merged_into=None if merged is None else uuid.UUID(merged),
        status=PlaceStatus(columns["status"]),
    )


@dataclass(frozen=True, slots=True)
class PlaceDecision:
    """What a person did to a place.

    Attributes:
        decision_id: its id.
        place_id: the place.
        device_id: the only device that the place counts for; None for all.
        action: add, confirm, change, merge or reject.
        before: the place before; None where there was none.
        after: the place after it.
        decided_by: name of the person.
        decided_at: when, UTC.
        undone_at: when it was undone, UTC; None while it counts.
    """

    decision_id: uuid.UUID
    place_id: uuid.UUID
    device_id: str | None
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any]
    decided_by: str
    decided_at: dt.datetime
    undone_at: dt.datetime | None = None


def read_places(connection: Connection, device_id: str | None = None) -> list[PlaceRow]:
    """Places by id: those of a device and of all devices; with None, every place."""
    query = sa.select(*(p[name] for name in PlaceRow.__dataclass_fields__)).order_by(p.place_id)
    if device_id is not None:
        query = query.where(sa.or_(p.device_id.is_(None), p.device_id == device_id))
    rows = (PlaceRow(*row) for row in connection.execute(query))
    return [replace(row, status=PlaceStatus(row.status)) for row in rows]


def read_place(
    connection: Connection, place_id: uuid.UUID, *, lock: bool = False
) -> PlaceRow | None:
    """One place; None if there is none with this id.

    Args:
        connection: to the store.
        place_id: the place.
        lock: whether nothing else may change it until the end of the transaction.
    """
    query = sa.select(*(p[name] for name in PlaceRow.__dataclass_fields__))
    query = query.where(p.place_id == place_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else replace(PlaceRow(*row), status=PlaceStatus(row.status))


def write_places(connection: Connection, rows: Iterable[PlaceRow], now: dt.datetime) -> None:
    """Add places, or change those that are there."""
    values = [{**asdict(row), "created_at": now, "updated_at": now} for row in rows]
    if values:
        insert = insert_into(connection, places)
        names = [*PlaceRow.__dataclass_fields__, "updated_at"]
        new = {name: insert.excluded[name] for name in names[1:]}
        statement = insert.on_conflict_do_update(index_elements=["place_id"], set_=new)
        connection.execute(statement, values)


def delete_places(connection: Connection, place_ids: Sequence[uuid.UUID]) -> None:
    """Delete places."""
    for place_id in place_ids:
        connection.execute(sa.delete(places).where(p.place_id == place_id))


def add_decision(connection: Connection, decision: PlaceDecision) -> None:
    """Keep what a person did."""
    connection.execute(sa.insert(place_decisions).values(asdict(decision)))


def newest_decision(connection: Connection, place_id: uuid.UUID) -> PlaceDecision | None:
    """The newest decision about a place that counts."""
    found = read_decisions(connection, place_id)
    return next((one for one in found if one.undone_at is None), None)


def read_decisions(connection: Connection, place_id: uuid.UUID) -> list[PlaceDecision]:
    """All decisions about a place, the newest first."""
    query = (
        sa.select(*(d[name] for name in PlaceDecision.__dataclass_fields__))
        .where(d.place_id == place_id)
        .order_by(d.decided_at.desc(), d.decision_id)
    )
    return [PlaceDecision(*row) for row in connection.execute(query)]


def note_undone(connection: Connection, decision_id: uuid.UUID, now: dt.datetime) -> None:
    """Let a decision count no more."""
    undone = sa.update(place_decisions).where(d.decision_id == decision_id)
    connection.execute(undone.values(undone_at=now))


def move(connection: Connection, device_id: str, into: str) -> None:
    """Give the places of a device, and what people decided about them, to another one."""
    for table in (places, place_decisions):
        mine = sa.update(table).where(table.c.device_id == device_id)
        connection.execute(mine.values(device_id=into))
    rows = connection.execute(
        sa.select(d.decision_id, d.before, d.after).where(d.device_id == into)
    ).all()
    for row in rows:  # what undoing restores names the device too
        before = None if row.before is None else {**row.before, "device_id": into}
        after = {**row.after, "device_id": into}
        changed = sa.update(place_decisions).where(d.decision_id == row.decision_id)
        connection.execute(changed.values(before=before, after=after))
