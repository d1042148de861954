"""Conditions on a trip: small values that hold for some facts and not for others.

They nest by `All`, `AnyOf` and `Not`. Times and days are those of clocks at the device's zone: a
condition reads the clock and never computes with it, so a change of the clocks needs no rule.
"""

import datetime as dt
import functools
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from trackflow.categories.modes import Mode
from trackflow.categories.rules.facts import PlaceFacts, TripFacts

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

MODES = tuple(mode.value for mode in Mode)


class Condition(Protocol):
    """A condition on a trip."""

    def holds(self, facts: TripFacts, holidays: Collection[dt.date]) -> bool:
        """Whether it is true of a trip; `holidays` are the days that count as such."""
        ...


@dataclass(frozen=True, slots=True)
class All:
    """Each of some conditions holds; without any it holds for every trip."""

    conditions: tuple[Condition, ...]

    def holds(self, facts: TripFacts, holidays: Collection[dt.date]) -> bool:  # noqa: D102
        # loops: a generator for each of a million conditions takes half of a preview's time
        for condition in self.conditions:  # noqa: SIM110
            if not condition.holds(facts, holidays):
                return False
        return True


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of some conditions holds; without any it holds for no trip."""

    conditions: tuple[Condition, ...]

    def holds(self, facts: TripFacts, holidays: Collection[dt.date]) -> bool:  # noqa: D102
        for condition in self.conditions:  # noqa: SIM110
            if condition.holds(facts, holidays):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Not:
    """A condition does not hold."""

    condition: Condition

    def holds(self, facts: TripFacts, holidays: Collection[dt.date]) -> bool:  # noqa: D102
        return not self.condition.holds(facts, holidays)


@dataclass(frozen=True, slots=True)
class Named:
    """One of the trip's names fits one of some patterns: `van-*` fits van-7; case does not count.

    Attributes:
        subject: device, driver, vehicle, mode, main_mode or race_track.
        patterns: names, with `*` and `?` as wildcards.
    """

    subject: str
    patterns: tuple[str, ...]

    def holds(self, facts: TripFacts, holidays: Collection[dt.date]) -> bool:  # noqa: ARG002, D102
        return any(fits(name, self.patterns) for name in self._names(facts))

    def _names(self, facts: TripFacts) -> Collection[str]:
        match self.subject:
            case "device":
                return (facts.device_id,)
            case "driver":
                return (facts.driver,) if facts.driver else ()
            case "vehicle":
                return tuple(name for name in (facts.vehicle, facts.plate) if name)
            case "mode":
                return facts.modes
            case "main_mode":
                return (facts.main_mode,) if facts.main_mode else ()
        return facts.race_tracks


@dataclass(frozen=True, slots=True)
class Weekday:
    """The trip begins on one of some days of the week, Monday being 0."""

    days: frozenset[int]

    def holds(self, facts: TripFacts, holidays: Collection[dt.date]) -> bool:  # noqa: ARG002, D102
        return facts.start.weekday() in self.days


@dataclass(frozen=True, slots=True, order=True)
class ClockRange:
    """Times of day from one, included, to another, not included; it may run over midnight.

    Equal ends are the whole day. `end` may be midnight (00:00), the end of the day.
    """

    begin: dt.time
    end: dt.time

    def has(self, clock: dt.time) -> bool:
        """Whether a time of day lies in it."""
        if self.begin < self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """The clock at the trip's start or end shows a time in one of some ranges."""

    at_start: bool
    ranges: tuple[ClockRange, ...]

    def holds(self, facts: TripFacts, holidays: Collection[dt.date]) -> bool:  # noqa: ARG002, D102
        clock = (facts.start if self.at_start else facts.end).time()
        return any(one.has(clock) for one in self.ranges)


@dataclass(frozen=True, slots=True)
class Dates:
    """The trip begins on a date from `first` to `last`, both included; None for no limit."""

    first: dt.date | None
    last: dt.date | None

    def holds(self, facts: TripFacts, holidays: Collection[dt.date]) -> bool:  # noqa: ARG002, D102
        date = facts.start.date()
        return (self.first is None or self.first <= date) and (
            self.last is None or date <= self.last
        )


