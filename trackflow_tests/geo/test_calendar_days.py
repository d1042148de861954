"""Days of any time zone: nothing between two of them, nothing in two of them."""

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.calendar_days import Calendar

ZONES = sorted(available_timezones() - {"localtime"})
LEAVES_DAYS_OUT = ["Pacific/Apia", "Pacific/Kwajalein", "Pacific/Kiritimati"]
MOMENTS = st.integers(-1_000_000_000, 4_000_000_000).map(lambda s: s * 1_000_000)


def date_at(time_us: int, zone: ZoneInfo) -> dt.date:
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (epoch + dt.timedelta(microseconds=time_us)).astimezone(zone).date()


@given(
    st.sampled_from(ZONES) | st.sampled_from(LEAVES_DAYS_OUT), MOMENTS, st.integers(0, 5 * 86_400)
)
def test_a_time_is_split_where_the_date_changes(name: str, start_us: int, lasts_s: int) -> None:
    zone = ZoneInfo(name)
    end_us = start_us + lasts_s * 1_000_000
    parts = list(Calendar(zone).split(start_us, end_us))
    assert parts[0][1] == start_us
    assert parts[-1][2] == end_us
    assert all(before[2] == after[1] for before, after in pairwise(parts))
    days = [day for day, _, _ in parts]
    assert days == sorted(set(days))
    for _, low_us, high_us in parts:
        assert low_us < high_us or len(parts) == 1
    for (day, low_us, _), following in pairwise(parts):
        # clocks that go back over midnight repeat an hour of the day before: it counts as the day
        assert date_at(low_us, zone) == day
        assert date_at(following[1], zone) == following[0]


@given(st.sampled_from(ZONES), st.lists(st.tuples(MOMENTS, st.integers(0, 10**11)), max_size=5))
def test_a_calendar_forgets_nothing_and_depends_on_nothing(
    name: str, times: list[tuple[int, int]]
) -> None:
    # days of a century would make the calendar long, and the test slow
    near = [(start % 10**14, start % 10**14 + lasts) for start, lasts in times]
    kept = Calendar(ZoneInfo(name))
    for start_us, end_us in near:
        anew = list(Calendar(ZoneInfo(name)).split(start_us, end_us))
        assert list(kept.split(start_us, end_us)) == anew
