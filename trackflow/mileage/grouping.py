"""Which tracks make one trip of a logbook, and which are the same trip recorded twice."""

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

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

    Args:
        parts: of each device after those of devices that go before it.
    """
    kept: dict[str, list[TripPart]] = {}
    for part in parts:
        others = (one for device, some in kept.items() if device != part.device_id for one in some)
        covered_s = sum(
            max((min(part.end, one.end) - max(part.start, one.start)).total_seconds(), 0.0)
            for one in others
        )
        if covered_s <= MOST_COVERED * (part.end - part.start).total_seconds():
            kept.setdefault(part.device_id, []).append(part)
    return sorted(itertools.chain(*kept.values()), key=lambda part: part.start)


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
