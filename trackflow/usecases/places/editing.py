"""What people decide about places: kept apart from what is learned, and never overwritten by it.

Every change keeps the place as it was, so it can be undone. In the same transaction the places
around it are learned anew and stays get their places, so no reader sees a mixture.
"""

import datetime as dt
import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from trackflow.context import Context
from trackflow.errors import BadInputError, NotFoundError
from trackflow.geo.bbox import boxes_around
from trackflow.places.areas import PlaceStatus, target_of
from trackflow.places.learning import NAMESPACE
from trackflow.store.database import Connection
from trackflow.store.devices.settings import device_ids, known, lock_devices
from trackflow.store.places import named
from trackflow.store.places import stays as store
from trackflow.store.places.named import PlaceDecision, PlaceRow
from trackflow.usecases.places.learning import learn_in
from trackflow.words import PLACE_KINDS, is_seen

LONGEST_NAME = 200
SMALLEST_M, LARGEST_M = 10.0, 10_000.0
DEFAULT_RADIUS_M = 100.0

AROUND_M = 1_000.0
"""Places this far around a change may be learned differently: those of groups that it touches."""


@dataclass(frozen=True, slots=True)
class PlaceDraft:
    """A place that a person adds.

    Attributes:
        name: its name.
        kind: one of `PLACE_KINDS`.
        longitude: degrees.
        latitude: degrees.
        radius_m: metres.
        device_id: the only device that it counts for; None for all.
    """

    name: str
    kind: str
    longitude: float
    latitude: float
    radius_m: float = DEFAULT_RADIUS_M
    device_id: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceChange:
    """What a person changes of a place; None leaves it as it is.

    Attributes:
        name: its name.
        kind: one of `PLACE_KINDS`.
        longitude: degrees.
        latitude: degrees.
        radius_m: metres.
    """

    name: str | None = None
    kind: str | None = None
    longitude: float | None = None
    latitude: float | None = None
    radius_m: float | None = None

    def apply(self, row: PlaceRow) -> PlaceRow:
        """A place with these changes; a person stands by it from now on."""
        return replace(
            row,
            name=row.name if self.name is None else self.name.strip(),
            kind=row.kind if self.kind is None else self.kind,
            longitude=row.longitude if self.longitude is None else self.longitude,
            latitude=row.latitude if self.latitude is None else self.latitude,
            radius_m=row.radius_m if self.radius_m is None else self.radius_m,
            status=PlaceStatus.CONFIRMED,
            merged_into=None,
        )


def add_place(context: Context, draft: PlaceDraft, by: str) -> PlaceRow:
    """Add a place by hand; the same one again changes nothing, unless it was rejected or merged.

    Raises:
        BadInputError: it makes no sense.
        SettingsError: there is no such device.
    """
    (row,) = add_places(context, [draft], by)
    return row


def add_places(context: Context, drafts: Sequence[PlaceDraft], by: str) -> list[PlaceRow]:
    """Add places by hand, all or none; those that are there already stay as they are.

    One that was changed since it was added is there; one that was rejected or merged is not.

    Raises:
        BadInputError: one makes no sense.
        SettingsError: there is no device of one.
    """
    rows = [_drafted(draft) for draft in drafts]
    with context.store.write() as connection:
        ids = device_ids(connection)
        for device_id in sorted({row.device_id for row in rows if row.device_id is not None}):
            known(device_id, ids)
        _lock(connection, [(None, row) for row in rows])
        stored = named.read_places(connection)
        by_id = {row.place_id: row for row in stored}
        # what was learned and confirmed has another id than what was added by hand
        alike = {_identity(row): row.place_id for row in stored}
        rows = [
            row if row.place_id in by_id
            else replace(row, place_id=alike.get(_identity(row), row.place_id))
            for row in rows
        ]  # fmt: skip
        pairs = [
            (old, row)
            for row in rows
            if (old := by_id.get(row.place_id)) is None or old.status is not PlaceStatus.CONFIRMED
        ]
        _decide(context, connection, "add", pairs, by)
        kept = {row.place_id: row for row in named.read_places(connection)}
    return [kept[row.place_id] for row in rows]