@dataclass(frozen=True, slots=True)
class Holiday:
    """The trip begins on a holiday, or with `wanted` false on no holiday."""

    wanted: bool

    def holds(self, facts: TripFacts, holidays: Collection[dt.date]) -> bool:  # noqa: D102
        return (facts.start.date() in holidays) == self.wanted


@dataclass(frozen=True, slots=True, order=True)
class PlacePattern:
    """Places that fit all that is given; empty texts are not given.

    Attributes:
        text: the place's name, with wildcards, or its kind.
        name: its name, with wildcards.
        kind: its kind.
        place_id: its id.
    """

    text: str = ""
    name: str = ""
    kind: str = ""
    place_id: str = ""

    def fits(self, place: PlaceFacts) -> bool:
        """Whether a place is one of these."""
        return (
            (not self.text or place.kind == self.text or fits(place.name, (self.text,)))
            and (not self.name or fits(place.name, (self.name,)))
            and (not self.kind or place.kind == self.kind)
            and (not self.place_id or place.place_id == self.place_id)
        )


@dataclass(frozen=True, slots=True)
class AtPlace:
    """The trip touches one of some places.

    Attributes:
        where: start, end, either (start or end), via, or at (any of the three).
        patterns: the places.
    """

    where: str
    patterns: tuple[PlacePattern, ...]

    def holds(self, facts: TripFacts, holidays: Collection[dt.date]) -> bool:  # noqa: ARG002, D102
        for place in self._places(facts):
            if place is not None and _is_one_of(place, self.patterns):
                return True
        return False

    def _places(self, facts: TripFacts) -> tuple[PlaceFacts | None, ...]:
        match self.where:
            case "start":
                return (facts.start_place,)
            case "end":
                return (facts.end_place,)
            case "either":
                return (facts.start_place, facts.end_place)
            case "via":
                return facts.via_places
        return (facts.start_place, facts.end_place, *facts.via_places)


@dataclass(frozen=True, slots=True, order=True)
class Comparison:
    """A comparison with a number: `<`, `<=`, `>`, `>=` or `=`."""

    operator: str
    limit: float

    def accepts(self, value: float) -> bool:
        """Whether a value is on the right side."""
        match self.operator:
            case "<":
                return value < self.limit
            case "<=":
                return value <= self.limit
            case ">":
                return value > self.limit
            case ">=":
                return value >= self.limit
        return value == self.limit


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure of the trip passes all of some comparisons.

    Attributes:
        quantity: distance_km, duration_min, average_speed_kmh or max_speed_kmh.
        comparisons: what it has to pass.
    """

    quantity: str
    comparisons: tuple[Comparison, ...]

    def holds(self, facts: TripFacts, holidays: Collection[dt.date]) -> bool:  # noqa: ARG002, D102
        value = self._value(facts)
        return all(comparison.accepts(value) for comparison in self.comparisons)

    def _value(self, facts: TripFacts) -> float:
        match self.quantity:
            case "distance_km":
                return facts.distance_m / 1000
            case "duration_min":
                return facts.duration_s / 60
            case "average_speed_kmh":
                return facts.average_speed_kmh
        return facts.max_speed_kmh


@functools.lru_cache(maxsize=65_536)
def _is_one_of(place: PlaceFacts, patterns: tuple[PlacePattern, ...]) -> bool:
    """Cached: thousands of trips begin and end at a few places."""
    return any(pattern.fits(place) for pattern in patterns)


def fits(name: str, patterns: Collection[str]) -> bool:
    """Whether a name fits one of some patterns with wildcards; case does not count."""
    return any(_pattern(pattern).fullmatch(name) is not None for pattern in patterns)


@functools.lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    """Only `*` and `?` are wildcards: brackets are common in names of places.

    What follows a star is looked for once, at its first place: a few stars took minutes of a name.
    """
    first, *parts = (
        "".join("." if letter == "?" else re.escape(letter) for letter in part)
        for part in text.split("*")
    )
    middle = "".join(f"(?>.*?{part})" for part in parts[:-1])
    expression = first + middle + (f".*{parts[-1]}" if parts else "")
    return re.compile(expression, re.IGNORECASE | re.DOTALL)
