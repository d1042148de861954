from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.sources.values.cells import number, numbers, strings
from trackflow.sources.values.counted_times import TimeForm, epoch_form
from trackflow.sources.values.moments import DateOrder, TimeRules
from trackflow.sources.values.times import (
    UNREADABLE_US,
    decide_order,
    parse_time,
    times,
    times_in_zones,
)
from trackflow.sources.values.zones import zone_of

ZONES = [UTC, timezone(timedelta(hours=3)), ZoneInfo("Europe/Helsinki"), ZoneInfo("Asia/Kathmandu")]

pieces = st.lists(
    st.sampled_from(
        [
            "2026-01-31",
            "2024-02-29",
            "2026-02-29",
            "T",
            " ",
            "12:00:00",
            "23:59:60",
            "12:00",
            "Z",
            "+02:00",
            "-0730",
            "+02",
            " UTC",
            ".5",
            ".123456789",
            ",25",
            "31.01.2026",
            "1/2/2026",
            "20260131",
            "120000",
            "1767225600",
            "1767225600.5",
            "e3",
            "99999999999999999999",
            "-",
            "nan",
            "PM",
        ]
    ),
    max_size=4,
).map("".join)
cells = st.lists(st.one_of(pieces, st.text(max_size=8)), max_size=8)


rules = st.builds(
    TimeRules,
    st.none() | st.sampled_from(TimeForm),
    st.none() | st.sampled_from(DateOrder),
    st.sampled_from(ZONES),
)


@given(cells, rules)
def test_a_time_is_read_the_same_alone_and_among_others(column, rules):
    together = times(strings(column), rules)
    for index, cell in enumerate(column):
        alone = times(strings([cell]), rules)
        slow = (
            None
            if together.missing[index]
            else parse_time(cell, rules.form, rules.order, rules.zone)
        )
        assert together.bad[index] == alone.bad[0] == (slow is None and not together.missing[index])
        expected = UNREADABLE_US if slow is None else slow
        assert together.time_us[index] == alone.time_us[0] == expected
    assert together.naive == sum(times(strings([cell]), rules).naive for cell in column)


def written(moment: datetime) -> list[str]:
    """One moment in UTC as spreadsheets, loggers and servers write it."""
    hour = f"{moment:%H}".lstrip("0") or "0"
    seconds = moment.timestamp()
    return [
        f"{moment:%Y-%m-%d} {hour}:{moment:%M:%S}",
        f"{moment:%Y-%m-%dT%H:%M:%S}Z",
        f"{moment:%Y-%m-%d %H:%M:%S} UTC",
        f"{moment.astimezone(ZONES[2]).isoformat()}",
        f"{moment.astimezone(ZONES[1]):%Y-%m-%dT%H:%M:%S}+0300",
        f"{moment:%Y/%m/%d %H:%M:%S}",
        f"{moment:%Y%m%d%H%M%S}",
        f"{moment:%Y%m%dT%H%M%S}Z",
        f"{moment.day}.{moment.month}.{moment.year} {hour}.{moment:%M.%S}",
        f"{moment:%a, %d %b %Y %H:%M:%S} GMT",
        f"{moment:%b} {moment.day}, {moment.year} {moment:%I:%M:%S %p}",
        f"{seconds:.0f}",
        f"{seconds:.1f}",
        f"{seconds * 1e3:.0f}",
        f"{seconds * 1e6:.0f}",
    ]


moments = st.integers(946_684_800, 2_114_380_800).map(lambda s: datetime.fromtimestamp(s, UTC))


@given(st.lists(st.tuples(moments, st.integers(0, 14)), min_size=1, max_size=300))
def test_each_value_of_a_column_is_read_by_itself(column):
    found = times(strings([written(moment)[form] for moment, form in column]))
    assert not found.bad.any()
    assert found.time_us.tolist() == [int(moment.timestamp()) * 1_000_000 for moment, _ in column]