def confirm_place(context: Context, place_id: uuid.UUID, by: str) -> PlaceRow:
    """Say that a place is right as it is: learning does not touch it from now on.

    Raises:
        NotFoundError: there is no such place.
    """
    return _change(context, place_id, "confirm", PlaceChange().apply, by)


def change_place(context: Context, place_id: uuid.UUID, change: PlaceChange, by: str) -> PlaceRow:
    """Change name, kind, position or radius of a place, and so confirm it.

    Raises:
        NotFoundError: there is no such place.
        BadInputError: the change makes no sense.
    """
    return _change(context, place_id, "change", change.apply, by)


def reject_place(context: Context, place_id: uuid.UUID, by: str) -> PlaceRow:
    """Say that there is no place: none is learned at this spot again.

    Raises:
        NotFoundError: there is no such place.
    """

    def rejected(row: PlaceRow) -> PlaceRow:
        return replace(row, status=PlaceStatus.REJECTED, merged_into=None)

    return _change(context, place_id, "reject", rejected, by)


def merge_place(context: Context, place_id: uuid.UUID, into: uuid.UUID, by: str) -> PlaceRow:
    """Let visits of a place belong to another one.

    Raises:
        NotFoundError: one of them does not exist.
        BadInputError: they cannot be merged.
    """
    with context.store.write() as connection:
        old = _read(connection, place_id)
        target = _target(connection, into)
        if target.place_id == place_id:
            raise BadInputError("a place cannot be merged into itself")
        if target.device_id not in (None, old.device_id):
            raise BadInputError(
                "a place can be merged into one of the same device or of all devices"
            )
        _lock(connection, [(old, old), (target, target)])
        old = _read(connection, place_id, lock=True)
        target = _read(connection, target.place_id, lock=True)
        merged = replace(old, status=PlaceStatus.MERGED, merged_into=target.place_id)
        # a learned target would get another id, or go, with its next stays
        pairs = [(target, PlaceChange().apply(target)), (old, merged)]
        _decide(context, connection, "merge", pairs, by)
        return _read(connection, place_id)


def _target(connection: Connection, place_id: uuid.UUID) -> PlaceRow:
    """The place that visits of a place belong to."""
    rows = {row.place_id: row for row in named.read_places(connection)}
    if place_id not in rows:
        raise _missing(place_id)
    target = target_of(place_id, {key: row.area for key, row in rows.items()})
    if target is None:
        raise BadInputError(f"the place {place_id} was rejected: undo that first")
    return rows[target]


def undo_place(context: Context, place_id: uuid.UUID) -> PlaceRow | None:
    """Undo the newest decision about a place; returns the place, None if it is gone.

    Raises:
        NotFoundError: there is no decision about it to undo.
    """
    with context.store.write() as connection:
        _lock(connection, [_undone(connection, place_id)[1]])
        decision, (now, before) = _undone(connection, place_id, lock=True)
        named.note_undone(connection, decision.decision_id, context.clock())
        if decision.before is None:
            named.delete_places(connection, [place_id])
        else:
            named.write_places(connection, [before], context.clock())
        _follow(context, connection, [(now, before)])
        return named.read_place(connection, place_id)


def _undone(
    connection: Connection, place_id: uuid.UUID, *, lock: bool = False
) -> tuple[PlaceDecision, tuple[PlaceRow, PlaceRow]]:
    """The newest decision about a place, and the place as it is and as it was before that."""
    now = named.read_place(connection, place_id, lock=lock)
    decision = named.newest_decision(connection, place_id)
    if decision is None or now is None:
        raise NotFoundError(f"there is nothing to undo for the place {place_id}")
    return decision, (now, now if decision.before is None else named.from_json(decision.before))


def _read(connection: Connection, place_id: uuid.UUID, *, lock: bool = False) -> PlaceRow:
    found = named.read_place(connection, place_id, lock=lock)
    if found is None:
        raise _missing(place_id)
    return found


def _missing(place_id: uuid.UUID) -> NotFoundError:
    return NotFoundError(f"there is no place {place_id}; see `trackflow places list`")


