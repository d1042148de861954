"""Numbers as tables of text: the same columns and units as in the API."""

from collections.abc import Sequence

from trackflow.exports.tables.section import Section
from trackflow.geo.periods import period_name
from trackflow.usecases.queries.distances import TravelSums
from trackflow.usecases.queries.numbers import Figures, NumbersReport, figures_of

DECIMALS = {
    "distance_m": 3,
    "duration_s": 0,
    "moving_s": 0,
    "idle_s": 0,
    "trips": 0,
    "average_speed_kmh": 2,
    "max_speed_kmh": 2,
    "elevation_gain_m": 1,
}
"""The figures with their decimals; lengths to the millimetre, so that rows add up."""

WIDTHS = (12,) * len(DECIMALS)
DAYS = frozenset({"first_day", "last_day"})


def title_of(found: NumbersReport) -> str:
    """A heading, in one line."""
    days = "all time" if found.period is None else " to ".join(map(str, found.period))
    return f"Numbers, {days} ({found.time_zone})"


def rows_table(found: NumbersReport) -> Section:
    """A row for each period, and for each key of it."""
    wanted = found.wanted
    keys = (wanted.per.value,) if wanted.per else ()
    return Section(
        f"By {wanted.by.value}",
        ("period", "first_day", "last_day", *keys, *DECIMALS),
        [
            (
                period_name(row.period.first, wanted.by),
                *map(str, row.period),
                *([row.key or ""] if wanted.per else []),
                *cells(row.sums),
            )
            for row in found.rows
        ],
        (12,) * (3 + len(keys)) + WIDTHS,
        frozenset(DECIMALS),
        DAYS,
    )


def totals_table(found: NumbersReport) -> Section:
    """All of it, and the period before."""
    rows = [
        ("total", *(map(str, found.period) if found.period else ("", "")), *cells(found.totals))
    ]
    if found.before and found.before_totals:
        rows.append(("before", *map(str, found.before), *cells(found.before_totals)))
    return Section(
        "Totals", ("what", "first_day", "last_day", *DECIMALS), rows, (12,) * 3 + WIDTHS,
        frozenset(DECIMALS), DAYS,
    )  # fmt: skip


def groups_table(found: NumbersReport) -> Section:
    """A row for each key."""
    name = found.wanted.per.value if found.wanted.per else "all"
    return Section(
        f"By {name}",
        (name, *DECIMALS),
        [(one.key or "", *cells(one.sums)) for one in found.groups],
        (16, *WIDTHS),
        frozenset(DECIMALS),
    )


def cells(sums: TravelSums) -> Sequence[str]:
    """The figures of `DECIMALS` as text; empty where one is not known."""
    figures: Figures = figures_of(sums)
    return [
        "" if (value := figures[name]) is None else f"{value:.{decimals}f}"  # type: ignore[literal-required]
        for name, decimals in DECIMALS.items()
    ]
