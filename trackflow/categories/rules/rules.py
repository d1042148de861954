"""Rules in their order, and what they give together for a trip.

Rules are asked one after another. Each that holds gives those of its results that no rule before it
has given; one with `stop` ends the asking. So the first rule that names a category decides it, and
later ones may still add a purpose, a partner or a rate.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from trackflow.categories.rules.conditions import Condition
from trackflow.categories.rules.facts import TripFacts

RESULTS = ("category", "purpose", "partner", "rate")
"""What a rule can give."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition and what follows from it.

    Attributes:
        rule_id: its id, the same in all versions of the rules.
        name: its name, for people.
        when: the condition.
        results: text by name, of `RESULTS`.
        stop: whether no later rule is asked when it holds.
    """

    rule_id: str
    name: str
    when: Condition
    results: tuple[tuple[str, str], ...] = ()
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Holidays:
    """The days that count as holidays.

    Attributes:
        country: code of ISO 3166, such as DE; empty for none.
        subdivision: code within the country, such as BY; empty for the whole country.
        own: days that a person lists.
        known: those of the country, written down when the rules were saved: a later release of the
            calendar must not change what past trips were.
    """

    country: str = ""
    subdivision: str = ""
    own: tuple[dt.date, ...] = ()
    known: tuple[dt.date, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trip was for, and what decided each part of it.

    Attributes:
        category: None while nothing decides.
        purpose: None while nothing decides.
        partner: None while nothing decides.
        rate: id of the rate; None for that of the category.
        origins: by result, the decider: "rule" with a rule's id, "person" or "import" with the id
            of a decision.
    """

    category: str | None = None
    purpose: str | None = None
    partner: str | None = None
    rate: str | None = None
    origins: tuple[tuple[str, str, str], ...] = ()

    @property
    def values(self) -> tuple[str | None, str | None, str | None, str | None]:
        """Category, purpose, partner and rate."""
        return self.category, self.purpose, self.partner, self.rate

    def origin(self, result: str) -> tuple[str, str] | None:
        """Kind and id of what decided a result; None if nothing did."""
        return next((origin[1:] for origin in self.origins if origin[0] == result), None)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in their order, with their calendar."""

    rules: tuple[Rule, ...] = ()
    holidays: Holidays = Holidays()
    _days: frozenset[dt.date] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        days = frozenset(self.holidays.own) | frozenset(self.holidays.known)
        object.__setattr__(self, "_days", days)

    @property
    def rates(self) -> frozenset[str]:
        """The ids of all rates that they name."""
        results = (result for rule in self.rules for result in rule.results)
        return frozenset(text for name, text in results if name == "rate")

    def decide(self, facts: TripFacts) -> Outcome:
        """What these rules give for a trip."""
        found: dict[str, tuple[str, str]] = {}
        for rule in self.rules:
            if len(found) == len(RESULTS):
                break
            if rule.when.holds(facts, self._days):
                for name, text in rule.results:
                    found.setdefault(name, (text, rule.rule_id))
                if rule.stop:
                    break
        return outcome_of({name: (text, "rule", by) for name, (text, by) in found.items()})


def outcome_of(found: dict[str, tuple[str, str, str]]) -> Outcome:
    """An outcome from each result's text, and the kind and id of what decided it."""
    origins = tuple((name, *found[name][1:]) for name in RESULTS if name in found)
    return Outcome(**{name: text for name, (text, _, _) in found.items()}, origins=origins)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided for a time; None in a result is not decided here.

    Attributes:
        decision_id: its id.
        start: from when it counts, aware.
        end: until when it counts, aware.
        origin: "person" or "import".
        order: grows with the time at which it was decided; the largest decides.
        category: the category.
        purpose: the purpose.
        partner: the partner.
    """

    decision_id: str
    start: dt.datetime
    end: dt.datetime
    origin: str
    order: tuple[dt.datetime, str]
    category: str | None = None
    purpose: str | None = None
    partner: str | None = None

    def covers(self, start: dt.datetime, end: dt.datetime) -> bool:
        """Whether it counts for a track: the middle of the track lies in its time."""
        return self.start <= start + (end - start) / 2 <= self.end


def decided(
    by_rules: Outcome, start: dt.datetime, end: dt.datetime, decisions: Sequence[Decision]
) -> Outcome:
    """What the rules give, overruled by the newest decision of a person on each result.

    The rate of a rule is that of the rule's category: one that a person has changed has its own.

    Args:
        by_rules: what the rules give.
        start: start of the track, UTC.
        end: end of the track, UTC.
        decisions: of the track's device, in any order.
    """
    mine = [one for one in decisions if one.covers(start, end)]
    if not mine:
        return by_rules
    found = {
        name: (value, *origin)
        for name, value in zip(RESULTS, by_rules.values, strict=True)
        if value is not None and (origin := by_rules.origin(name)) is not None
    }
    for one in sorted(mine, key=lambda decision: decision.order):
        for name in ("category", "purpose", "partner"):
            value = getattr(one, name)
            if value is not None:
                found[name] = (value, one.origin, one.decision_id)
    if by_rules.category is not None and found["category"][0] != by_rules.category:
        found.pop("rate", None)
    return outcome_of(found)


@dataclass(frozen=True, slots=True)
class RulesUse:
    """For which time a version of the rules is used; the one with the highest number decides.

    Attributes:
        use_no: its number.
        version: the rules.
        from_time: from when, aware; None for the beginning.
        until_time: until when, not included, aware; None for ever.
        rules: the rules of the version.
    """

    use_no: int
    version: int
    from_time: dt.datetime | None
    until_time: dt.datetime | None
    rules: RuleSet

    def covers(self, start: dt.datetime) -> bool:
        """Whether a track that begins at `start` is in its time."""
        return (self.from_time is None or self.from_time <= start) and (
            self.until_time is None or start < self.until_time
        )


def use_at(uses: Sequence[RulesUse], start: dt.datetime) -> RulesUse | None:
    """The newest use whose time has a moment in it; None if no rules are used then."""
    covering = [use for use in uses if use.covers(start)]
    return max(covering, key=lambda use: use.use_no, default=None)
