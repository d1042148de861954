"""Entries of a logbook: what the book says about a trip, and how a later state differs from it."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

type Content = Mapping[str, Any]
"""What a book says about a trip: whole numbers, text and lists by name."""

GONE = "gone"
"""The name under which an amendment says whether the trip is no longer in the data."""

TRIP = "trip_id"
"""The name under which an amendment says which trip it adds to a closed book."""

UNCOMPARED = frozenset(
    {"start_place", "end_place", "stops", "addresses",
     "odometer_start_m", "odometer_end_m", "track_ids", "rate", "amount", "currency", "plate",
     "zone", "device_key", "local_day", "start_time", "end_time", "unpaid"}
)  # fmt: skip
"""Not part of a difference by themselves: readings and rates that come later would amend every trip
after them, a new plate, zone or name of the device every trip before; and a track's id changes with
its first point. Times are compared as moments. Of where trips begin, stop and end only the names of
places are compared: a geocoder answers whenever it can, and may answer otherwise tomorrow."""

ADDRESSES = "addresses"
"""The name under which a book says which of its places are addresses; absent if none is."""

UNPAID = "unpaid"
"""The name under which a book says what the table of rates lacks for a trip; absent if nothing."""

ENDS = ("start_place", "end_place", "stops")

DEVICES = uuid.UUID("0a3f7b52-6b0b-5a0a-8a53-1c9c0b7d2f60")

BUSINESS, PRIVATE = "business", "private"

PRIVATE_SHOWN = frozenset(
    {"vehicle_id", "plate", "local_day", "category", "distance_m", "odometer_start_m",
     "odometer_end_m", "driver", GONE}
)  # fmt: skip
"""What anyone but the driver sees of a private trip."""


@dataclass(frozen=True, slots=True)
class TripPart:
    """A track as the book sees it.

    Its times keep the clock of the book's zone at a fixed offset: Python compares and subtracts
    times of one zone by their clocks, and where clocks go back a drive would end before it begins.

    Attributes:
        device_id: the device.
        track_id: its id.
        start: aware, in the zone of the book.
        end: aware, in the zone of the book.
        distance_m: length on the matched line.
        matched_share: share of its time that follows roads.
        mode: main travel mode; None if it is not known.
        category: None if nothing decides.
        purpose: None if nobody says.
        partner: None if nobody says.
        rate: the rate that a rule gives; None for that of its category.
        driver: None if unknown.
        start_place: name or address; None if neither is known.
        end_place: the same.
        addresses: which of the two are addresses.
        said: which of category, purpose, partner and mode a person decided.
    """

    device_id: str
    track_id: str
    start: dt.datetime
    end: dt.datetime
    distance_m: float
    matched_share: float
    mode: str | None = None
    category: str | None = None
    purpose: str | None = None
    partner: str | None = None
    rate: str | None = None
    driver: str | None = None
    start_place: str | None = None
    end_place: str | None = None
    addresses: frozenset[str] = frozenset()
    said: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Keep the times at the offsets that they have."""
        for name in ("start", "end"):
            time: dt.datetime = getattr(self, name)
            offset = time.utcoffset() or dt.timedelta()
            object.__setattr__(self, name, time.replace(tzinfo=dt.timezone(offset)))


def device_key_of(device_id: str) -> uuid.UUID:
    """Stands for a device in a book: its name would outlive the purge of the device there."""
    return uuid.uuid5(DEVICES, device_id)


def content_of(
    parts: Sequence[TripPart], vehicle_id: str, plate: str | None, zone: str
) -> dict[str, Any]:
    """What the book says about a trip.

    Args:
        parts: its tracks, in order of time.
        vehicle_id: the vehicle.
        plate: its number plate.
        zone: name of the time zone of the book.
    """
    first, last = parts[0], parts[-1]
    stops = parts[:-1]
    addresses = [name for name, part in (("start_place", first), ("end_place", last))
                 if name in part.addresses]  # fmt: skip
    addresses += [f"stop {k}" for k, part in enumerate(stops) if "end_place" in part.addresses]
    metres = [round(part.distance_m) for part in parts]
    matched = sum(m * part.matched_share for m, part in zip(metres, parts, strict=True))
    return {
        "vehicle_id": vehicle_id,
        "plate": plate,
        "driver": first_of(part.driver for part in parts),
        "device_key": str(device_key_of(first.device_id)),
        "track_ids": [part.track_id for part in parts],
        "local_day": first.start.date().isoformat(),
        "start_time": first.start.isoformat(timespec="seconds"),
        "end_time": last.end.isoformat(timespec="seconds"),
        "zone": zone,
        "start_place": first.start_place,
        "end_place": last.end_place,
        "stops": [part.end_place for part in stops],
        **({ADDRESSES: addresses} if addresses else {}),
        "category": first_of(part.category for part in parts),
        "purpose": _joined(part.purpose for part in parts),
        "partner": _joined(part.partner for part in parts),
        "rate": first_of(part.rate for part in parts),
        "mode": max(zip(metres, [p.mode or "" for p in parts], strict=True))[1] or None,
        "distance_m": sum(metres),
        # per mille: a hash covers whole numbers only
        "matched_permille": round(1000 * matched / sum(metres)) if sum(metres) else 0,
        "odometer_start_m": None,
        "odometer_end_m": None,
        "amount": None,
        "currency": None,
    }


