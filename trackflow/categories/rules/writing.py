"""Writes conditions and rules as the tables that they are read from, and those as TOML."""

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from trackflow.categories.rules.conditions import (
    WEEKDAYS,
    All,
    AnyOf,
    AtPlace,
    ClockRange,
    Comparison,
    Condition,
    Dates,
    Holiday,
    Measured,
    Named,
    Not,
    PlacePattern,
    TimeOfDay,
    Weekday,
)
from trackflow.categories.rules.reading import NAMES, PLACE_KEYS
from trackflow.categories.rules.rules import Rule, RuleSet

KEY_OF_SUBJECT = {subject: key for key, subject in NAMES.items()}


def rules_table(rules: RuleSet) -> dict[str, Any]:
    """Rules as the tables of a TOML file; dates stay dates."""
    found: dict[str, Any] = {}
    calendar = rules.holidays
    if calendar.country or calendar.own:
        given = {
            "country": calendar.country,
            "subdivision": calendar.subdivision,
            "dates": list(calendar.own),
        }
        found["holidays"] = {key: value for key, value in given.items() if value}
    found["rules"] = [rule_table(rule) for rule in rules.rules]
    return found


def rule_table(rule: Rule) -> dict[str, Any]:
    """A rule as a table."""
    found: dict[str, Any] = {"id": rule.rule_id, "name": rule.name, **dict(rule.results)}
    if rule.stop:
        found["stop"] = True
    return {**found, "when": condition_table(rule.when)}


def condition_table(condition: Condition) -> dict[str, Any]:
    """A condition as a table; `read_condition` makes the same condition of it."""
    match condition:
        case All(conditions):
            parts = [condition_table(part) for part in conditions]
            keys = {key for part in parts for key in part}
            if len(parts) != 1 and len(keys) == len(parts) and all(len(p) == 1 for p in parts):
                return {key: value for part in parts for key, value in part.items()}
            return {"all": parts} if parts else {}
        case AnyOf(conditions):
            return {"any": [condition_table(part) for part in conditions]}
        case Not(negated):
            return {"not": condition_table(negated)}
        case Named(subject, patterns):
            return {KEY_OF_SUBJECT[subject]: _alone(patterns)}
        case Weekday(days):
            return {"weekday": [WEEKDAYS[day] for day in sorted(days)]}
        case TimeOfDay(at_start, ranges):
            texts = [_clock_range(one) for one in ranges]
            return {"start_time" if at_start else "end_time": _alone(texts)}
        case Dates(first, last):
            ends = {"from": first, "to": last}
            return {"date": {key: day for key, day in ends.items() if day is not None}}
        case Holiday(wanted):
            return {"holiday": wanted}
        case AtPlace(where, patterns):
            return {where: _alone([_place(pattern) for pattern in patterns])}
        case Measured(quantity, comparisons):
            return {quantity: _alone([_comparison(one) for one in comparisons])}
    raise AssertionError(condition)


def _alone(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _clock_range(one: ClockRange) -> str:
    return f"{_clock(one.begin)}-{_clock(one.end)}"


def _clock(time: dt.time) -> str:
    return time.isoformat("seconds" if time.second else "minutes")


def _place(pattern: PlacePattern) -> Any:
    if pattern.text:
        return pattern.text
    given = {key: getattr(pattern, name) for key, name in PLACE_KEYS.items()}
    return {key: text for key, text in given.items() if text}


def _comparison(one: Comparison) -> str:
    number = repr(one.limit)
    return f"{one.operator} {number.removesuffix('.0')}"


def toml_text(table: Mapping[str, Any]) -> str:
    """The document of rules as TOML, each rule with its conditions below it."""
    lines: list[str] = []
    if "holidays" in table:
        lines += ["[holidays]", *_pairs(table["holidays"]), ""]
    for rule in table["rules"]:
        plain = {key: value for key, value in rule.items() if key != "when"}
        lines += ["[[rules]]", *_pairs(plain), "", "[rules.when]", *_pairs(rule["when"]), ""]
    return "\n".join(lines)


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_block(value)}" for key, value in table.items()]


def _block(value: Any) -> str:
    """A value after its key; a list of tables takes a line for each."""
    if isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        return "[\n" + "".join(f"    {_inline(one)},\n" for one in value) + "]"
    return _inline(value)


def _inline(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case dt.date():
            return value.isoformat()
        case Mapping():
            pairs = ", ".join(f"{key} = {_inline(one)}" for key, one in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list():
            return f"[{', '.join(_inline(one) for one in value)}]"
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("\x7f", r"\\u007f", text)
