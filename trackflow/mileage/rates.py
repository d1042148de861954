"""Amounts of money for kilometres or miles: a person's own table, with tiers by tax year.

All sums are exact decimals. What is paid for a trip is what it adds to the rounded sum of its year,
so trips add up to the months, and months to the year, to the cent.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from trackflow.errors import BadInputError

type Year = tuple[str, str, str, int]
"""What tiers count by: the rate, the vehicle or the driver, and the year in which they begin."""

VEHICLE, DRIVER = "vehicle", "driver"
PERS = (VEHICLE, DRIVER)

METRES = {"km": Decimal(1000), "mi": Decimal("1609.344")}
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Tier:
    """An amount per unit, up to so many units in a year; None: without limit."""

    up_to: Decimal | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Rate:
    """What is paid per kilometre or mile.

    Attributes:
        rate_id: its name; rows of one name with other dates are its versions.
        valid_from: the first day.
        valid_until: the last day; None for ever.
        category: of these trips only; None for all.
        vehicle_kind: of these vehicles only; None for all.
        currency: such as EUR.
        unit: km or mi.
        tiers: in their order; the last one has no limit.
        year_start: month and day on which the year of the tiers begins.
        source: where the numbers come from.
        per: whose kilometres or miles the tiers count, over a year: those of a vehicle, or those of
            a driver in all vehicles.
    """

    rate_id: str
    valid_from: dt.date
    valid_until: dt.date | None
    category: str | None
    vehicle_kind: str | None
    currency: str
    unit: str
    tiers: tuple[Tier, ...]
    year_start: tuple[int, int] = (1, 1)
    source: str | None = None
    per: str = VEHICLE

    def __post_init__(self) -> None:
        """Check it.

        Raises:
            BadInputError: it makes no sense.
        """
        if self.unit not in METRES:
            raise BadInputError(f"rate {self.rate_id}: the unit is {self.unit!r}, not km or mi")
        if self.per not in PERS:
            raise BadInputError(
                f"rate {self.rate_id}: tiers count per {' or '.join(PERS)}, not per {self.per!r}"
            )
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise BadInputError(
                f"rate {self.rate_id}: it ends on {self.valid_until}, before it begins"
            )
        limits = [tier.up_to for tier in self.tiers]
        if not limits or limits[-1] is not None or None in limits[:-1]:
            raise BadInputError(f"rate {self.rate_id}: the last tier, and only it, has no limit")
        steps = [limit for limit in limits[:-1] if limit is not None]
        if steps != sorted(set(steps)) or any(step <= 0 for step in steps):
            raise BadInputError(f"rate {self.rate_id}: the limits of its tiers must grow")
        if any(tier.amount < 0 for tier in self.tiers):
            raise BadInputError(f"rate {self.rate_id}: an amount is below zero")

    def covers(self, trip: "PaidTrip") -> bool:
        """Whether it is the rate of a trip's day, category and kind of vehicle."""
        return (
            self.valid_from <= trip.day
            and (self.valid_until is None or trip.day <= self.valid_until)
            and self.category in (None, trip.category)
            and self.vehicle_kind in (None, trip.vehicle_kind)
        )

    def year_of(self, day: dt.date) -> int:
        """The year of the tiers that a day lies in, by the calendar year in which it begins."""
        return day.year - ((day.month, day.day) < self.year_start)

    def year_begin(self, day: dt.date) -> dt.date:
        """The first day of the year of the tiers that a day lies in."""
        return dt.date(self.year_of(day), *self.year_start)

    def total(self, units: Decimal) -> Decimal:
        """The exact amount for so many units in one year."""
        amount, reached = Decimal(0), Decimal(0)
        for tier in self.tiers:
            upper = units if tier.up_to is None else min(units, tier.up_to)
            if upper > reached:
                amount += (upper - reached) * tier.amount
                reached = upper
        return amount


@dataclass(frozen=True, slots=True)
class PaidTrip:
    """A trip as rates see it.

    Attributes:
        key: names it.
        day: local day of its start.
        category: None if it has none.
        vehicle_id: its vehicle.
        vehicle_kind: kind of the vehicle.
        distance_m: whole metres.
        rate_id: the rate that a rule has given it; None for that of its category.
        driver: None if unknown.
    """

    key: str
    day: dt.date
    category: str | None
    vehicle_id: str
    vehicle_kind: str
    distance_m: int
    rate_id: str | None = None
    driver: str | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """What a trip adds to the year's sum."""

    rate_id: str
    currency: str
    amount: Decimal


def rate_of(trip: PaidTrip, rates: Sequence[Rate]) -> Rate | None:
    """The rate of a trip: that of its rule, else the one that says most about it.

    Of two that say the same, the one that began later counts.
    """
    fitting = [rate for rate in rates if rate.covers(trip) and trip.rate_id in (None, rate.rate_id)]
    return max(
        fitting,
        key=lambda rate: (
            rate.category is not None,
            rate.vehicle_kind is not None,
            rate.valid_from,
            rate.rate_id,
        ),
        default=None,
    )