@given(moments)
def test_midnight_is_the_end_of_a_day_too(moment):
    day = moment.replace(hour=0, minute=0, second=0)
    next_us = int((day + timedelta(days=1)).timestamp()) * 1_000_000
    for text in (f"{day:%Y-%m-%d}T24:00:00Z", f"{day:%Y-%m-%d} 24:00", f"{day:%d.%m.%Y} 24:00:00"):
        assert parse_time(text) == next_us
    assert parse_time(f"{day:%Y-%m-%d}T24:00:01Z") is None
    assert parse_time(f"{day:%Y-%m-%d}T25:00:00Z") is None


@given(st.lists(moments, min_size=1, max_size=40), st.sampled_from(list(DateOrder)))
def test_the_order_of_dates_is_never_guessed(column, order):
    form = "%d/%m/%Y %H:%M" if order is DateOrder.DAY_FIRST else "%m/%d/%Y %H:%M"
    cells = [moment.strftime(form) for moment in column]
    if any(moment.day > 12 for moment in column):
        assert decide_order(cells, TimeRules(), "time", "file") is order
    elif any(moment.day != moment.month for moment in column):
        with pytest.raises(BadInputError, match=r"day-first or month-first \(--dates"):
            decide_order(cells, TimeRules(), "time", "file")
    ordered = times(strings(cells), TimeRules(order=order))
    assert not ordered.bad.any()
    assert ordered.time_us.tolist() == [
        int(moment.replace(second=0).timestamp()) * 1_000_000 for moment in column
    ]
    # without an order, a cell is right or refused, and never the other day
    unordered = times(strings(cells))
    assert all(unordered.bad | (unordered.time_us == ordered.time_us))


@given(st.lists(st.tuples(moments, st.integers(0, len(ZONES) - 1)), min_size=1, max_size=20))
def test_times_without_a_zone_are_those_of_the_column_beside_them(column):
    names = ["", "+03:00", "Europe/Helsinki", "Asia/Kathmandu"]
    walls = [moment.astimezone(ZONES[zone]) for moment, zone in column]
    cells = [f"{wall:%Y-%m-%d %H:%M:%S}" for wall in walls]
    found = times_in_zones(
        strings(cells), strings([names[zone] for _, zone in column]), TimeRules()
    )
    expected = [
        int(wall.replace(tzinfo=None, fold=0).replace(tzinfo=wall.tzinfo).timestamp())
        for wall in walls
    ]
    assert (found.time_us // 1_000_000).tolist() == expected
    odd = times_in_zones(strings(cells), strings(["depot 7"] * len(cells)), TimeRules())
    assert odd.bad.all()


@pytest.mark.parametrize(
    ("text", "hours"),
    [("+03:00", 3), ("UTC+3", 3), ("-0530", -5.5), ("EET", 2), ("Z", 0), ("2", 2), ("180", 3),
     ("10800", 3), ("Europe/Nowhere", None), ("CST", None), ("depot", None), ("", None)],
)  # fmt: skip
def test_zones(text, hours):
    zone = zone_of(text)
    offset = None if zone is None else zone.utcoffset(datetime(2026, 1, 1, tzinfo=zone))
    assert offset == (None if hours is None else timedelta(hours=hours))


@given(st.lists(st.one_of(st.floats().map(str), st.text("0123456789.eE+-_ nai", max_size=8))))
def test_a_number_is_read_the_same_alone_and_among_others(column):
    together = numbers(strings(column))
    for index, cell in enumerate(column):
        slow = number(cell)
        if slow is None or slow != slow:
            assert together.values[index] != together.values[index]
        else:
            assert together.values[index] == slow


def test_times_without_a_zone_are_utc_and_leap_seconds_are_times():
    assert parse_time("1970-01-01 00:00:01", TimeForm.ISO) == 1_000_000
    assert parse_time("2016-12-31T23:59:60Z", TimeForm.ISO) == 1_483_228_800_000_000
    assert parse_time("2026-01-31 12:00:00 +02:00", TimeForm.ISO) == 1_769_853_600_000_000


def test_weeks_that_began_anew_are_no_count_of_apple():
    """Receivers that missed the rollover of 2019 showed August 1999, and are moved as a whole."""
    rollover = datetime(1999, 8, 22, tzinfo=UTC).timestamp()
    assert epoch_form(rollover) is TimeForm.EPOCH_S
    assert epoch_form(rollover - 1) is TimeForm.SINCE_2001
