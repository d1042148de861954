"""Documents of rules: TOML texts, and the same tables as JSON."""

import datetime as dt
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from trackflow.categories.rules.calendars import calendar_problem
from trackflow.categories.rules.problems import Place, RulesError
from trackflow.categories.rules.reading import date_at, read_condition, text_at
from trackflow.categories.rules.rules import RESULTS, Holidays, Rule, RuleSet
from trackflow.categories.rules.writing import rules_table, toml_text
from trackflow.words import category_named

RULE_KEYS = ("id", "name", *RESULTS, "stop", "when")
HOLIDAY_KEYS = ("country", "subdivision", "dates")
MOST_RULES = 500


def parse_toml(text: str) -> RuleSet:
    """The rules of a TOML text.

    Raises:
        RulesError: it is no TOML, or a rule makes no sense; all problems are listed.
    """
    try:
        table = tomllib.loads(text.removeprefix("\ufeff"))  # as editors of Windows begin it
    except (ValueError, RecursionError) as error:  # some numbers are no TOMLDecodeError
        raise RulesError([f"this is no TOML: {error}"]) from None
    return parse_table(table)


def write_toml(rules: RuleSet) -> str:
    """Rules as TOML; `parse_toml` reads the same rules from it."""
    return toml_text(rules_table(rules))


def parse_table(table: object) -> RuleSet:
    """The rules of a document's tables; dates may be texts, as in JSON.

    Raises:
        RulesError: a rule makes no sense; all problems are listed.
    """
    problems: list[str] = []
    if not isinstance(table, Mapping):
        raise RulesError(["the document is a table with `rules`"])
    place = Place("", problems)
    for key in table:
        if key not in ("rules", "holidays"):
            Place("the document", problems).unknown(str(key), ("rules", "holidays"))
    calendar = _holidays(table.get("holidays", {}), place.at("holidays"))
    listed = table.get("rules", [])
    if not isinstance(listed, list) or len(listed) > MOST_RULES:
        place.at("rules").report(f"write up to {MOST_RULES:,} tables [[rules]]")
        listed = []
    rules = _rules(listed, problems)
    if problems:
        raise RulesError(problems)
    return RuleSet(rules, calendar)


def stored_rules(definitions: Sequence[object], holidays: Holidays) -> RuleSet:
    """The rules of stored tables, in their order.

    Raises:
        RulesError: a rule makes no sense to this version of trackflow.
    """
    problems: list[str] = []
    rules = _rules(definitions, problems)
    if problems:
        raise RulesError(problems)
    return RuleSet(rules, holidays)


def _rules(tables: Sequence[object], problems: list[str]) -> tuple[Rule, ...]:
    rules = [_rule(table, number, problems) for number, table in enumerate(tables, 1)]
    _check_ids(rules, problems)
    return tuple(rules)


def _holidays(table: Any, place: Place) -> Holidays:
    if not isinstance(table, Mapping):
        place.report("write a table with country, subdivision and dates")
        return Holidays()
    for key in table:
        if key not in HOLIDAY_KEYS:
            place.unknown(str(key), HOLIDAY_KEYS)
    codes = {
        key: text_at(table[key], place.at(key)) or ""
        for key in ("country", "subdivision")
        if key in table
    }
    dates = table.get("dates", [])
    if not isinstance(dates, list):
        place.at("dates").report("write a list of dates")
        dates = []
    own = [day for one in dates if (day := date_at(one, place.at("dates"))) is not None]
    country, subdivision = codes.get("country", ""), codes.get("subdivision", "")
    found = Holidays(country, subdivision, own=tuple(sorted(set(own))))
    if problem := calendar_problem(found.country, found.subdivision):
        place.report(problem)
    return found


def _rule(table: Any, number: int, problems: list[str]) -> Rule:
    place = Place(f"rule {number}", problems)
    if not isinstance(table, Mapping):
        place.report("a rule is a table")
        return Rule(str(number), "", read_condition({}, place))
    if "name" in table:
        name = text_at(table["name"], place.at("name"))
    else:
        name = None
        place.report("every rule needs a name")
    place = Place(f"rule {(name or str(number))[:60]!r}", problems)
    for key in table:
        if key not in RULE_KEYS:
            place.unknown(str(key), RULE_KEYS)
    results = [
        (result, category_named(text) if result == "category" else text)
        for result in RESULTS
        if result in table and (text := text_at(table[result], place.at(result))) is not None
    ]
    stop = table.get("stop", False)
    if not isinstance(stop, bool):
        place.at("stop").report("write true or false")
    if not stop and not any(result in table for result in RESULTS):
        place.report(f"it gives nothing: write one of {', '.join(RESULTS)}, or stop = true")
    if "when" not in table:
        place.report("it needs [rules.when]; an empty one holds for every track")
    when = read_condition(table.get("when", {}), place.at("when"))
    given = text_at(table["id"], place.at("id")) if "id" in table else None
    return Rule(given or rule_id_of(name or str(number)), name or "", when, tuple(results), stop)


def _check_ids(rules: list[Rule], problems: list[str]) -> None:
    seen: dict[str, str] = {}
    for rule in rules:
        if rule.rule_id in seen:
            problems.append(
                f"rule {rule.name!r}: its id {rule.rule_id!r} is that of {seen[rule.rule_id]!r}; "
                "give it an own name or `id`"
            )
        seen[rule.rule_id] = rule.name


def rule_id_of(name: str) -> str:
    """The id of a rule that is given none: its name in plain letters."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or name.strip()


def json_table(rules: RuleSet) -> dict[str, Any]:
    """Rules as the tables of a document with dates as texts."""
    return {key: plain_dates(value) for key, value in rules_table(rules).items()}


def plain_dates(value: Any) -> Any:
    """A value with dates as texts, as JSON has them."""
    match value:
        case dt.date():
            return value.isoformat()
        case Mapping():
            return {key: plain_dates(one) for key, one in value.items()}
        case list():
            return [plain_dates(one) for one in value]
    return value
