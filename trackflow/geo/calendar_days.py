"""Days of a time zone, and the moments at which they begin."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from trackflow.geo.points import Ints
from trackflow.geo.time import ONE_DAY, from_us, to_us


def begin_of(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The first moment of a day, in UTC; where clocks go forward at midnight that is 1 o'clock."""
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


@dataclass(frozen=True, slots=True)
class DayRun:
    """Days of a zone that follow one another and are equally long.

    Attributes:
        begin_us: when the first one begins, microseconds since 1970.
        end_us: when the last one ends.
        first: ordinal of the first one.
        length_us: of each.
    """

    begin_us: int
    end_us: int
    first: int
    length_us: int


@dataclass(slots=True)
class Calendar:
    """The days of a zone. Midnights are kept: working one out takes longer than all else.

    Attributes:
        zone: the zone.
        first: the first day whose beginning is known.
        begins_us: beginnings of it and of the days that follow, microseconds since 1970.
    """

    zone: ZoneInfo
    first: dt.date = dt.date.min
    begins_us: list[int] = field(default_factory=list)

    def split(self, start_us: int, end_us: int) -> Iterator[tuple[dt.date, int, int]]:
        """The days that `[start_us, end_us)` touches, each with the part that lies in it.

        An empty time touches the day in which it lies.
        """
        self._reach(start_us, end_us)
        low = bisect_right(self.begins_us, start_us) - 1
        high = max(bisect_left(self.begins_us, end_us), low + 1)
        edges = [start_us, *self.begins_us[low + 1 : high], end_us]
        for k, (begin_us, finish_us) in enumerate(pairwise(edges)):
            # a day that a zone has left out ends as it begins
            if begin_us < finish_us or len(edges) == 2:
                yield self.first + (low + k) * ONE_DAY, begin_us, finish_us

    def runs(self, start_us: int, end_us: int) -> list[DayRun]:
        """The days that `[start_us, end_us)` touches, in runs between two changes of the clocks."""
        self._reach(start_us, end_us)
        low = bisect_right(self.begins_us, start_us) - 1
        high = max(bisect_left(self.begins_us, end_us), low + 1)
        first = self.first.toordinal()
        found: list[DayRun] = []
        for k in range(low, high):
            begin_us, finish_us = self.begins_us[k], self.begins_us[k + 1]
            length_us = finish_us - begin_us
            if found and found[-1].length_us == length_us:
                found[-1] = replace(found[-1], end_us=finish_us)
            elif length_us:  # a day that a zone has left out has none
                found.append(DayRun(begin_us, finish_us, first + k, length_us))
        return found

    def ordinals_of(self, moments_us: Ints) -> Ints:
        """The ordinal of the day of each moment."""
        if not len(moments_us):
            return moments_us
        self._reach(int(moments_us.min()), int(moments_us.max()))
        begins = np.array(self.begins_us)
        found: Ints = self.first.toordinal() - 1 + np.searchsorted(begins, moments_us, "right")
        return found

    def _reach(self, start_us: int, end_us: int) -> None:
        """Cache the midnights from before a time to after it."""
        if not self.begins_us:
            self.first = from_us(start_us).astimezone(self.zone).date()
            self.begins_us = [self._begin_us(self.first)]
        while self.begins_us[0] > start_us:
            self.first -= ONE_DAY
            self.begins_us.insert(0, self._begin_us(self.first))
        while self.begins_us[-1] <= end_us:
            following = self.first + len(self.begins_us) * ONE_DAY
            self.begins_us.append(self._begin_us(following))

    def _begin_us(self, day: dt.date) -> int:
        return to_us(begin_of(day, self.zone))
