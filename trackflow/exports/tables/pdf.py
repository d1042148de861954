"""Tables as PDF, A4; the same tables give the same bytes."""

import datetime as dt
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, cast

from fpdf import FPDF
from fpdf.enums import MethodReturnValue, TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace

from trackflow.errors import SettingsError
from trackflow.exports.tables.section import Section

FONT = "DejaVu"
TEXT_PT, HEADING_PT, TITLE_PT = 7, 10, 13
GREY, LINE_GREY = 235, 190
LINE_MM = 3.6
PADDING_MM = 0.6, 1.2

MOST_LINES = 44
"""Of a cell: a row that is higher than a page cannot be drawn, and there would be no report."""

CUT = " … (all of it is in the CSV)"


def pages_of(
    title: str, sections: Sequence[Section], orientation: Literal["landscape", "portrait"]
) -> bytes:
    """All sections, one below the other, with the title above each page.

    Raises:
        SettingsError: the fonts are missing.
    """
    pdf = _Pages(title, orientation)
    for section in sections:
        _add(pdf, section)
    made: bytearray = pdf.output()
    return bytes(made)


class _Pages(FPDF):
    """Pages with the title above and their number below."""

    def __init__(self, title: str, orientation: Literal["landscape", "portrait"]) -> None:
        super().__init__(orientation, "mm", "A4")
        self._title = _printable(title)
        self.set_creation_date(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
        self.set_title(self._title)
        self.set_creator("trackflow")
        for style, name in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
            self.add_font(FONT, style, _font_file(name))
        self.set_margins(10, 10)
        self.set_auto_page_break(auto=True, margin=14)
        self.add_page()

    def header(self) -> None:
        self.set_font(FONT, "B", TITLE_PT)
        self.cell(0, 8, self._title, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1)

    def footer(self) -> None:
        self.set_y(-11)
        self.set_font(FONT, "", TEXT_PT)
        self.cell(0, 5, f"Page {self.page_no()} of {{nb}}", align="R")


def _font_file(name: str) -> Path:
    # found without being imported: only its fonts are needed, and importing it takes a second
    found = find_spec("matplotlib")
    path = Path(str(found and found.origin)).parent / "mpl-data" / "fonts" / "ttf" / name
    if not path.exists():
        raise SettingsError(f"there is no font {name}: install trackflow with all it depends on")
    return path


def _add(pdf: FPDF, section: Section) -> None:
    pdf.set_font(FONT, "B", HEADING_PT)
    # a heading at the foot of a page, with its table on the next one, would be lost
    if pdf.will_page_break(22):
        pdf.add_page()
        pdf.set_font(FONT, "B", HEADING_PT)
    pdf.cell(0, 7, section.title, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_font(FONT, "", TEXT_PT)
    if not section.rows:
        pdf.cell(0, 5, "None.", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.ln(2)
        return
    pdf.set_draw_color(LINE_GREY)
    with pdf.table(
        col_widths=section.widths,
        text_align=["RIGHT" if name in section.numbers else "LEFT" for name in section.columns],
        headings_style=FontFace(emphasis="BOLD", fill_color=GREY),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        line_height=LINE_MM,
        padding=PADDING_MM,
    ) as table:
        for row in (section.columns, *section.rows):
            cells = table.row()
            for text, share in zip(row, section.widths, strict=True):
                width_mm = pdf.epw * share / sum(section.widths)
                cells.cell(_fitting(pdf, _printable(text), width_mm))
    pdf.ln(3)


def _fitting(pdf: FPDF, text: str, width_mm: float) -> str:
    """Text, or as much of it as a cell of a page holds."""
    if len(text) < MOST_LINES:
        return text  # not even with a line for each letter
    inner_mm = width_mm - 2 * (PADDING_MM[1] + pdf.c_margin)
    found = pdf.multi_cell(inner_mm, text=text, dry_run=True, output=MethodReturnValue.LINES)
    lines = cast("list[str]", found)
    return text if len(lines) <= MOST_LINES else " ".join(lines[: MOST_LINES - 5]) + CUT


def _printable(text: str) -> str:
    """Text without line ends and control characters."""
    return "".join(c if c.isprintable() else " " for c in text)