def first_of(values: Iterable[str | None]) -> str | None:
    """The first one that is known."""
    return next((value for value in values if value is not None), None)


def _joined(values: Any) -> str | None:
    """The different texts, in their order."""
    texts = list(dict.fromkeys(value for value in values if value))
    return "; ".join(texts) if texts else None


def differences(book: Content, now: Content) -> dict[str, list[Any]]:
    """Old and new value of what is different, by name.

    Args:
        book: as the book says, with its amendments.
        now: as it would be made from the tracks.
    """
    if not book:  # a trip that a book lacks is written down whole
        return {name: [None, value] for name, value in sorted(now.items())}
    found = {
        name: [book.get(name), now.get(name)]
        for name in sorted({*book, *now} - UNCOMPARED - {GONE, TRIP})
        if book.get(name) != now.get(name)
    }
    if _named(book) != _named(now):  # then addresses go along: which are some is said of all
        for name in (*ENDS, ADDRESSES):
            if book.get(name) != now.get(name):
                found[name] = [book.get(name), now.get(name)]
    for name in ("start_time", "end_time"):
        if _moment(book.get(name)) != _moment(now.get(name)):
            found[name] = [book.get(name), now.get(name)]
    if "start_time" in found and book.get("local_day") != now.get("local_day"):
        found["local_day"] = [book.get("local_day"), now.get("local_day")]
    return found


def _named(content: Content) -> dict[str, Any]:
    """Where a trip began, ended and stopped, without addresses."""
    addresses = content.get(ADDRESSES) or ()
    stops = enumerate(content.get("stops") or ())
    return {
        **{name: None if name in addresses else content.get(name) for name in ENDS[:2]},
        "stops": [None if f"stop {k}" in addresses else name for k, name in stops],
    }


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def amended(content: Content, changes: Sequence[Mapping[str, Sequence[Any]]]) -> dict[str, Any]:
    """An entry's content with its amendments, in their order."""
    found = dict(content)
    for change in changes:
        found |= {name: new for name, (_, new) in change.items()}
    return found


def shown_to(content: Content, reader: str | None) -> dict[str, Any]:
    """What a reader sees: of another driver's private trip the kilometres only.

    Args:
        content: of an entry.
        reader: name of the reader; None for reports.
    """
    if not is_hidden(content, reader):
        return dict(content)
    return {name: value if name in PRIVATE_SHOWN else None for name, value in content.items()}


def is_hidden(content: Content, reader: str | None) -> bool:
    """Whether a reader sees of a trip the kilometres only."""
    is_driver = reader is not None and content.get("driver") == reader
    return content.get("category") == PRIVATE and not is_driver


def changes_shown_to(
    content: Content, changes: Sequence[Mapping[str, Sequence[Any]]], reader: str | None
) -> list[dict[str, list[Any]]]:
    """What a reader sees of an entry's amendments, in their order.

    An old or a new value is hidden where the trip was another driver's private one at that time.

    Args:
        content: of the entry when it was closed; empty for a trip that the book lacks.
        changes: old and new value by name, of each amendment.
        reader: name of the reader; None for reports.
    """
    found = []
    before = dict(content)
    for change in changes:
        after = amended(before, [change])
        old, new = shown_to(before, reader), shown_to(after, reader)
        found.append(
            {
                name: list(values)
                if name in (GONE, TRIP)
                else [values[0] if old.get(name) == before.get(name) else None,
                      values[1] if new.get(name) == after.get(name) else None]
                for name, values in change.items()
            }
        )  # fmt: skip
        before = after
    return found


def needs_purpose(content: Content) -> bool:
    """Whether a person still has to say what a trip was for."""
    category = content.get("category")
    return category is None or (category == BUSINESS and not content.get("purpose"))
