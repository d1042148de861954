"""A draft of a rule that holds for a given trip and for trips like it."""

import datetime as dt
from collections.abc import Mapping

from trackflow.categories.rules.conditions import (
    All,
    AtPlace,
    ClockRange,
    Condition,
    Named,
    PlacePattern,
    TimeOfDay,
    Weekday,
)
from trackflow.categories.rules.facts import PlaceFacts, TripFacts
from trackflow.categories.rules.rules import RESULTS, Rule
from trackflow.categories.rules.toml import rule_id_of

HALF_HOUR_MIN = 30
DAY_MIN = 24 * 60

WORKDAYS = frozenset(range(5))

DEFAULT_CATEGORY = "business"


def rule_of_track(facts: TripFacts, results: Mapping[str, str | None]) -> Rule:
    """A rule for trips between the same places, on such days, at such a time, by such a mode.

    Args:
        facts: of the trip.
        results: what the trip was for, by name; a trip that is for nothing becomes business.
    """
    conditions: list[Condition] = []
    ends = (("start", facts.start_place), ("end", facts.end_place))
    conditions += [AtPlace(where, (_pattern(place),)) for where, place in ends if place]
    if facts.start_place is None and facts.end_place is None:
        conditions.append(Named("device", (facts.device_id,)))
    weekday = facts.start.weekday()
    days = WORKDAYS if weekday in WORKDAYS else frozenset({5, 6})
    conditions += [Weekday(days), TimeOfDay(True, (_window(facts.start.time()),))]
    if facts.main_mode is not None:
        conditions.append(Named("main_mode", (facts.main_mode,)))
    given = {name: text for name in RESULTS if (text := results.get(name))}
    if not given:
        given = {"category": DEFAULT_CATEGORY}
    name = _name(facts)
    return Rule(rule_id_of(name), name, All(tuple(conditions)), tuple(given.items()))


def _pattern(place: PlaceFacts) -> PlacePattern:
    """By id: names change, and may look like patterns."""
    return PlacePattern(place_id=place.place_id)


def _window(clock: dt.time) -> ClockRange:
    """About an hour to both sides, at full half hours."""
    minute = clock.hour * 60 + clock.minute
    first = (minute - HALF_HOUR_MIN) // HALF_HOUR_MIN * HALF_HOUR_MIN
    last = (minute + 2 * HALF_HOUR_MIN) // HALF_HOUR_MIN * HALF_HOUR_MIN
    return ClockRange(_clock(first), _clock(last))


def _clock(minute: int) -> dt.time:
    hour, rest = divmod(minute % DAY_MIN, 60)
    return dt.time(hour, rest)


def _name(facts: TripFacts) -> str:
    start, end = (
        place.name if place else "anywhere" for place in (facts.start_place, facts.end_place)
    )
    if facts.start_place is None and facts.end_place is None:
        return f"Like the trip of {facts.start:%Y-%m-%d %H:%M}"
    return f"{start} to {end}"
