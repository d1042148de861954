"""Decisions of people: what a track was for, kept by device and time, undone but never deleted."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from trackflow.categories.rules.reading import LONGEST_TEXT, is_text
from trackflow.context import Context
from trackflow.errors import NotFoundError, SettingsError
from trackflow.geo.time import EARLIEST, LATEST
from trackflow.store.categories import categories, decisions
from trackflow.store.categories.decisions import DecisionRow
from trackflow.store.database import Connection
from trackflow.store.days.queries import Devices
from trackflow.store.devices import settings
from trackflow.store.devices.settings import lock_devices
from trackflow.usecases.changed_meanwhile import check_unchanged
from trackflow.usecases.queries.track_by_id import track_by_id
from trackflow.words import category_named

__all__ = [
    "DecisionRequest",
    "DecisionRow",
    "decide",
    "decide_track",
    "list_decisions",
    "row_of",
    "undo_decision",
]


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """What a person decides for a device and a time.

    Attributes:
        device_id: the device.
        start_time: from when, aware.
        end_time: until when, aware.
        category: None leaves it to the rules.
        purpose: None leaves it to the rules.
        partner: None leaves it to the rules.
    """

    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime
    category: str | None = None
    purpose: str | None = None
    partner: str | None = None

    def __post_init__(self) -> None:
        if self.start_time > self.end_time:
            raise SettingsError("the decision ends before it begins")
        if not EARLIEST <= self.start_time <= self.end_time <= LATEST:
            raise SettingsError("the decision is about a time before 1900 or after 2200")
        given = [one for one in (self.category, self.purpose, self.partner) if one is not None]
        if not given:
            raise SettingsError("decide a category, a purpose or a partner")
        if not all(map(is_text, given)):
            raise SettingsError(
                f"a category, purpose or partner is a text of 1 to {LONGEST_TEXT} characters"
            )


def decide(
    context: Context,
    wanted: DecisionRequest,
    by: str,
    *,
    origin: str = "person",
    made_from: Mapping[str, str | None] | None = None,
) -> DecisionRow:
    """Store a decision; the same decision is not stored twice in a row.

    Args:
        context: the store and the clock.
        wanted: the decision.
        by: name of the person.
        origin: person or import.
        made_from: what the person saw that the one track of this time was for; None if that is not
            known.

    Raises:
        SettingsError: there is no such device.
        ChangedMeanwhileError: one of `made_from` is another by now.
    """
    with context.store.write() as connection:
        settings.known(wanted.device_id, settings.device_ids(connection))
        lock_devices(connection, [wanted.device_id])
        row = row_of(wanted, by, origin, context.clock())
        standing = _newest(connection, wanted)
        if standing is not None and standing.content == row.content:
            return standing
        if made_from is not None:
            check_unchanged(made_from, _outcome(connection, wanted), "this track")
        decisions.add(connection, [row])
        categories.mark_due(connection, (wanted.device_id,), wanted.start_time, wanted.end_time)
    return row


def decide_track(
    context: Context,
    track_id: uuid.UUID,
    by: str,
    *,
    category: str | None = None,
    purpose: str | None = None,
    partner: str | None = None,
    made_from: Mapping[str, str | None] | None = None,
) -> DecisionRow:
    """Decide what one track was for: the decision is kept for its time.

    Args:
        context: the store and the clock.
        track_id: the track; former ids lead to it as well.
        by: name of the person.
        category: None leaves it to the rules.
        purpose: None leaves it to the rules.
        partner: None leaves it to the rules.
        made_from: what the person saw of these three, by name; None if that is not known.

    Raises:
        NotFoundError: there is no such track (`GoneError` where there was one).
        ChangedMeanwhileError: one of `made_from` is another by now.
    """
    with context.store.read() as connection:
        row = track_by_id(connection, track_id)
    wanted = DecisionRequest(
        row.device_id, row.start_time, row.end_time, category, purpose, partner
    )
    return decide(context, wanted, by, made_from=made_from)


def undo_decision(context: Context, decision_id: uuid.UUID) -> DecisionRow:
    """Let a decision count no more: an earlier one, or the rules, decide again.

    Raises:
        NotFoundError: there is no such decision.
    """
    with context.store.write() as connection:
        row = decisions.read_one(connection, decision_id)
        if row is None:
            raise NotFoundError(
                f"there is no decision {decision_id}; `trackflow categories list --decisions` "
                "lists them"
            )
        lock_devices(connection, [row.device_id])
        if decisions.undo(connection, decision_id, context.clock()):
            categories.mark_due(connection, (row.device_id,), row.start_time, row.end_time)
        changed = decisions.read_one(connection, decision_id)
    assert changed is not None
    return changed


def list_decisions(
    context: Context,
    device_ids: Devices = None,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    *,
    with_undone: bool = False,
) -> list[DecisionRow]:
    """Decisions whose time touches a range, by device and start.

    Args:
        context: the store.
        device_ids: the devices; None for all.
        start: aware; None for no limit.
        end: aware; None for no limit.
        with_undone: whether those that were undone are among them.
    """
    with context.store.read() as connection:
        return decisions.read(connection, device_ids, start, end, with_undone=with_undone)


def row_of(wanted: DecisionRequest, by: str, origin: str, now: dt.datetime) -> DecisionRow:
    """A decision as it is stored.

    Args:
        wanted: the decision.
        by: name of the person.
        origin: person or import.
        now: when it is decided, UTC.
    """
    category, purpose, partner = (
        None if text is None else text.strip()
        for text in (wanted.category, wanted.purpose, wanted.partner)
    )
    return DecisionRow(
        uuid.uuid4(),
        wanted.device_id,
        wanted.start_time.astimezone(dt.UTC),
        wanted.end_time.astimezone(dt.UTC),
        None if category is None else category_named(category),
        purpose,
        partner,
        origin,
        by,
        now,
    )


def _outcome(connection: Connection, wanted: DecisionRequest) -> dict[str, str | None]:
    """What a track is for by now: what people have said last, else what was found for it."""
    start, end = wanted.start_time, wanted.end_time
    middle = start + (end - start) / 2
    rows = categories.read_page(connection, (wanted.device_id,), start, end)
    found = next((dict(row) for row in rows if row["start_time"] == start), {})
    covering = decisions.read(connection, (wanted.device_id,), middle, middle)
    said = max(covering, key=lambda row: (row.decided_at, str(row.decision_id)), default=None)
    for name in ("category", "purpose", "partner"):
        # a track is categorised after it is decided: a decision may be newer
        if said is not None and getattr(said, name) is not None:
            found[name] = getattr(said, name)
    return found


def _newest(connection: Connection, wanted: DecisionRequest) -> DecisionRow | None:
    """The newest decision that touches the time of another one."""
    found = decisions.read(connection, (wanted.device_id,), wanted.start_time, wanted.end_time)
    return max(found, key=lambda row: (row.decided_at, str(row.decision_id)), default=None)
