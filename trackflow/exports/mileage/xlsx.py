"""The month of a vehicle as an Excel file; the same report gives the same bytes."""

import datetime as dt
from collections.abc import Sequence

from trackflow.exports.mileage.csv import columns_of, row_of
from trackflow.exports.mileage.lengths import LengthUnit
from trackflow.exports.mileage.sections import (
    amended_sums,
    amendments,
    chain,
    odometer,
    sums,
    title_of,
)
from trackflow.exports.tables.section import Section
from trackflow.exports.tables.xlsx import workbook_of
from trackflow.mileage.report import MonthReport, ReportTrip

OFFSET_OF = {"start_time": "start_utc_offset", "end_time": "end_utc_offset"}
"""Times of a trip, and the column beside each that says what its clock was ahead of UTC."""


def report_xlsx(report: MonthReport, unit: LengthUnit) -> bytes:
    """Sheets with trips, sums, amendments, and what proves them."""
    sheets = {
        "Trips": _trips("Trips", report.trips, unit),
        "Trips after closing": _trips("Trips after closing", report.added, unit),
        "Sums": sums("Sums", report.sums, unit),
        "Sums as amended": amended_sums(report, unit),
        "Odometer": odometer(report, unit),
        "Amendments": amendments(report),
        "Chain": chain(report, unit),
    }
    return workbook_of(title_of(report), sheets, dt.datetime.fromisoformat(f"{report.month}-01"))


def _trips(title: str, found: Sequence[ReportTrip], unit: LengthUnit) -> Section:
    columns = tuple(
        one
        for name in columns_of(unit)
        for one in ((name, OFFSET_OF[name]) if name in OFFSET_OF else (name,))
    )
    known = [_row(trip, unit) for trip in found]
    rows = [tuple(one.get(name, "") for name in columns) for one in known]
    lengths = {name for name in columns if name.endswith(f"_{unit.name}")}
    numbers = frozenset({*lengths, "matched_percent", "amount"})
    return Section(
        title, columns, rows, (), numbers, frozenset({"local_day"}), frozenset(OFFSET_OF)
    )


def _row(trip: ReportTrip, unit: LengthUnit) -> dict[str, str]:
    """A trip with the clocks of its book, each with its offset beside it: 02:30 may come twice."""
    found = row_of(trip, unit)
    for name, offset in OFFSET_OF.items():
        if found.get(name):
            time = dt.datetime.fromisoformat(found[name])
            found[name] = time.replace(tzinfo=None).isoformat()
            found[offset] = f"{time:%:z}"
    return found
