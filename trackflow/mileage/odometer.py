"""Odometers: what a vehicle has driven by its readings, and what its trips explain of that.

Between two readings the trips are added to the first. If the second shows a little more or less,
the odometer or the distances drift, and the difference is spread over the open trips, so that the
odometer runs from one reading to the next. If it is much, trips are missing: then it is shown as
what it is, kilometres that no trip explains. Closed entries keep their odometers.
"""

import datetime as dt
import itertools
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

MOST_DRIFT = 0.05
"""Share of the trips' kilometres that may be drift: odometers may show up to 4 % too much (UN
Regulation 39), and distances are a little short where points are rare."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a person has read from an odometer."""

    read_at: dt.datetime
    odometer_m: int


@dataclass(frozen=True, slots=True)
class DrivenTrip:
    """A trip as odometers see it.

    Attributes:
        start: aware.
        end: aware.
        distance_m: whole metres.
        is_closed: whether its odometers stay as they are.
        closed_m: odometers at start and end of a closed one; None if it has none.
    """

    start: dt.datetime
    end: dt.datetime
    distance_m: int
    is_closed: bool = False
    closed_m: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time between two readings.

    Attributes:
        start: the first reading.
        end: the second reading.
        driven_m: by the odometer.
        trips_m: by the trips that began in it.
    """

    start: Reading
    end: Reading
    driven_m: int
    trips_m: int

    @property
    def unexplained_m(self) -> int:
        """What no trip explains, beyond a drift; below zero if trips are longer than driven."""
        difference_m = self.driven_m - self.trips_m
        return 0 if _is_drift(difference_m, self.trips_m) else difference_m

    @property
    def drift(self) -> float | None:
        """How much longer trips are than what was driven, as a share; None if nothing was."""
        return self.trips_m / self.driven_m - 1 if self.driven_m else None


def odometers(
    trips: Sequence[DrivenTrip], readings: Sequence[Reading]
) -> list[tuple[int, int] | None]:
    """The odometer at the start and end of each trip; None before the first reading.

    Args:
        trips: in order of time.
        readings: in order of time.
    """
    starts = [trip.start for trip in trips]
    edges = [bisect_left(starts, reading.read_at) for reading in readings] + [len(trips)]
    found: list[tuple[int, int] | None] = [trip.closed_m for trip in trips[: edges[0]]]
    for k, reading in enumerate(readings):
        following = readings[k + 1].odometer_m if k + 1 < len(readings) else None
        found += _run(trips[edges[k] : edges[k + 1]], reading.odometer_m, following)
    return found


def _run(
    trips: Sequence[DrivenTrip], begin_m: int, following_m: int | None
) -> list[tuple[int, int] | None]:
    """The odometers of the trips after a reading.

    Args:
        trips: in order of time.
        begin_m: what the reading showed.
        following_m: what the following reading shows; None without one.
    """
    found: list[tuple[int, int] | None] = []
    closed = max((k + 1 for k, trip in enumerate(trips) if trip.is_closed), default=0)
    for trip in trips[:closed]:
        found.append(trip.closed_m)
        begin_m = trip.closed_m[1] if trip.closed_m else begin_m + trip.distance_m
    total_m = sum(trip.distance_m for trip in trips[closed:])
    span_m = total_m
    if following_m is not None and _is_drift(following_m - begin_m - total_m, total_m):
        span_m = following_m - begin_m
    done_m = 0
    for trip in trips[closed:]:
        start_m = begin_m + _share(done_m, span_m, total_m)
        done_m += trip.distance_m
        found.append((start_m, begin_m + _share(done_m, span_m, total_m)))
    return found


def _is_drift(difference_m: int, trips_m: int) -> bool:
    return abs(difference_m) <= MOST_DRIFT * trips_m


def _share(done_m: int, span_m: int, total_m: int) -> int:
    """`span_m` by the part of the way that is done, in whole metres, rounded half up."""
    return (2 * done_m * span_m + total_m) // (2 * total_m) if total_m else 0


def stretches(trips: Sequence[DrivenTrip], readings: Sequence[Reading]) -> list[Stretch]:
    """What was driven between neighbouring readings, and what trips explain of it.

    Args:
        trips: in order of time.
        readings: in order of time.
    """
    starts = [trip.start for trip in trips]
    found = []
    for first, second in itertools.pairwise(readings):
        low, high = bisect_left(starts, first.read_at), bisect_left(starts, second.read_at)
        # a trip that begins at the very moment of a reading belongs to what comes after it
        trips_m = sum(trip.distance_m for trip in trips[low:high])
        driven_m = second.odometer_m - first.odometer_m
        found.append(Stretch(first, second, driven_m, trips_m))
    return found
