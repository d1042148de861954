"""Entries of logbooks, their amendments, vehicles and rates."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, TypedDict

from trackflow.mileage.entries import changes_shown_to, is_hidden, shown_to
from trackflow.mileage.rates import Rate
from trackflow.usecases.mileage.amended_trips import shown_reason
from trackflow.usecases.mileage.books import BookCheck, BookTrip, Entry
from trackflow.usecases.mileage.fleet import Vehicle
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
    trip that was added."""
    now: dict[str, Any]
    """The same with all amendments."""
    amendments: list[AmendmentAnswer]
    entry_hash: str | None
    """Null while it is open."""


@described
class EntriesAnswer(TypedDict):
    """Entries."""

    entries: list[EntryAnswer]
    """By vehicle and time."""


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
class DoneAnswer(TypedDict):
    """What was done."""

    done: bool


@described
class ReadingAnswer(TypedDict):
    """What a person read from an odometer."""

    reading_id: uuid.UUID
    odometer_m: int
    read_at: dt.datetime


@described
class VehicleAnswer(TypedDict):
    """A vehicle."""

    vehicle_id: str
    plate: str | None
    kind: str
    """car, van, lorry, motorcycle, bicycle or other."""
    time_zone: str | None
    """Of its book; null for that of the settings."""
    closed_until: dt.datetime | None
    """Until when its book is closed; null before the first closing."""


@described
class VehiclesAnswer(TypedDict):
    """Vehicles."""

    vehicles: list[VehicleAnswer]


@described
class TierAnswer(TypedDict):
    """An amount per unit up to so many units in a year."""

    up_to: str | None
    """Null: without limit."""
    amount: str


@described
class RateAnswer(TypedDict):
    """What is paid per kilometre or mile. Numbers are text: decimals."""

    rate_id: str
    valid_from: dt.date
    valid_until: dt.date | None
    category: str | None
    """Of these trips only; null for all."""
    vehicle_kind: str | None
    currency: str
    unit: str
    """km or mi."""
    tiers: list[TierAnswer]
    year_start: str
    """Month and day on which the year of the tiers begins."""
    source: str | None


@described
class RatesAnswer(TypedDict):
    """The table of rates."""

    rates: list[RateAnswer]


def entry_answer(one: BookTrip) -> EntryAnswer:
    """An entry, as anyone but its driver sees it."""
    entry = one.entry
    changes = changes_shown_to(entry.content, [each.changes for each in one.amendments], None)
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
                "changes": change,
                "reason": shown_reason(each, change),
                "amended_by": each.amended_by,
                "amended_at": each.amended_at,
                "amendment_hash": each.amendment_hash,
            }
            for each, change in zip(one.amendments, changes, strict=True)
        ],
        "entry_hash": entry.entry_hash,
    }


def entries_answer(found: Sequence[BookTrip]) -> EntriesAnswer:
    """Entries."""
    return {"entries": [entry_answer(one) for one in found]}


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


def vehicle_answer(one: Vehicle) -> VehicleAnswer:
    """A vehicle."""
    return {
        "vehicle_id": one.vehicle_id,
        "plate": one.plate,
        "kind": one.kind,
        "time_zone": one.time_zone,
        "closed_until": one.closed_until,
    }


def vehicles_answer(found: Sequence[Vehicle]) -> VehiclesAnswer:
    """Vehicles."""
    return {"vehicles": [vehicle_answer(one) for one in found]}


def rates_answer(found: Sequence[Rate]) -> RatesAnswer:
    """The table of rates."""
    return {
        "rates": [
            {
                "rate_id": one.rate_id,
                "valid_from": one.valid_from,
                "valid_until": one.valid_until,
                "category": one.category,
                "vehicle_kind": one.vehicle_kind,
                "currency": one.currency,
                "unit": one.unit,
                "tiers": [
                    {
                        "up_to": None if tier.up_to is None else str(tier.up_to),
                        "amount": str(tier.amount),
                    }
                    for tier in one.tiers
                ],
                "year_start": f"{one.year_start[0]:02}-{one.year_start[1]:02}",
                "source": one.source,
            }
            for one in found
        ]
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
_VEHICLE = Vehicle("van", "ABC-123", "van", None, None, None, _START)

ENTRIES = shows(EntriesAnswer, entries_answer([_ENTRY]))
ENTRY = shows(EntryAnswer, entry_answer(_ENTRY))
CHECKS = shows(BookChecksAnswer, checks_answer([BookCheck("van", 12, 3, "ab" * 32)]))
JOIN = shows(JoinAnswer, {"join_id": _ID}, status=201)
DONE = shows(DoneAnswer, {"done": True})
VEHICLES = shows(VehiclesAnswer, vehicles_answer([_VEHICLE]))
VEHICLE = shows(VehicleAnswer, vehicle_answer(_VEHICLE))
READING = shows(
    ReadingAnswer, {"reading_id": _ID, "odometer_m": 48_210_500, "read_at": _START}, status=201
)
RATES = shows(RatesAnswer, rates_answer([]))
