"""Distances of devices, by day and between two moments."""

import datetime as dt
from collections.abc import Mapping
from typing import TypedDict

from trackflow.usecases.queries.days import DayTravel
from trackflow.usecases.queries.distances import DeviceDay, TravelSums
from trackflow.web.answers.describing import described, shows


@described
class DayOfDevice(TypedDict):
    """A day on which a device moved."""

    day: dt.date
    device_id: str
    time_zone: str
    """The zone of the day, such as Europe/Helsinki."""
    distance_m: float
    """Of the parts of tracks that lie in the day."""
    duration_s: float
    """Of the same parts."""
    tracks: int
    """Number of tracks that touch the day."""


@described
class DaysAnswer(TypedDict):
    """The days on which devices moved."""

    time_zone: str
    """The requested zone of the days; `device` for that of each device."""
    days: list[DayOfDevice]
    """By day and device."""


@described
class DistanceOfDevice(TypedDict):
    """The travel of a device in a time."""

    device_id: str
    distance_m: float
    """Of the parts of tracks that lie in the time."""
    duration_s: float
    """Of the same parts."""
    tracks: int
    """Number of tracks with a part in the time."""


@described
class DistancesAnswer(TypedDict):
    """The travel of devices in a time."""

    distances: list[DistanceOfDevice]
    """By device; those that did not move are left out."""


def days_answer(found: DayTravel) -> DaysAnswer:
    """Travel by day."""
    return {
        "time_zone": found.time_zone,
        "days": [
            {
                "day": on.day,
                "device_id": on.device_id,
                "time_zone": on.time_zone,
                "distance_m": sums.length_mm / 1000,
                "duration_s": sums.duration_us / 1e6,
                "tracks": sums.tracks,
            }
            for on, sums in found.sums.items()
        ],
    }


def distances_answer(found: Mapping[str, TravelSums]) -> DistancesAnswer:
    """Travel by device."""
    return {
        "distances": [
            {
                "device_id": device_id,
                "distance_m": sums.length_mm / 1000,
                "duration_s": sums.duration_us / 1e6,
                "tracks": sums.tracks,
            }
            for device_id, sums in found.items()
        ]
    }


_SUMS = TravelSums(length_mm=48_210_337, duration_us=4_980_000_000, tracks=6)
_DAY = DeviceDay(dt.date(2026, 9, 21), "bus-7", "Europe/Helsinki")

DAYS = shows(DaysAnswer, days_answer(DayTravel("Europe/Helsinki", {_DAY: _SUMS})))
DISTANCES = shows(DistancesAnswer, distances_answer({"bus-7": _SUMS}))
