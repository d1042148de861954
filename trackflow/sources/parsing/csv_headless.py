"""Tables of programs that write no header, or other lines between rows, known by their words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Headless:
    """Rows of a program, among lines of other kinds.

    Attributes:
        begins: how lines of such a file begin.
        row: the part of a line that is needed; other lines are passed over.
        cells: what is made of it.
        names: of the cells, with a comma between them.
    """

    begins: re.Pattern[str]
    row: re.Pattern[bytes]
    cells: bytes
    names: str

    def rows(self, lines: Sequence[bytes]) -> list[bytes]:
        """The rows of lines, an empty one for each that is passed over."""
        found = map(self.row.match, lines)
        return [b"" if row is None else row.expand(self.cells) for row in found]


_KNOWN = (
    # SBS BaseStation, as receivers of aircraft serve it; other messages have no position
    Headless(
        re.compile(r"(?:MSG|SEL|ID|AIR|STA|CLK),[1-8]?,(?:[^,]*,){7}"),
        re.compile(
            rb"MSG,[23],[^,]*,[^,]*,([^,]*),[^,]*,([^,]*),([^,]*),[^,]*,[^,]*,[^,]*,([^,]*),"
            rb"([^,]*),([^,]*),([^,]+),([^,]+)"
        ),
        rb"\1,\2,\3,\4,\5,\6,\7,\8",
        "icao,date,time,altitude_ft,speed_kn,track,lat,lon",
    ),
    # Wialon's export of messages
    Headless(
        re.compile(r"REG;\d{9,10};-?[\d.]+;-?[\d.]+;"),
        re.compile(rb"REG;(\d+);([^;,]*);([^;,]*);([^;,]*);([^;,]*);(?:[^;]*?\bALT:(-?[\d.]+))?"),
        rb"\1,\2,\3,\4,\5,\6",
        "time,lon,lat,speed_kmh,course,altitude",
    ),
    # a walk of Huawei Health, whose pauses lie at 90 N, 80 W
    Headless(
        re.compile(r"tp=[a-z-]+;k="),
        re.compile(
            rb"tp=lbs;k=\d+;(?!lat=90\.0;lon=-80\.0;)lat=([^;,]*);lon=([^;,]*);alt=([^;,]*);"
            rb"t=([^;,]*)"
        ),
        rb"\1,\2,\3,\4",
        "lat,lon,altitude,time",
    ),
    # Garmin's FitCSVTool
    Headless(
        re.compile(r"Type,Local Number,Message,Field 1,"),
        re.compile(
            rb'Data,\d+,record,timestamp,"?(\d+)"?,[^,]*,position_lat,"?(-?\d+)"?,[^,]*,'
            rb'position_long,"?(-?\d+)"?,'
            rb'(?>.*?,enhanced_altitude,"?(-?[\d.]+))?+(?>.*?,enhanced_speed,"?([\d.]+))?+'
        ),
        rb"\1,\2,\3,\4,\5",
        "timestamp,position_lat,position_long,altitude,speed",
    ),
)
_FIRST_LINES = 20


def headless_of(lines: Sequence[str]) -> Headless | None:
    """What writes tables that begin so; None for all with a header of their own."""
    first = [line.lstrip() for line in lines[:_FIRST_LINES]]
    return next((each for each in _KNOWN if any(map(each.begins.match, first))), None)
