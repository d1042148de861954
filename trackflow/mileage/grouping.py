"""Which tracks make one trip of a logbook, and which are the same trip recorded twice."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from trackflow.mileage.entries import BUSINESS, TripPart, first_of

MOST_COVERED = 0.5
"""A track is a double if another device of the vehicle covers more than this share of its time."""

DOUBLE = "double"
"""Why such a track is left out of the book."""


@dataclass(frozen=True, slots=True)
class JoinedTime:
    """A time in which all tracks of a device are one trip."""

    start: dt.datetime
    end: dt.datetime


def without_doubles(parts: Sequence[TripPart]) -> list[TripPart]:
    """Tracks without those that a second device in the vehicle recorded once more, by start.

    Those that stay take over what persons decided about the others: nobody knows which device's
    track the book will have.

    Args:
        parts: of each device after those of devices that go before it.
    """
    kept: dict[str, list[TripPart]] = {}
    decided: dict[str, list[TripPart]] = {}
    for part in parts:
        if _covered_s(part, _beside(part, kept)) <= MOST_COVERED * _length_s(part):
            kept.setdefault(part.device_id, []).append(part)
        elif part.said:
            decided.setdefault(part.device_id, []).append(part)
    found = [_with_words(part, _beside(part, decided)) for some in kept.values() for part in some]
    return sorted(found, key=lambda part: part.start)


def _beside(part: TripPart, tracks: Mapping[str, Sequence[TripPart]]) -> list[TripPart]:
    """The tracks of other devices that share some time with a track.

    Args:
        part: the track.
        tracks: of each device, in order of time; no two of one device overlap.
    """
    found: list[TripPart] = []
    for device_id, some in tracks.items():
        if device_id != part.device_id:
            low = bisect_right(some, part.start, key=lambda one: one.end)
            found += some[low : bisect_left(some, part.end, lo=low, key=lambda one: one.start)]
    return found


def _length_s(part: TripPart) -> float:
    return (part.end - part.start).total_seconds()


def _shared_s(a: TripPart, b: TripPart) -> float:
    return max((min(a.end, b.end) - max(a.start, b.start)).total_seconds(), 0.0)


def _covered_s(part: TripPart, others: Sequence[TripPart]) -> float:
    """How much of the time of a track others cover; what two of them cover counts once."""
    found, reached = 0.0, part.start
    for one in sorted(others, key=lambda one: one.start):
        found += max((min(part.end, one.end) - max(reached, one.start)).total_seconds(), 0.0)
        reached = max(reached, one.end)
    return found


def _with_words(part: TripPart, doubles: Sequence[TripPart]) -> TripPart:
    """A track with what persons decided about its doubles and not about itself.

    Args:
        part: the track.
        doubles: of other devices; of several, that with which it shares most comes first.
    """
    for one in sorted(doubles, key=lambda one: -_shared_s(part, one)):
        if _shared_s(part, one) > MOST_COVERED * min(_length_s(part), _length_s(one)):
            new = {name: getattr(one, name) for name in one.said - part.said}
            if new.get("category", part.category) != part.category:
                new["rate"] = one.rate
            part = replace(part, **new, said=part.said | one.said)
    return part


def grouped(
    parts: Sequence[TripPart], joins: Sequence[JoinedTime], join_s: float = 0.0
) -> list[list[TripPart]]:
    """The tracks of each trip: one, or all whose middle lies in the same join.

    Within a join, tracks of another category or driver are trips of their own: private ways and
    places would be told and paid as business, or one driver's kilometres as another's.

    Args:
        parts: tracks of one device, in order of time.
        joins: in the order in which they were decided; the last one counts.
        join_s: longest stay between business tracks of one driver and local day that are one trip
            without a join; 0 for none.
    """
    found: list[list[TripPart]] = []
    number_before: int | None = None
    for part in parts:
        middle = part.start + (part.end - part.start) / 2
        numbers = [k for k, join in enumerate(joins) if join.start <= middle <= join.end]
        number = numbers[-1] if numbers else None
        by_person = number is not None and number == number_before and _belongs_to(found[-1], part)
        by_setting = (
            number is number_before is None
            and found
            and _is_short_stop(found[-1][-1], part, join_s)
        )
        if by_person or by_setting:
            found[-1].append(part)
        else:
            found.append([part])
        number_before = number
    return found


def _belongs_to(trip: Sequence[TripPart], part: TripPart) -> bool:
    """Whether a track is of the category and the driver of a trip, as far as these are known."""
    known = (
        (first_of(one.category for one in trip), part.category),
        (first_of(one.driver for one in trip), part.driver),
    )
    return all(None in (of_trip, own) or of_trip == own for of_trip, own in known)


def _is_short_stop(before: TripPart, part: TripPart, join_s: float) -> bool:
    """Whether two business tracks of a day are one trip, by the length of the stay between them."""
    stay_s = (part.start - before.end).total_seconds()
    return (
        0 <= stay_s <= join_s
        and join_s > 0
        and before.category == part.category == BUSINESS
        and before.driver == part.driver
        and before.start.date() == part.start.date()
    )
