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


@given(table=st.lists(rows(), max_size=5), separator=st.sampled_from(",;\t|"),
       encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))  # fmt: skip
def test_every_table_that_is_written_is_read(
    table: list[list[str]], separator: str, encoding: str
) -> None:
    file = io.StringIO(newline="")
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
    known = {"business", "private", "commute", "race"}
    for row in table:
        row[3] = row[3].casefold() if row[3].casefold() in known else row[3]
    assert read == table


def test_local_times_are_those_of_clocks_also_when_they_change() -> None:
    text = (
        "start,end,device,type\n"
        "2026-03-29 01:30,2026-03-29 03:30,van,a\n"  # 2 o'clock is left out: one hour
        "2026-10-25 01:30,2026-10-25 03:30,van,a\n"  # 2 o'clock comes twice: three hours
    )
    found, _ = read_decisions(text.encode(), "a.csv", OPTIONS)
    hours = [(one.end_time - one.start_time).total_seconds() / 3600 for one in found]
    assert hours == [1.0, 3.0]


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
