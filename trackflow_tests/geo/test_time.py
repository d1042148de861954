import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.time import (
    DAY_US,
    EARLIEST,
    LATEST,
    ONE_DAY,
    day_of_index,
    days_between,
    from_us,
    midnight,
    midnight_us,
    runs_of_days,
    to_us,
    within_calendars,
)

FIRST = dt.date(2026, 2, 20)
any_day = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))
near_days = st.lists(st.integers(0, 60).map(lambda k: FIRST + k * ONE_DAY), unique=True)


@given(any_day)
def test_all_ways_to_a_midnight_agree(day: dt.date) -> None:
    assert to_us(midnight(day)) == midnight_us(day)
    assert from_us(midnight_us(day)) == midnight(day)
    assert day_of_index(midnight_us(day) // DAY_US) == day
    assert day_of_index((midnight_us(day + ONE_DAY) - 1) // DAY_US) == day


@given(st.datetimes(timezones=st.timezones()))
def test_moments_come_back_to_the_microsecond(moment: dt.datetime) -> None:
    # across zones, Python finds no two times equal in an hour that is repeated
    assert from_us(to_us(moment)) == moment.astimezone(dt.UTC)


@given(st.datetimes(timezones=st.timezones()))
def test_any_time_has_days_around_it_within_calendars(moment: dt.datetime) -> None:
    found = within_calendars(moment)
    assert found.tzinfo is dt.UTC
    assert found - 1000 * ONE_DAY < found < found + 1000 * ONE_DAY
    if EARLIEST < moment < LATEST:
        assert found == moment.astimezone(dt.UTC)
    else:
        assert found in (EARLIEST, LATEST)
    naive = moment.replace(tzinfo=None)
    assert within_calendars(naive) == within_calendars(naive.replace(tzinfo=dt.UTC))


def test_a_time_without_zone_is_not_guessed() -> None:
    with pytest.raises(TypeError):
        to_us(dt.datetime(2026, 3, 1))  # noqa: DTZ001


@given(near_days, st.integers(1, 6), st.none() | st.integers(1, 20))
def test_runs_hold_every_day_in_order_and_are_as_few_as_may_be(
    days: list[dt.date], apart: int, most: int | None
) -> None:
    runs = runs_of_days(days, apart=apart, most=most)
    covered = [day for first, last in runs for day in days_between(first, last)]
    assert covered == sorted(set(covered))
    assert set(days) <= set(covered)
    assert {first for first, _ in runs} | {last for _, last in runs} <= set(days)
    if apart == 1:
        assert set(covered) == set(days)
    for (first, last), (following, _) in pairwise(runs):
        is_far = (following - last).days > apart
        assert is_far or (most is not None and (following - first).days >= most)
    for first, last in runs:
        assert most is None or (last - first).days < most


def test_no_day_makes_no_run() -> None:
    assert runs_of_days([]) == []
    assert list(days_between(FIRST, FIRST - ONE_DAY)) == []
