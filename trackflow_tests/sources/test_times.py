from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.cells import number, numbers, strings
from trackflow.sources.times import UNREADABLE_US, TimeForm, parse_time, times

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


@given(cells, st.sampled_from(list(TimeForm)))
def test_a_time_is_read_the_same_alone_and_among_others(column, form):
    together = times(strings(column), form)
    for index, cell in enumerate(column):
        alone = times(strings([cell]), form)
        slow = None if together.missing[index] else parse_time(cell, form)
        assert together.bad[index] == alone.bad[0] == (slow is None and not together.missing[index])
        expected = UNREADABLE_US if slow is None else slow
        assert together.time_us[index] == alone.time_us[0] == expected


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
