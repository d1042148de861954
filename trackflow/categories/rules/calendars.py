"""Public holidays of countries, by the library `holidays`; imported when first needed."""

import datetime as dt
from dataclasses import replace

from trackflow.categories.rules.rules import RuleSet

FIRST_YEAR = 2000
YEARS_AHEAD = 20


def calendar_problem(country: str, subdivision: str) -> str | None:
    """What is wrong with a country and a part of it; None if the library knows them."""
    if not country:
        return "a subdivision needs its country" if subdivision else None
    import holidays

    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        return f"there are no holidays of {country!r}; write a code of ISO 3166, such as DE or US"
    if subdivision and subdivision not in known[country]:
        allowed = ", ".join(known[country]) or "none"
        return f"{country} has no subdivision {subdivision!r}; there are {allowed}"
    return None


def with_known_days(rules: RuleSet, today: dt.date) -> RuleSet:
    """The rules with the holidays of their country written down, up to twenty years ahead."""
    found = rules.holidays
    if not found.country:
        return replace(rules, holidays=replace(found, known=()))
    import holidays

    years = range(FIRST_YEAR, today.year + YEARS_AHEAD + 1)
    days = holidays.country_holidays(found.country, subdiv=found.subdivision or None, years=years)
    return replace(rules, holidays=replace(found, known=tuple(sorted(days))))
