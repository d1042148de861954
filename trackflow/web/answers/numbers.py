"""Numbers of a time, by period and by group."""

import datetime as dt
from typing import TypedDict

from trackflow.geo.periods import By, Period, period_name
from trackflow.usecases.queries.distances import TravelSums
from trackflow.usecases.queries.numbers import (
    GroupSums,
    NumbersQuery,
    NumbersReport,
    Per,
    PeriodSums,
    figures_of,
)
from trackflow.usecases.queries.visited import (
    CountryVisits,
    Town,
    TownVisits,
    VisitedReport,
)
from trackflow.web.answers.describing import described, shows


@described
class FiguresAnswer(TypedDict):
    """Sums over the parts of tracks that lie in a time."""

    distance_m: float
    """Kilometres as the days have them, in metres."""
    duration_s: float
    """Time on tracks, with halts that are too short to end one."""
    moving_s: float | None
    """`duration_s` without `idle_s`."""
    idle_s: float | None
    """Halts on the way of half a minute and more; null where no track knows them."""
    trips: int
    """Tracks that begin in the time. With `per=mode`, a track counts for its longest mode."""
    average_speed_kmh: float | None
    """`distance_m` over `duration_s`."""
    max_speed_kmh: float | None
    """The highest speed over at least 10 s that a neighbour agrees on."""
    elevation_gain_m: float | None
    """Of the heights that devices report, smoothed; null without heights."""


@described
class PeriodFigures(FiguresAnswer):
    """The numbers of a period."""

    period: str
    """Such as 2026-11-28, 2026-W48, 2026-11 or 2026."""
    first_day: dt.date
    last_day: dt.date
    """Of the whole period; days outside the requested time do not count."""
    key: str | None
    """The device, group, travel mode or category; null where there is none, and without `per`."""


@described
class GroupFigures(FiguresAnswer):
    """The numbers of a device, group, travel mode or category."""

    key: str | None
    """Null where there is none."""
    before: FiguresAnswer | None
    """The same of the period before."""


@described
class BeforeAnswer(FiguresAnswer):
    """The numbers of the period before: whole months before whole months, else as many days."""

    first_day: dt.date
    last_day: dt.date


@described
class NumbersAnswer(TypedDict):
    """Numbers of a time."""

    time_zone: str
    """The zone of the days."""
    by: By
    per: Per | None
    first_day: dt.date | None
    """Null where nothing moved and no time was requested."""
    last_day: dt.date | None
    totals: FiguresAnswer
    before: BeforeAnswer | None
    """Null unless `from` and `to` are given."""
    rows: list[PeriodFigures]
    """By period and key; those without tracks are left out."""
    groups: list[GroupFigures]
    """By key, most kilometres first; empty without `per`."""


def numbers_answer(found: NumbersReport) -> NumbersAnswer:
    """Numbers as they are answered."""
    before = None
    if found.before and found.before_totals:
        first, last = found.before
        before = BeforeAnswer(first_day=first, last_day=last, **figures_of(found.before_totals))
    return {
        "time_zone": found.time_zone,
        "by": found.wanted.by,
        "per": found.wanted.per,
        "first_day": found.period and found.period.first,
        "last_day": found.period and found.period.last,
        "totals": {**figures_of(found.totals)},
        "before": before,
        "rows": [_row(row, found.wanted.by) for row in found.rows],
        "groups": [
            GroupFigures(
                key=one.key,
                **figures_of(one.sums),
                before=None if one.before is None else {**figures_of(one.before)},
            )
            for one in found.groups
        ],
    }


def _row(row: PeriodSums, by: By) -> PeriodFigures:
    first, last = row.period
    return PeriodFigures(
        period=period_name(first, by),
        first_day=first,
        last_day=last,
        key=row.key,
        **figures_of(row.sums),
    )


@described
class CountryAnswer(TypedDict):
    """A country that tracks went through."""

    country: str
    """Its name in English."""
    tracks: int
    days: int
    """Number of days on which they did."""
    first_day: dt.date
    last_day: dt.date


@described
class TownAnswer(TypedDict):
    """A town in which devices stayed."""

    town: str
    """Its name as GeoNames has it."""
    country_code: str
    """Of ISO 3166, such as FI."""
    stays: int
    stay_s: float
    """Seconds of all stays that have ended."""
    days: int
    """Number of days on which stays began."""
    first_day: dt.date
    last_day: dt.date


@described
class VisitedAnswer(TypedDict):
    """Where devices were in a time."""

    time_zone: str
    """The zone of the days."""
    countries: list[CountryAnswer]
    """Most days first. Borders: Natural Earth."""
    towns: list[TownAnswer]
    """Most days first. Towns: GeoNames (CC BY 4.0)."""


def visited_answer(found: VisitedReport) -> VisitedAnswer:
    """Countries and towns."""
    return {
        "time_zone": found.time_zone,
        "countries": [
            {
                "country": one.country,
                "tracks": one.tracks,
                "days": len(one.days),
                "first_day": min(one.days),
                "last_day": max(one.days),
            }
            for one in found.countries
        ],
        "towns": [
            {
                "town": one.town.name,
                "country_code": one.town.country,
                "stays": one.stays,
                "stay_s": one.seconds,
                "days": len(one.days),
                "first_day": min(one.days),
                "last_day": max(one.days),
            }
            for one in found.towns
        ],
    }


_SUMS = TravelSums(48_210_337, 4_980_000_000, 20_000_000, 6, 6, 81.25, 420_000, 12_300)
_MONTH = Period(dt.date(2026, 9, 1), dt.date(2026, 9, 30))
_BEFORE = Period(dt.date(2026, 8, 1), dt.date(2026, 8, 31))

NUMBERS = shows(
    NumbersAnswer,
    numbers_answer(
        NumbersReport(
            "Europe/Helsinki",
            NumbersQuery(*_MONTH, By.MONTH, Per.DEVICE),
            _MONTH,
            _SUMS,
            _BEFORE,
            _SUMS,
            [PeriodSums(_MONTH, "bus-7", _SUMS)],
            [GroupSums("bus-7", _SUMS, _SUMS)],
        )
    ),
)

_DAYS = {dt.date(2026, 9, 21), dt.date(2026, 9, 22)}
_HELSINKI = Town("Helsinki", "FI", 24.9354, 60.1695, 558_457)

VISITED = shows(
    VisitedAnswer,
    visited_answer(
        VisitedReport(
            "Europe/Helsinki",
            [CountryVisits("Finland", 12, _DAYS)],
            [TownVisits(_HELSINKI, 5, 23_400.0, _DAYS)],
        )
    ),
)
