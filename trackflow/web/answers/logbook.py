"""Entries of logbooks, their amendments, and joins."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from trackflow.categories.carried import SLOWEST_DRIVE_KMH
from trackflow.mileage.entries import TripPart, is_hidden, shown_to
from trackflow.mileage.left_out import LeftOutTrack
from trackflow.usecases.mileage.books import BookCheck, BookTrip, Entry, EntryPage
from trackflow.usecases.mileage.joins import Join
from trackflow.web.answers.describing import described, shows


@described
class AmendmentAnswer(TypedDict):
    """What changed after an entry was closed."""

    amendment_id: uuid.UUID
    changes: dict[str, list[Any]]
    """Old and new value by name; null where the trip was private then."""
    reason: str
    amended_by: str
    amended_at: dt.datetime
    amendment_hash: str


@described
class EntryAnswer(TypedDict):
    """A trip of a vehicle. Of a private one: the kilometres only."""

    entry_id: uuid.UUID
    vehicle_id: str
    month: str
    """Of its local start."""
    status: str
    """open, closed, or added: a trip that the closed book lacked, and that stands in amendments."""
    closes_at: dt.datetime | None
    """null for a private trip, and for one that was added."""
    needs_purpose: bool
    """Whether a person still has to say what it was for."""
    content: dict[str, Any]
    """What the book says, by name; metres are whole numbers, times have their offset. Empty for a
    trip that was added. `unpaid` is there where the table of rates pays nothing for want of a
    rate: of this name (rate), category, vehicle or day."""
    now: dict[str, Any]
    """The same with all amendments."""
    amendments: list[AmendmentAnswer]
    entry_hash: str | None
    """Null while it is open."""


@described
class EntriesAnswer(TypedDict):
    """Entries."""

    entries: list[EntryAnswer]
    """By vehicle and time; those that need a purpose by when they close."""
    total: int
    """How many there are; fewer are shown where the request has a `limit`."""


@described
class BookVersionAnswer(TypedDict):
    """What changes whenever a book does."""

    vehicle_id: str
    version: str


@described
class BookVersionsAnswer(TypedDict):
    """The versions of books."""

    books: list[BookVersionAnswer]


@described
class BookFaultAnswer(TypedDict):
    """What is wrong with a link of a book's chain."""

    chain_no: int
    kind: str
    """entry or amendment; end where the chain was cut off."""
    link_id: str
    problem: str


@described
class BookCheckAnswer(TypedDict):
    """The result of checking a book."""

    vehicle_id: str
    is_intact: bool
    links: int
    """Closed entries and amendments."""
    open_entries: int
    last_hash: str | None
    faults: list[BookFaultAnswer]
    problems: list[str]
    waiting_days: int
    """Days of its devices whose trips are not in it yet; that is no fault."""


@described
class BookChecksAnswer(TypedDict):
    """The results of checking books."""

    books: list[BookCheckAnswer]


@described
class JoinAnswer(TypedDict):
    """A time in which all tracks of a device are one trip."""

    join_id: uuid.UUID
    """To undo it."""


@described
class JoinedTimeAnswer(TypedDict):
    """A join that counts."""

    join_id: uuid.UUID
    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime
    decided_by: str
    decided_at: dt.datetime


@described
class JoinsAnswer(TypedDict):
    """Joins that count."""

    joins: list[JoinedTimeAnswer]
    """In the order in which they were decided."""


@described
class LeftOutTrackAnswer(TypedDict):
    """A track that is not in the book of its device's vehicle.

    Of a private one: the kilometres only, and whether another device has recorded it as well.
    """

    vehicle_id: str
    local_day: dt.date
    """Of its start, in the time zone of the book."""
    distance_m: int
    category: str | None
    driver: str | None
    """Of the vehicle; null if unknown."""
    reason: str | None
    """slow: never as fast as a drive. said: a person gave it a travel mode that the vehicle has
    not. double: another device of the vehicle has recorded it."""
    device_id: str | None
    track_id: uuid.UUID | None
    start_time: dt.datetime | None
    """With the offset of the book's time zone, as the end."""
    end_time: dt.datetime | None
    mode: str | None
    """Its main travel mode."""
    said_by: str | None
    """Who gave it that mode, if that is the reason."""


@described
class LeftOutAnswer(TypedDict):
    """Tracks that are not in the books."""

    tracks: list[LeftOutTrackAnswer]
    """By vehicle and time."""
    slowest_drive_kmh: float
    """What is never as fast was no drive, unless a person has decided so."""


@described
class DoneAnswer(TypedDict):
    """What was done."""

    done: bool


