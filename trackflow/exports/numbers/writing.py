"""Writes numbers to files."""

import csv
import datetime as dt
import io
from collections.abc import Callable

from trackflow.exports.numbers.tables import groups_table, rows_table, title_of, totals_table
from trackflow.usecases.queries.numbers import NumbersReport

EPOCH = dt.datetime(2000, 1, 1)  # noqa: DTZ001  Excel's properties know no zone


def numbers_csv(found: NumbersReport) -> bytes:
    """A row for each period, and for each key of it."""
    section = rows_table(found)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(section.columns)
    writer.writerows(section.rows)
    return text.getvalue().encode()


def numbers_xlsx(found: NumbersReport) -> bytes:
    """Sheets with the rows, the sums of each key, and the totals."""
    from trackflow.exports.tables.xlsx import workbook_of  # slow to import

    sheets = {"Numbers": rows_table(found)}
    if found.wanted.per:
        sheets["Groups"] = groups_table(found)
    sheets["Totals"] = totals_table(found)
    moment = EPOCH if found.period is None else dt.datetime.combine(found.period.last, dt.time())
    return workbook_of(title_of(found), sheets, moment)


WRITERS: dict[str, Callable[[NumbersReport], bytes]] = {"csv": numbers_csv, "xlsx": numbers_xlsx}

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
"""The content type of each format."""


def file_name(found: NumbersReport, name: str) -> str:
    """The name of the file of numbers in a format."""
    days = "all" if found.period is None else "_".join(map(str, found.period))
    return f"numbers-{days}.{name}"
