"""Tables as an Excel file; the same tables give the same bytes."""

import datetime as dt
import io
import re
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trackflow.exports.tables.section import Section

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell

MOST_CHARACTERS = 32_767
"""A cell of Excel holds no more."""

_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")


def workbook_of(title: str, sheets: Mapping[str, Section], moment: dt.datetime) -> bytes:
    """A workbook.

    Args:
        title: its title.
        sheets: the tables by the names of their sheets; at least one.
        moment: what it names as the time of its making: the clock would change its bytes.
    """
    from openpyxl import Workbook  # 25 MB in each process that only might write a workbook

    book = Workbook()
    book.properties.creator = "trackflow"
    book.properties.title = _legal(title)
    book.properties.created = moment
    for number, (name, section) in enumerate(sheets.items()):
        sheet = book.create_sheet() if number else book.active
        assert sheet is not None
        _fill(sheet, section, name)
    file = io.BytesIO()
    book.save(file)
    return _without_clock(file.getvalue(), moment)


def _fill(sheet: Any, section: Section, name: str) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet.title = name
    for column, text in enumerate(section.columns, 1):
        sheet.cell(1, column, text).font = Font(bold=True)
        longest = max([len(text), *(len(row[column - 1]) for row in section.rows)])
        sheet.column_dimensions[get_column_letter(column)].width = min(longest + 2, 40)
    for number, row in enumerate(section.rows, 2):
        for column, text in enumerate(row, 1):
            if not text:
                continue
            cell = sheet.cell(number, column)
            if section.columns[column - 1] in section.numbers:
                _write_number(cell, text)
            elif section.columns[column - 1] in section.days:
                cell.value = dt.date.fromisoformat(text)  # shown as 2026-11-30
            elif section.columns[column - 1] in section.moments:
                cell.value = dt.datetime.fromisoformat(text)  # Excel's times know no zone
                cell.number_format = "yyyy-mm-dd hh:mm:ss"
            else:
                _write_text(cell, text)
    sheet.freeze_panes = "A2"


def _write_number(cell: "Cell | Any", text: str) -> None:
    cell.value = float(text)
    cell.number_format = "0." + "0" * len(text.partition(".")[2]) if "." in text else "0"


def _write_text(cell: "Cell | Any", text: str) -> None:
    cell.value = _legal(text)
    # never a formula, also after somebody has edited the cell: a purpose may begin with "="
    cell.data_type = "s"
    cell.quotePrefix = text[0] in "=+-@"


def _legal(text: str) -> str:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    legal: str = ILLEGAL_CHARACTERS_RE.sub("", text)
    return legal[:MOST_CHARACTERS]


def _without_clock(made: bytes, moment: dt.datetime) -> bytes:
    """The same file with one time in place of that of its making."""
    file = io.BytesIO()
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}Z".encode()
    with zipfile.ZipFile(io.BytesIO(made)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = _MODIFIED.sub(rb"\g<1>" + stamp, content)
            # zip files know no year before 1980
            info = zipfile.ZipInfo(name, (max(moment.year, 1980), moment.month, 1, 0, 0, 0))
            new.writestr(info, content, zipfile.ZIP_DEFLATED)
    return file.getvalue()