def entry_answer(one: BookTrip) -> EntryAnswer:
    """An entry, as anyone but its driver sees it."""
    entry = one.entry
    return {
        "entry_id": entry.entry_id,
        "vehicle_id": entry.vehicle_id,
        "month": entry.month,
        "status": one.status,
        # it tells when a trip ended
        "closes_at": None if one.is_added or is_hidden(entry.content, None) else entry.closes_at,
        "needs_purpose": one.needs_purpose,
        "content": shown_to(entry.content, None),
        "now": shown_to(one.content, None),
        "amendments": [
            {
                "amendment_id": each.amendment_id,
                "changes": changes,
                "reason": reason,
                "amended_by": each.amended_by,
                "amended_at": each.amended_at,
                "amendment_hash": each.amendment_hash,
            }
            for each, changes, reason in one.amendments_shown_to(None)
        ],
        "entry_hash": entry.entry_hash,
    }


def entries_answer(found: EntryPage) -> EntriesAnswer:
    """Entries."""
    return {"entries": [entry_answer(one) for one in found.trips], "total": found.total}


def versions_answer(found: Mapping[str, str]) -> BookVersionsAnswer:
    """The versions of books."""
    return {"books": [{"vehicle_id": name, "version": version} for name, version in found.items()]}


def checks_answer(found: Sequence[BookCheck]) -> BookChecksAnswer:
    """The results of checking books."""
    return {
        "books": [
            {
                "vehicle_id": one.vehicle_id,
                "is_intact": one.is_intact,
                "links": one.links,
                "open_entries": one.open_entries,
                "last_hash": one.last_hash,
                "faults": [
                    {
                        "chain_no": fault.chain_no,
                        "kind": fault.kind,
                        "link_id": fault.link_id,
                        "problem": fault.problem,
                    }
                    for fault in one.faults
                ],
                "problems": list(one.problems),
                "waiting_days": one.waiting_days,
            }
            for one in found
        ]
    }


def joins_answer(found: Sequence[Join]) -> JoinsAnswer:
    """Joins."""
    return {
        "joins": [
            {
                "join_id": one.join_id,
                "device_id": one.device_id,
                "start_time": one.start_time,
                "end_time": one.end_time,
                "decided_by": one.decided_by,
                "decided_at": one.decided_at,
            }
            for one in found
        ]
    }


def left_out_answer(found: Sequence[LeftOutTrack]) -> LeftOutAnswer:
    """Tracks that are not in the books, as anyone but their drivers sees them."""
    return {
        "tracks": [_left_out(one) for one in found],
        "slowest_drive_kmh": SLOWEST_DRIVE_KMH,
    }


def _left_out(one: LeftOutTrack) -> LeftOutTrackAnswer:
    told = one.shown_to(None)
    return {
        "vehicle_id": told["vehicle_id"],
        "local_day": told["local_day"],
        "distance_m": told["distance_m"],
        "category": told["category"],
        "driver": told["driver"],
        "reason": told["reason"],
        "device_id": told["device_id"],
        "track_id": told["track_id"] and uuid.UUID(told["track_id"]),
        "start_time": told["start_time"],
        "end_time": told["end_time"],
        "mode": told["mode"],
        "said_by": told["said_by"],
    }


_START = dt.datetime(2026, 9, 21, 6, 27, 10, tzinfo=dt.UTC)
_ID = uuid.UUID("6f6e4f1c-6a0b-5c1e-9c57-3a4be1b6c0d4")
_ENTRY = BookTrip(
    Entry(
        _ID, "van", _ID, _START, _START + dt.timedelta(minutes=25), "2026-09",
        {"vehicle_id": "van", "local_day": "2026-09-21", "category": "business",
         "purpose": "Customer", "distance_m": 12_345},
        _START + dt.timedelta(days=7, minutes=25),
    )
)  # fmt: skip

ENTRIES = shows(EntriesAnswer, entries_answer(EntryPage([_ENTRY], 1)))
VERSIONS = shows(BookVersionsAnswer, versions_answer({"van": "ab" * 12}))
ENTRY = shows(EntryAnswer, entry_answer(_ENTRY))
CHECKS = shows(BookChecksAnswer, checks_answer([BookCheck("van", 12, 3, "ab" * 32)]))
_TRAIN = TripPart(
    "phone-1", str(_ID), _START, _START + dt.timedelta(minutes=25), 12_345, 0.8, "train"
)
LEFT_OUT = shows(LeftOutAnswer, left_out_answer([LeftOutTrack("van", _TRAIN, "said", "ada")]))
JOIN = shows(JoinAnswer, {"join_id": _ID}, status=201)
DONE = shows(DoneAnswer, {"done": True})
JOINS = shows(
    JoinsAnswer,
    joins_answer([Join(_ID, "van-7", _START, _START + dt.timedelta(hours=9), "ada", _START)]),
)