LACKS = {
    "rate": "the table has no such rate",
    "category": "its rate is for another category",
    "vehicle": "no rate is for its kind of vehicle",
    "day": "no rate is for its day",
}
"""What the table of rates can lack for a trip, each with what people read."""


def lacking(trip: PaidTrip, rates: Sequence[Rate]) -> str | None:
    """What the table lacks for a trip that it does not pay, of `LACKS`.

    None if it pays, and for a trip that names no rate and is of a category that has none.
    """
    if rate_of(trip, rates) is not None:
        return None
    named = [rate for rate in rates if trip.rate_id in (None, rate.rate_id)]
    if not named:
        return None if trip.rate_id is None else "rate"
    fitting = [rate for rate in named if rate.category in (None, trip.category)]
    if not fitting:
        return None if trip.rate_id is None else "category"
    is_for_kind = any(rate.vehicle_kind in (None, trip.vehicle_kind) for rate in fitting)
    return "day" if is_for_kind else "vehicle"


def payments(trips: Iterable[PaidTrip], rates: Sequence[Rate]) -> dict[str, Payment]:
    """What is paid for each trip that has a rate, by the trip's key.

    Args:
        trips: in order of time, from the beginning of the tax year on: tiers count from there.
        rates: the table.
    """
    metres: dict[Year, list[tuple[Rate, int]]] = {}
    paid: dict[Year, Decimal] = {}
    found = {}
    for trip in trips:
        rate = rate_of(trip, rates)
        if rate is None:
            continue
        key = _year(rate, trip)
        driven = metres.setdefault(key, [])
        if driven and driven[-1][0] == rate:
            driven[-1] = (rate, driven[-1][1] + trip.distance_m)
        else:
            driven.append((rate, trip.distance_m))
        whole = _rounded(_amount(driven))
        found[trip.key] = Payment(rate.rate_id, rate.currency, whole - paid.get(key, Decimal(0)))
        paid[key] = whole
    return found


@dataclass(slots=True)
class PaidYears:
    """What the closed trips of each year sum up to, with what amendments change in it.

    A trip that is amended is paid what it changes in the rounded sum of its year: the other closed
    trips keep their amounts, and all of them still add up to the year.

    Attributes:
        rates: the table.
        metres: driven in each year, by version of its rate.
    """

    rates: Sequence[Rate]
    metres: dict[Year, dict[Rate, int]] = field(default_factory=dict)

    def count(self, trip: PaidTrip, sign: int = 1) -> None:
        """Count a trip, or with the sign -1 count it no more."""
        rate = rate_of(trip, self.rates)
        if rate is not None:
            driven = self.metres.setdefault(_year(rate, trip), {})
            driven[rate] = driven.get(rate, 0) + sign * trip.distance_m

    def amend(
        self, before: PaidTrip | None, after: PaidTrip | None, paid: Decimal | None
    ) -> Payment | None:
        """Count a trip as amended; returns what is paid for it from now on, None for nothing.

        Args:
            before: as it was counted; None for one that is new or was gone.
            after: as it is now; None for one that is gone.
            paid: what was paid for it; None for nothing.
        """
        former, now = self._year_of(before), self._year_of(after)
        is_paid_on = paid is not None and former is not None and former == now
        whole = self._sum(now)
        if before is not None:
            self.count(before, -1)
        rest = self._sum(now)
        if after is not None:
            self.count(after)
        rate = None if after is None else rate_of(after, self.rates)
        if rate is None:
            return None
        more = self._sum(now) - (whole if is_paid_on else rest)
        return Payment(rate.rate_id, rate.currency, more + (paid if paid and is_paid_on else 0))

    def _year_of(self, trip: PaidTrip | None) -> Year | None:
        rate = None if trip is None else rate_of(trip, self.rates)
        return None if trip is None or rate is None else _year(rate, trip)

    def _sum(self, year: Year | None) -> Decimal:
        driven = {} if year is None else self.metres.get(year, {})
        return _rounded(_amount(sorted(driven.items(), key=lambda one: one[0].valid_from)))


def _year(rate: Rate, trip: PaidTrip) -> Year:
    """The year of a trip; one whose driver is unknown counts by its vehicle."""
    if rate.per == DRIVER and trip.driver is not None:
        return rate.rate_id, DRIVER, trip.driver, rate.year_of(trip.day)
    return rate.rate_id, VEHICLE, trip.vehicle_id, rate.year_of(trip.day)


def _amount(driven: Sequence[tuple[Rate, int]]) -> Decimal:
    """The exact amount of a year in which the rate may have changed between two tiers."""
    amount, before_m = Decimal(0), 0
    for rate, metres in driven:
        unit = METRES[rate.unit]
        after_m = before_m + metres
        amount += rate.total(Decimal(after_m) / unit) - rate.total(Decimal(before_m) / unit)
        before_m = after_m
    return amount


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)
