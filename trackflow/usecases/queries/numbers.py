"""Numbers of a time: kilometres, hours, trips, speeds and elevation gain by period and by group.

They are sums over the days of `distances`, so they are the same numbers as everywhere else.
"""

import datetime as dt
from dataclasses import dataclass
from typing import TypedDict

from trackflow.context import Context
from trackflow.geo.periods import (
    FIRST_DAY,
    By,
    Period,
    begin_of_period,
    check_days,
    end_of_period,
    period_before,
)
from trackflow.store.days.queries import Devices
from trackflow.store.days.travel_rows import Per as Per
from trackflow.usecases.queries.days import requested_zone
from trackflow.usecases.queries.distances import (
    DaySums,
    TravelSums,
    period_sums,
    travelled_days,
)


@dataclass(frozen=True, slots=True)
class NumbersQuery:
    """Which numbers are wanted.

    Attributes:
        first: the first day; None for all.
        last: the last day, included; None for all.
        by: how long the periods of the rows are.
        per: by what the numbers are grouped; None for nothing.
        device_ids: of these devices; None for all.
        zone: time zone of the days; None for `TRACKFLOW_TIME_ZONE`.
    """

    first: dt.date | None = None
    last: dt.date | None = None
    by: By = By.MONTH
    per: Per | None = None
    device_ids: Devices = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class PeriodSums:
    """The sums of one period, and of one key if the numbers tell keys apart.

    Attributes:
        period: its days; those outside the requested time do not count.
        key: a device, its group, a travel mode or category; None for all, or where there is none.
        sums: the sums.
    """

    period: Period
    key: str | None
    sums: TravelSums


@dataclass(frozen=True, slots=True)
class GroupSums:
    """The sums of one key over the whole time, and over the period before."""

    key: str | None
    sums: TravelSums
    before: TravelSums | None


@dataclass(frozen=True, slots=True)
class NumbersReport:
    """Numbers of a time.

    Attributes:
        time_zone: of the days.
        wanted: what was asked for.
        period: the days that were asked for, or those with tracks; None without any.
        totals: over all of it.
        before: the period before it; None where the time has no begin or no end.
        before_totals: over that.
        rows: by period and key; those without tracks are left out.
        groups: by key, most kilometres first; empty if they are not grouped.
    """

    time_zone: str
    wanted: NumbersQuery
    period: Period | None
    totals: TravelSums
    before: Period | None
    before_totals: TravelSums | None
    rows: list[PeriodSums]
    groups: list[GroupSums]


class Figures(TypedDict):
    """The numbers of some time as readers see them."""

    distance_m: float
    duration_s: float
    moving_s: float | None
    idle_s: float | None
    trips: int
    average_speed_kmh: float | None
    max_speed_kmh: float | None
    elevation_gain_m: float | None


def figures_of(sums: TravelSums) -> Figures:
    """Sums as figures; what is not known is None."""
    seconds = sums.duration_us / 1e6
    idle_s = None if sums.idle_ms is None else sums.idle_ms / 1000
    return {
        "distance_m": sums.length_mm / 1000,
        "duration_s": seconds,
        "moving_s": None if idle_s is None else round(seconds - idle_s, 3),
        "idle_s": idle_s,
        "trips": sums.trips,
        "average_speed_kmh": round(sums.length_mm / 1000 / seconds * 3.6, 2) if seconds else None,
        "max_speed_kmh": round(sums.top_kmh, 2) or None,
        "elevation_gain_m": None if sums.climb_cm is None else sums.climb_cm / 100,
    }


def read_numbers(
    context: Context, wanted: NumbersQuery, *, today: dt.date | None = None
) -> NumbersReport:
    """The numbers of a time, with those of the period before.

    Args:
        context: store and settings.
        wanted: which numbers.
        today: of a time that goes on after it, as much of the time before is compared; None for
            the day that it is.

    Raises:
        BadInputError: the days are the wrong way round or too far away, or there is no such zone.
    """
    name = wanted.zone or context.settings.time_zone
    zone, ids = requested_zone(name), wanted.device_ids
    check_days(wanted.first, wanted.last)
    before = _before(wanted, today or dt.datetime.now(zone).date())
    with context.store.read() as connection:
        known = travelled_days(connection, zone, ids, None, None)
        period = _period(wanted, known)
        parts = [part and known and _within(part, known) for part in (before, period)]
        earlier, found = (
            period_sums(connection, zone, ids, part, wanted.by, wanted.per) if part else {}
            for part in parts
        )
    return NumbersReport(
        name,
        wanted,
        period,
        _total(found),
        before,
        _total(earlier) if before else None,
        _rows(found, wanted.by),
        _groups(found, earlier if before else None) if wanted.per else [],
    )


def _before(wanted: NumbersQuery, today: dt.date) -> Period | None:
    """The period before the requested one; None if it has no begin or end, or that is too far."""
    if wanted.first is None or wanted.last is None:
        return None
    before = period_before(Period(wanted.first, wanted.last), today)
    return before if before.first >= FIRST_DAY else None


def _period(wanted: NumbersQuery, known: Period | None) -> Period | None:
    """The requested days; where no first or last one was requested, those with tracks."""
    first, last = wanted.first or (known and known.first), wanted.last or (known and known.last)
    return None if first is None or last is None else Period(first, last)


def _within(period: Period, known: Period) -> Period | None:
    """The part of a period on which something can have moved; None if there is none."""
    found = Period(max(period.first, known.first), min(period.last, known.last))
    return found if found.first <= found.last else None


def _total(found: DaySums) -> TravelSums:
    total = TravelSums()
    for sums in found.values():
        total.add(sums)
    return total


def _rows(found: DaySums, by: By) -> list[PeriodSums]:
    sums: dict[tuple[dt.date, str | None], TravelSums] = {}
    begins = {day: begin_of_period(day, by) for day, _ in found}
    for (day, key), of_day in found.items():
        sums.setdefault((begins[day], key), TravelSums()).add(of_day)
    rows = [
        PeriodSums(Period(begin, end_of_period(begin, by)), key, one)
        for (begin, key), one in sums.items()
    ]
    return sorted(rows, key=lambda row: (row.period, row.key is None, row.key or ""))


def _groups(found: DaySums, earlier: DaySums | None) -> list[GroupSums]:
    now, then = _by_key(found), _by_key(earlier or {})
    groups = [
        GroupSums(
            key,
            now.get(key, TravelSums()),
            None if earlier is None else then.get(key, TravelSums()),
        )
        for key in {**now, **then}
    ]
    return sorted(groups, key=lambda one: (-one.sums.length_mm, one.key is None, one.key or ""))


def _by_key(found: DaySums) -> dict[str | None, TravelSums]:
    sums: dict[str | None, TravelSums] = {}
    for (_, key), of_day in found.items():
        sums.setdefault(key, TravelSums()).add(of_day)
    return sums