def _change(
    context: Context,
    place_id: uuid.UUID,
    action: str,
    change: Callable[[PlaceRow], PlaceRow],
    by: str,
) -> PlaceRow:
    """Change one place.

    Args:
        context: the store and the clock.
        place_id: the place.
        action: what the person does.
        change: makes the new row of the old one.
        by: name of the person.
    """
    with context.store.write() as connection:
        old = _read(connection, place_id)
        _lock(connection, [(old, change(old))])
        old = _read(connection, place_id, lock=True)  # learning may just have dropped it
        new = _checked(change(old))
        _decide(context, connection, action, [(old, new)], by)
        return named.read_place(connection, place_id) or new


type Pair = tuple[PlaceRow | None, PlaceRow]
"""A place before and after a decision."""


def _decide(
    context: Context, connection: Connection, action: str, pairs: Sequence[Pair], by: str
) -> None:
    """Write decisions, and what follows from them; a place that stays the same is left out.

    Args:
        context: the settings and the clock.
        connection: in a transaction for writing; the devices are locked.
        action: what the person does.
        pairs: the places.
        by: name of the person.
    """
    changed = [
        (old, replace(new, changed_by=by, confidence=None))
        for old, new in pairs
        if old is None or replace(new, changed_by=old.changed_by, confidence=old.confidence) != old
    ]
    named.write_places(connection, [new for _, new in changed], context.clock())
    for old, new in changed:
        at = context.clock()
        for last in named.read_decisions(connection, new.place_id)[:1]:
            # in order, also where the clock stands still
            at = max(at, last.decided_at + dt.timedelta(microseconds=1))
        before = None if old is None else old.as_json()
        decision = PlaceDecision(
            uuid.uuid4(), new.place_id, new.device_id, action, before, new.as_json(), by, at
        )
        named.add_decision(connection, decision)
    if changed:
        _follow(context, connection, changed)


def _follow(context: Context, connection: Connection, pairs: Sequence[Pair]) -> None:
    """Learn anew around changed places, and give stays their places."""
    changed = {new.place_id for _, new in pairs}
    for device_id in _devices_of(connection, pairs):
        learn_in(context, connection, device_id, changed)


def _lock(connection: Connection, pairs: Sequence[Pair]) -> None:
    lock_devices(connection, _devices_of(connection, pairs))


def _devices_of(connection: Connection, pairs: Sequence[Pair]) -> list[str]:
    """The devices with stays whose places a change of places may concern."""
    rows = [row for pair in pairs for row in pair if row is not None]
    own = {row.device_id for row in rows if row.device_id is not None}
    boxes = boxes_around(
        (row.longitude, row.latitude, row.radius_m + AROUND_M)
        for row in rows
        if row.device_id is None
    )
    return sorted(own | set(store.devices_in(connection, boxes)))


def _identity(row: PlaceRow) -> str:
    return f"{row.device_id or ''}|{row.name}|{row.longitude:.6f},{row.latitude:.6f}"


def _drafted(draft: PlaceDraft) -> PlaceRow:
    """The row of a place that is added; its id follows from its name and position."""
    row = _checked(
        PlaceRow(
            NAMESPACE,
            draft.device_id,
            draft.name.strip(),
            draft.kind,
            draft.longitude,
            draft.latitude,
            draft.radius_m,
            PlaceStatus.CONFIRMED,
        )
    )
    return replace(row, place_id=uuid.uuid5(NAMESPACE, _identity(row)))


def _checked(row: PlaceRow) -> PlaceRow:
    """A place whose values make sense.

    Raises:
        BadInputError: they make none.
    """
    if not row.name or len(row.name) > LONGEST_NAME or not is_seen(row.name):
        raise BadInputError(f"a place needs a name of 1 to {LONGEST_NAME} printable characters")
    if row.kind not in PLACE_KINDS:
        raise BadInputError(f"{row.kind!r} is no kind of place; there are {', '.join(PLACE_KINDS)}")
    if not all(map(math.isfinite, (row.longitude, row.latitude, row.radius_m))):
        raise BadInputError("longitude, latitude and radius must be numbers")
    if abs(row.longitude) > 180 or abs(row.latitude) > 90:
        raise BadInputError("a longitude is -180 to 180 degrees, a latitude -90 to 90")
    if not SMALLEST_M <= row.radius_m <= LARGEST_M:
        raise BadInputError(f"a radius is {SMALLEST_M:g} to {LARGEST_M:g} metres")
    return row
