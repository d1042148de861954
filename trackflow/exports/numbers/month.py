"""The month of a device as PDF to print, and as an Excel file."""

import datetime as dt
import re
from collections.abc import Callable, Sequence

from trackflow.exports.tables.section import Section
from trackflow.usecases.queries.distances import TravelSums
from trackflow.usecases.queries.month_report import MonthNumbers, MonthTrip
from trackflow.usecases.queries.numbers import figures_of

FIGURES = ("km", "Trips", "On the way, h", "Idle, h", "Average km/h", "Top km/h", "Climb, m")
NUMBERS = frozenset(FIGURES)
WIDTHS = (10,) * len(FIGURES)


def title_of(found: MonthNumbers) -> str:
    """The report's heading, in one line."""
    return f"{found.device_id}, {found.month} (days of {found.days.time_zone})"


def sections_of(found: MonthNumbers) -> list[Section]:
    """All tables of the report."""
    return [_totals(found), _modes(found), _days(found), _trips(found.trips), _places(found)]


def month_pdf(found: MonthNumbers) -> bytes:
    """The report on A4; the same month gives the same bytes."""
    from trackflow.exports.tables.pdf import pages_of  # slow to import, and rarely needed

    return pages_of(title_of(found), sections_of(found), "portrait")


def month_xlsx(found: MonthNumbers) -> bytes:
    """The report with a sheet for each table."""
    from trackflow.exports.tables.xlsx import workbook_of

    sheets = {section.title: section for section in sections_of(found)}
    sheets["Trips"] = _sheet_of_trips(found)
    return workbook_of(title_of(found), sheets, dt.datetime.fromisoformat(f"{found.month}-01"))


WRITERS: dict[str, Callable[[MonthNumbers], bytes]] = {"pdf": month_pdf, "xlsx": month_xlsx}


def file_name(found: MonthNumbers, name: str) -> str:
    """The name of the file of a month in a format."""
    device = re.sub(r"[^A-Za-z0-9_.-]+", "_", found.device_id)[:50]
    return f"numbers-{device}-{found.month}.{name}"


def _totals(found: MonthNumbers) -> Section:
    rows = [(found.month, *_cells(found.days.totals))]
    if found.days.before and found.days.before_totals:
        name = f"{found.days.before.first} to {found.days.before.last}"
        rows.append((name, *_cells(found.days.before_totals)))
    return Section("Totals", ("Time", *FIGURES), rows, (22, *WIDTHS), NUMBERS)


def _modes(found: MonthNumbers) -> Section:
    rows = [(one.key or "not known", *_cells(one.sums)) for one in found.modes.groups]
    return Section("Travel modes", ("Mode", *FIGURES), rows, (22, *WIDTHS), NUMBERS)


def _days(found: MonthNumbers) -> Section:
    days = [(row.period.first, row.sums) for row in found.days.rows]
    rows = [(f"{day}", f"{day:%a}", *_cells(sums)) for day, sums in days]
    columns = ("Day", "Weekday", *FIGURES)
    return Section("Days", columns, rows, (12, 10, *WIDTHS), NUMBERS, frozenset({"Day"}))


def _trips(trips: Sequence[MonthTrip]) -> Section:
    rows = [
        (
            f"{trip.start:%Y-%m-%d}",
            f"{trip.start:%H:%M}",
            f"{trip.end:%H:%M}",
            trip.start_town or "",
            trip.end_town or "",
            f"{trip.distance_m / 1000:.3f}",
            f"{trip.max_speed_kmh:.0f}",
            trip.category or "",
        )
        for trip in trips
    ]
    columns = ("Date", "Start", "End", "From", "To", "km", "Top km/h", "Category")
    widths = (11, 7, 7, 18, 18, 10, 9, 12)
    return Section("Trips", columns, rows, widths, NUMBERS, frozenset({"Date"}))


def _sheet_of_trips(found: MonthNumbers) -> Section:
    """The trips with whole times in place of a day and two clocks: a sheet can reckon with them."""
    table = _trips(found.trips)
    rows = [
        (
            *(f"{time:%Y-%m-%dT%H:%M:%S}" for time in (trip.start, trip.end)),
            found.days.time_zone,
            *row[3:],
        )
        for trip, row in zip(found.trips, table.rows, strict=True)
    ]
    columns = ("Start", "End", "Zone", *table.columns[3:])
    return Section("Trips", columns, rows, (), NUMBERS, moments=frozenset({"Start", "End"}))


def _places(found: MonthNumbers) -> Section:
    countries = [
        (one.country, "country", str(len(one.days)), "") for one in found.visited.countries
    ]
    towns = [
        (f"{one.town.name} ({one.town.country})", "town", str(len(one.days)),
         f"{one.seconds / 3600:.1f}")
        for one in found.visited.towns
    ]  # fmt: skip
    return Section(
        "Countries and towns",
        ("Where", "What", "Days", "Stayed, h"),
        [*countries, *towns],
        (30, 10, 10, 10),
        frozenset({"Days", "Stayed, h"}),
    )


def _cells(sums: TravelSums) -> tuple[str, ...]:
    figures = figures_of(sums)

    def shown(value: float | None, decimals: int) -> str:
        return "" if value is None else f"{value:.{decimals}f}"

    idle_s = figures["idle_s"]
    return (
        shown(figures["distance_m"] / 1000, 3),
        str(figures["trips"]),
        shown(figures["duration_s"] / 3600, 2),
        shown(None if idle_s is None else idle_s / 3600, 2),
        shown(figures["average_speed_kmh"], 1),
        shown(figures["max_speed_kmh"], 0),
        shown(figures["elevation_gain_m"], 0),
    )
