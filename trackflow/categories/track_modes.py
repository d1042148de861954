"""The travel modes of a track: those of the legs that lie in it, also in part. Pure.

A leg may go on through a short pause between two tracks, so it counts for both of them, each with
its part.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol


class TimedLeg(Protocol):
    """A leg as it is stored."""

    @property
    def start_time(self) -> dt.datetime:
        """UTC."""
        ...

    @property
    def end_time(self) -> dt.datetime:
        """UTC."""
        ...

    @property
    def mode(self) -> str:
        """Its travel mode."""
        ...

    @property
    def distance_m(self) -> float:
        """Its length."""
        ...


type Travelled = dict[str, tuple[float, float]]
"""Metres and seconds by mode."""


def modes_between(
    legs: Sequence[TimedLeg], ends: Sequence[dt.datetime], start: dt.datetime, end: dt.datetime
) -> Travelled:
    """Metres and seconds of each mode between two moments; of a leg beyond them its share by time.

    Args:
        legs: of one device, in order; they do not overlap.
        ends: their ends.
        start: UTC.
        end: UTC.
    """
    found: Travelled = {}
    for leg in legs[bisect_right(ends, start) :]:
        if leg.start_time >= end:
            break
        inside_s = (min(leg.end_time, end) - max(leg.start_time, start)).total_seconds()
        whole_s = (leg.end_time - leg.start_time).total_seconds()
        share = inside_s / whole_s if whole_s else 1.0
        metres, seconds = found.get(leg.mode, (0.0, 0.0))
        found[leg.mode] = metres + leg.distance_m * share, seconds + inside_s
    return found


def main_mode_of(modes: Travelled) -> str | None:
    """The mode of the most metres, of equal ones of the most seconds; None without any."""
    return max(sorted(modes), key=modes.__getitem__) if modes else None


def said_mode_of(modes: Travelled, said: Travelled) -> str | None:
    """The main mode, if a person said at least half of it; None if only the model did.

    Args:
        modes: of all legs of a track.
        said: of those that persons decided.
    """
    main = main_mode_of(modes)
    if main is None or main not in said:
        return None
    # by seconds where nothing moved
    whole, mine = next(
        (pair for pair in zip(modes[main], said[main], strict=True) if pair[0] > 0), (0.0, 0.0)
    )
    return main if 2 * mine >= whole else None
