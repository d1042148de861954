"""The month of a vehicle as PDF; the same report gives the same bytes."""

from trackflow.exports.mileage.lengths import LengthUnit
from trackflow.exports.mileage.sections import sections_of, title_of
from trackflow.exports.tables.pdf import pages_of
from trackflow.mileage.report import MonthReport


def report_pdf(report: MonthReport, unit: LengthUnit) -> bytes:
    """The whole report.

    Raises:
        SettingsError: the fonts are missing.
    """
    return pages_of(title_of(report), sections_of(report, unit), "landscape")
