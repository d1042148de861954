"""The month of a vehicle as an Excel file; the same report gives the same bytes."""

import datetime as dt
from collections.abc import Sequence

from trackflow.exports.mileage.csv import COLUMNS, row_of
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

NUMBERS = frozenset(
    {"distance_km", "odometer_start_km", "odometer_end_km", "matched_percent", "amount"}
)


def report_xlsx(report: MonthReport) -> bytes:
    """Sheets with trips, sums, amendments, and what proves them."""
    sheets = {
        "Trips": _trips("Trips", report.trips),
        "Trips after closing": _trips("Trips after closing", report.added),
        "Sums": sums("Sums", report.sums),
        "Sums as amended": amended_sums(report),
        "Odometer": odometer(report),
        "Amendments": amendments(report),
        "Chain": chain(report),
    }
    return workbook_of(title_of(report), sheets, dt.datetime.fromisoformat(f"{report.month}-01"))


def _trips(title: str, found: Sequence[ReportTrip]) -> Section:
    rows = [tuple(row_of(trip).get(name, "") for name in COLUMNS) for trip in found]
    return Section(title, COLUMNS, rows, (), NUMBERS)
