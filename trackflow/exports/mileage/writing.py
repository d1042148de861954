"""Writes the months of vehicles to files of common formats."""

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from trackflow.errors import BadInputError, SettingsError
from trackflow.exports.mileage.csv import amendments_csv, entries_csv, left_out_csv
from trackflow.exports.mileage.lengths import KM, LengthUnit
from trackflow.exports.mileage.markdown import report_markdown
from trackflow.files import whole_file
from trackflow.mileage.report import MonthReport


def _pdf(report: MonthReport, unit: LengthUnit) -> bytes:
    from trackflow.exports.mileage.pdf import report_pdf  # slow to import, and rarely needed

    return report_pdf(report, unit)


def _xlsx(report: MonthReport, unit: LengthUnit) -> bytes:
    from trackflow.exports.mileage.xlsx import report_xlsx  # as slow

    return report_xlsx(report, unit)


WRITERS: dict[str, tuple[str, Callable[[MonthReport, LengthUnit], bytes]]] = {
    # the same bytes for ever, on every machine
    "csv": (".csv", lambda report, _: entries_csv(report)),
    "amendments": (".amendments.csv", lambda report, _: amendments_csv(report)),
    "left-out": (".left-out.csv", lambda report, _: left_out_csv(report)),
    "xlsx": (".xlsx", _xlsx),
    "md": (".md", report_markdown),
    "pdf": (".pdf", _pdf),
}
"""Each format with the end of its file's name and what makes its bytes."""

MOST_NAME = 50
"""Characters of a vehicle's id in a file's name: file systems end at 255 bytes."""

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "amendments": "text/csv; charset=utf-8",
    "left-out": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "md": "text/markdown; charset=utf-8",
    "pdf": "application/pdf",
}
"""The content type of each format."""


def report_bytes(report: MonthReport, name: str, unit: LengthUnit = KM) -> bytes:
    """A report in a format.

    Args:
        report: of a vehicle's month.
        name: of the format.
        unit: of lengths; CSV files have kilometres.

    Raises:
        BadInputError: there is no such format.
    """
    return _writer(name)[1](report, unit)


def file_name(report: MonthReport, name: str) -> str:
    """The name of the file of a report in a format; no two vehicles share one."""
    vehicle = re.sub(r"[^\w.-]+", "_", report.vehicle_id)[:MOST_NAME]
    if vehicle != report.vehicle_id:
        vehicle += "-" + hashlib.blake2b(report.vehicle_id.encode(), digest_size=4).hexdigest()
    return f"logbook-{vehicle}-{report.month}{_writer(name)[0]}"


def write_reports(
    reports: Sequence[MonthReport],
    folder: Path,
    formats: Sequence[str] | None = None,
    unit: LengthUnit = KM,
) -> list[Path]:
    """Write reports into a folder, each file whole or not at all; returns their paths.

    Args:
        reports: of vehicles' months.
        folder: is made if it is missing.
        formats: of `WRITERS`; None for all.
        unit: of lengths; CSV files have kilometres.

    Raises:
        BadInputError: there is no such format.
        SettingsError: a file cannot be written.
    """
    written = []
    try:
        for report in reports:
            folder.mkdir(parents=True, exist_ok=True)
            for name in formats or list(WRITERS):
                path = folder / file_name(report, name)
                with whole_file(path) as file:
                    file.write(report_bytes(report, name, unit))
                written.append(path)
    except OSError as error:
        raise SettingsError(f"cannot write to {folder}: {error.strerror}") from None
    return written


def _writer(name: str) -> tuple[str, Callable[[MonthReport, LengthUnit], bytes]]:
    if name not in WRITERS:
        raise BadInputError(f"there is no format {name!r}; there are {', '.join(WRITERS)}")
    return WRITERS[name]
