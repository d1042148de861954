"""Odometers: what a vehicle has driven by its readings, and what its trips explain of that.

Between two readings the trips are added to the first. What the second shows beyond that is not
spread over the trips but shown as what it is: kilometres that no trip explains (or, below zero, a
drift of the distances).
"""

import datetime as dt
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """What a person has read from an odometer."""

    read_at: dt.datetime
    odometer_m: int


@dataclass(frozen=True, slots=True)
class DrivenTrip:
    """A trip as odometers see it."""

    start: dt.datetime
    end: dt.datetime
    distance_m: int


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
        """What no trip explains; below zero if trips are longer than what was driven."""
        return self.driven_m - self.trips_m

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
    moments = [reading.read_at for reading in readings]
    found: list[tuple[int, int] | None] = []
    known, reached_m = -1, 0
    for trip in trips:
        number = bisect_right(moments, trip.start) - 1
        if number < 0:
            found.append(None)
            continue
        if number != known:
            known, reached_m = number, readings[number].odometer_m
        found.append((reached_m, reached_m + trip.distance_m))
        reached_m += trip.distance_m
    return found


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
