"""Odometers: what a vehicle has driven by its readings, and what its trips explain of that.

Between two readings the trips are added to the first. If the second shows a little more or less,
the odometer or the distances drift, and the difference is spread over the open trips, so that the
odometer runs from one reading to the next. If it is much, trips are missing: then it is shown as
what it is, kilometres that no trip explains. Closed entries keep their odometers.

A reading that shows less than the one before is the first of another odometer; so is the second of
two at one moment, however much it shows: nothing is driven in no time.
"""

import datetime as dt
import itertools
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from trackflow.errors import BadInputError

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


def check_reading(new: Reading, readings: Sequence[Reading], *, is_replaced: bool) -> None:
    """Check that an odometer can have shown what a person read.

    Args:
        new: the reading.
        readings: those that are known, in order of time.
        is_replaced: whether it is the first one of another odometer.

    Raises:
        BadInputError: it shows less than before or more than after, or not less although the
            odometer is another one and nobody read the old one at the same moment.
    """
    before = [one for one in readings if one.read_at <= new.read_at]
    after = [one for one in readings if one.read_at >= new.read_at]
    last, following = before[-1] if before else None, after[0] if after else None
    if is_replaced and last is not None and last.read_at == new.read_at:
        after = [one for one in after if one.read_at > new.read_at]
        following = after[0] if after else None
    elif is_replaced and (last is None or last.odometer_m <= new.odometer_m):
        raise BadInputError(
            "an odometer that was replaced shows less than the old one, or the old one was read at "
            "the same moment; there is no such reading: note what the old one showed at last"
        )
    if not is_replaced and last is not None and last.odometer_m > new.odometer_m:
        raise _runs_back(last, "if it was replaced, say so (--replaced, in the API `replaced`)")
    is_last_of_its_own = last and following and following.odometer_m < last.odometer_m
    if following is not None and following.odometer_m < new.odometer_m and not is_last_of_its_own:
        raise _runs_back(following, "`trackflow vehicles readings` lists what was read")


def _runs_back(other: Reading, advice: str) -> BadInputError:
    return BadInputError(
        f"an odometer does not run back: it showed {other.odometer_m / 1000:,.1f} km at "
        f"{other.read_at:%Y-%m-%d %H:%M} UTC; {advice}"
    )


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
        if following is not None and following < reading.odometer_m:
            following = None  # of another odometer: it says nothing of these trips
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
        if second.odometer_m < first.odometer_m or second.read_at == first.read_at:
            continue  # another odometer: if the old one was driven on, nobody has read how far
        low, high = bisect_left(starts, first.read_at), bisect_left(starts, second.read_at)
        # a trip that begins at the very moment of a reading belongs to what comes after it
        trips_m = sum(trip.distance_m for trip in trips[low:high])
        driven_m = second.odometer_m - first.odometer_m
        found.append(Stretch(first, second, driven_m, trips_m))
    return found
