"""How long trips can be written down: since when a book has seen them, and what of it is closed."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

type Span = tuple[dt.datetime, dt.datetime]
"""Start and end of a trip, UTC."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Since when a book has known what a vehicle did in a time.

    Attributes:
        start: of the trip, UTC.
        end: of the trip, UTC.
        first_seen: when the book first had it, UTC.
    """

    start: dt.datetime
    end: dt.datetime
    first_seen: dt.datetime


class Sightings:
    """What a book has seen so far, found quickly: an import brings thousands of trips at once."""

    def __init__(self, seen: Iterable[Sighting]) -> None:
        self._by_start = sorted(seen, key=lambda one: (one.start, one.end))
        self._starts = [one.start for one in self._by_start]
        self._latest_ends = list(accumulate((one.end for one in self._by_start), max))

    def of(self, start: dt.datetime, end: dt.datetime, now: dt.datetime) -> Sighting:
        """When a trip was first seen: the earliest of all that it follows, which share its time.

        Args:
            start: of the trip, UTC.
            end: of the trip, UTC.
            now: the time, UTC: of a trip that nothing was seen of before.
        """
        low = bisect_right(self._latest_ends, start)
        high = bisect_left(self._starts, end)
        seen = (one.first_seen for one in self._by_start[low:high] if one.end > start)
        return Sighting(start, end, min(seen, default=now))

    def has(self, one: Sighting) -> bool:
        """Whether this adds nothing: all of it has been seen as early, in one trip."""
        low = bisect_right(self._latest_ends, one.start)
        high = bisect_right(self._starts, one.start)
        return any(
            known.end >= one.end and known.first_seen <= one.first_seen
            for known in self._by_start[low:high]
        )


def without_trips(seen: Iterable[Sighting], trips: Iterable[Span]) -> list[Sighting]:
    """The sightings that share no moment with any trip, each found by two looks at sorted times.

    To compare each with each took a database 20 s for a book of 14,600 trips.
    """
    by_start = sorted(trips)
    starts = [start for start, _ in by_start]
    latest_ends = list(accumulate((end for _, end in by_start), max))
    return [
        one
        for one in seen
        if not (begun := bisect_right(starts, one.end)) or latest_ends[begun - 1] < one.start
    ]


@dataclass(frozen=True, slots=True)
class ClosedTime:
    """The time of which a book is closed: all trips that ended in it are in it, or amendments.

    Attributes:
        start: UTC, not included; None from the beginning.
        end: UTC, included.
    """

    start: dt.datetime | None
    end: dt.datetime

    def has(self, moment: dt.datetime) -> bool:
        """Whether the book is closed for a trip that ended then."""
        return (self.start is None or self.start < moment) and moment <= self.end


def closed_time(
    before: ClosedTime | None,
    closed_ends: Sequence[dt.datetime],
    still_open: Sequence[Span],
    begin: dt.datetime | None,
    reached: dt.datetime,
) -> ClosedTime | None:
    """The time of which a book is closed after a closing. It grows, up to trips that are open.

    History that is imported later lies before it, and is open first, as all that is new.

    Args:
        before: before the closing; None before the first one.
        closed_ends: ends of the trips that are closed now, UTC.
        still_open: the trips that are left open.
        begin: of the first month that has a closed trip, UTC; None if nothing was closed now.
        reached: trips that ended later are open, however early others are closed.
    """
    if before is None:
        if not closed_ends:
            return None
        last = min(max(closed_ends), reached)
        before = ClosedTime(last, last)
    open_after = [start for start, end in still_open if end > before.end]
    end = max(before.end, min([reached, *open_after]))
    if before.start is None or begin is None:
        return ClosedTime(before.start, end)
    low = before.start
    open_before = [end for _, end in still_open if end <= low]
    return ClosedTime(min(low, max([begin, *open_before])), end)
