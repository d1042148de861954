"""What sums over tracks by day are asked for, and what they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from trackflow.geo.calendar_days import DayRun
from trackflow.geo.points import Floats, Ints
from trackflow.store.days.queries import Devices
from trackflow.tracks.lengths import SPEED_SPAN_US


class Per(StrEnum):
    """What sums are kept apart by, beside the day."""

    DEVICE = "device"
    GROUP = "group"
    MODE = "mode"
    CATEGORY = "category"


class TravelRow(NamedTuple):
    """Sums over parts of tracks on one day.

    Attributes:
        day: ordinal of the day in its zone.
        key: the device, group, travel mode or category; None for all, and where there is none.
        tracks: how many have a part in it.
        trips: how many tracks begin on this day; of several modes, the longest one has it.
        length_mm: of the parts.
        duration_us: of the parts.
        longest_mm: the longest part.
        top_kmh: the highest speed; 0 where it is not known.
        idle_ms: halts; None where no track knows them.
        climb_cm: elevation gain; None where no track knows heights.
    """

    day: int
    key: str | None
    tracks: int
    trips: int
    length_mm: int
    duration_us: int
    longest_mm: int
    top_kmh: float
    idle_ms: int | None
    climb_cm: int | None


def reached_kmh(length_mm: int | Ints, duration_us: int | Ints) -> Floats:
    """The mean speed of parts of tracks, which each has reached: its highest is no lower.

    A part of less than ten seconds counts as of ten, as no highest speed is that of a shorter time.
    """
    return np.asarray(length_mm) * 3600.0 / np.maximum(duration_us, SPEED_SPAN_US)


@dataclass(frozen=True, slots=True)
class TravelQuery:
    """Which tracks are added up, and how.

    Attributes:
        device_ids: of these devices, None for all.
        start_us: from this moment on, microseconds since 1970.
        end_us: until this moment.
        runs: the days between them.
        per: what else sums are kept apart by; None for nothing.
    """

    device_ids: Devices
    start_us: int
    end_us: int
    runs: Sequence[DayRun]
    per: Per | None = None
