"""Numbers of each day's legs, and checks of them: independent of the code that made them."""

import datetime as dt
from dataclasses import dataclass, field

from trackflow.categories.modes import Mode
from trackflow.context import Context
from trackflow.geo.time import days_between
from trackflow.store.categories import leg_sums
from trackflow.usecases.categories.following import days_to_follow

FASTEST_MEAN_KMH = {
    Mode.STILL: 10.0,
    Mode.WALKING: 15.0,
    Mode.RUNNING: 25.0,
    Mode.CYCLING: 60.0,
    Mode.DRIVING: 200.0,
    Mode.BUS: 130.0,
    Mode.TRAM: 90.0,
    Mode.SUBWAY: 130.0,
    Mode.TRAIN: 400.0,
    Mode.BOAT: 110.0,
    Mode.FLYING: 1300.0,
}
"""Mean speeds over a leg that no such journey reaches: beyond them, the mode must be wrong."""

type Finding = dict[str, str | int | float | None]

MOST_FINDINGS = 20


@dataclass(slots=True)
class LegNumbers:
    """A day's legs and tracks, by where they begin.

    Attributes:
        legs: number of legs.
        distance_m: by mode.
        tracks: number of tracks.
        uncategorized: tracks without a category.
        corrections: modes that persons decided.
    """

    legs: int = 0
    distance_m: dict[str, float] = field(default_factory=dict)
    tracks: int = 0
    uncategorized: int = 0
    corrections: int = 0

    @property
    def uncategorized_share(self) -> float:
        """Share of the tracks that have no category, 0 to 1."""
        return self.uncategorized / self.tracks if self.tracks else 0.0


def leg_numbers(context: Context, first: dt.date, last: dt.date) -> dict[dt.date, LegNumbers]:
    """The numbers of each of some days."""
    found = {day: LegNumbers() for day in days_between(first, last)}
    with context.store.read() as connection:
        for one in leg_sums.by_day_and_mode(connection, first, last):
            found[one.day].legs += one.legs
            found[one.day].distance_m[one.mode] = one.distance_m
        for day, (tracks, without) in leg_sums.tracks_by_day(connection, first, last).items():
            found[day].tracks, found[day].uncategorized = tracks, without
        for day, count in leg_sums.corrections_by_day(connection, first, last).items():
            found[day].corrections = count
    return found


def has_rules(context: Context) -> bool:
    """Whether rules were ever put into use."""
    with context.store.read() as connection:
        return leg_sums.any_rules(connection)


@dataclass(slots=True)
class CoverCheck:
    """Whether legs cover the tracks of a day without a hole and without an overlap.

    A day whose legs wait to be found is neither right nor wrong.
    """

    tracks: int = 0
    is_waiting: bool = False
    wrong: list[Finding] = field(default_factory=list)


def check_cover(context: Context, day: dt.date) -> CoverCheck:
    """Compare the tracks that begin on a day with the legs of their time."""
    result = CoverCheck()
    with context.store.read() as connection:
        tracks = leg_sums.track_times(connection, day)
        if not tracks:
            return result
        start, end = min(row.start_time for row in tracks), max(row.end_time for row in tracks)
        legs = leg_sums.leg_times(connection, start, end)
    by_device: dict[str, list[tuple[dt.datetime, dt.datetime]]] = {}
    for leg in legs:
        by_device.setdefault(leg.device_id, []).append((leg.start_time, leg.end_time))
    for track in tracks:
        result.tracks += 1
        of_device = by_device.get(track.device_id, [])
        fault = None
        if track.point_count > 1:
            fault = _fault(track.start_time, track.end_time, of_device)
        if fault is not None:
            seconds = (track.start_time - dt.datetime.combine(day, dt.time(), dt.UTC)).seconds
            result.wrong.append(
                {
                    "device": track.device_id,
                    "day": day.isoformat(),
                    "time": str(dt.timedelta(seconds=seconds)),
                    "fault": fault,
                }
            )
    if result.wrong:
        result.is_waiting = bool(days_to_follow(context, day, day))
    return result


def _fault(
    start: dt.datetime, end: dt.datetime, legs: list[tuple[dt.datetime, dt.datetime]]
) -> str | None:
    """What is wrong with the legs of a track: a hole or an overlap; None if nothing is."""
    reached = start
    before: dt.datetime | None = None
    for leg_start, leg_end in legs:
        if leg_end <= start or leg_start >= end:
            continue
        if leg_start > reached:
            return "hole"
        if before is not None and leg_start < before:
            return "overlap"
        reached = before = leg_end
    return None if reached >= end else "hole"


@dataclass(slots=True)
class SpeedCheck:
    """Whether each leg's mean speed fits its mode."""

    legs: int = 0
    wrong: list[Finding] = field(default_factory=list)


def check_speeds(context: Context, day: dt.date) -> SpeedCheck:
    """Compare the mean speed of the legs that begin on a day with what their mode reaches."""
    result = SpeedCheck()
    with context.store.read() as connection:
        rows = leg_sums.leg_speeds(connection, day)
    for row in rows:
        result.legs += 1
        seconds = (row.end_time - row.start_time).total_seconds()
        speed_kmh = row.distance_m / seconds * 3.6 if seconds else 0.0
        if speed_kmh > FASTEST_MEAN_KMH[Mode(row.mode)]:
            result.wrong.append(
                {
                    "device": row.device_id,
                    "day": day.isoformat(),
                    "time": row.start_time.strftime("%H:%M:%S"),
                    "mode": row.mode,
                    "mean_kmh": round(speed_kmh, 1),
                }
            )
    return result
