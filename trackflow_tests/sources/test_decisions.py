"""Tables of what tracks were for."""

import csv
import datetime as dt
import io
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.sources.decisions import RESULTS, TableOptions, read_decisions
from trackflow.words import category_named

BERLIN = ZoneInfo("Europe/Berlin")
OPTIONS = TableOptions(lambda _: BERLIN)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20).map(
    str.strip
)
moments = st.datetimes(
    dt.datetime(1990, 1, 1),  # noqa: DTZ001  hypothesis adds the zone
    dt.datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
)


@st.composite
def rows(draw: st.DrawFn) -> list[str]:
    start, end = sorted((draw(moments), draw(moments)))
    results = draw(st.lists(texts, min_size=3, max_size=3).filter(any))
    return [start.isoformat(), end.isoformat(), draw(texts.filter(bool)), *results]


@given(
    table=st.lists(rows(), max_size=5),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    has_hint=st.booleans(),
)
def test_every_table_that_is_written_is_read(
    table: list[list[str]], separator: str, encoding: str, has_hint: bool
) -> None:
    file = io.StringIO(newline="")
    file.write(f"sep={separator}\r\n" if has_hint else "")
    writer = csv.writer(file, delimiter=separator)
    writer.writerow(["Start time", "END", "Device ID", *RESULTS])
    writer.writerows(table)
    found, refused = read_decisions(file.getvalue().encode(encoding), "a.csv", OPTIONS)
    assert not refused
    read = [
        [one.start_time.isoformat(), one.end_time.isoformat(), one.device_id,
         *(one.results.get(name, "") for name in RESULTS)]
        for one in found
    ]  # fmt: skip
    for row in table:
        row[3] = category_named(row[3])
    assert read == table
    assert all(one.line > has_hint for one in found)


def test_local_times_are_those_of_clocks_also_when_they_change() -> None:
    text = (
        "start,end,device,type\n"
        "2026-03-29 01:30,2026-03-29 03:30,van,a\n"  # 2 o'clock is left out: one hour
        "2026-10-25 01:30,2026-10-25 03:30,van,a\n"  # 2 o'clock comes twice: three hours
        "2026-10-25 02:45,2026-10-25 02:15,van,a\n"  # from the first to the second: half of one
        "2026-10-24 02:45,2026-10-24 02:15,van,a\n"
        "2026-10-25T02:45+02:00,2026-10-25T02:15+02:00,van,a\n"
    )
    found, refused = read_decisions(text.encode(), "a.csv", OPTIONS)
    hours = [(one.end_time - one.start_time).total_seconds() / 3600 for one in found]
    assert hours == [1.0, 3.0, 0.5]
    assert [one.line for one in refused] == [5, 6]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("lat,lon,time\n1,2,3", "start_time"),
        ("start,end,device\n1,2,3", "category"),
        ('start,end,type\n"2026-01-01,2,3', "line 2"),
        ("start,end,device,type\n01/02/2026 10:00,01/02/2026 11:00,van,a", "day-first"),
    ],
)
def test_files_that_are_no_such_tables(text: str, named: str) -> None:
    with pytest.raises(BadInputError, match=named):
        read_decisions(text.encode(), "a.csv", OPTIONS)
