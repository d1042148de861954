"""Periods tile the calendar, and the period before touches the one after."""

import datetime as dt
from contextlib import nullcontext, suppress
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.geo.calendar_days import begin_of
from trackflow.geo.periods import (
    FIRST_DAY,
    LAST_DAY,
    By,
    Period,
    begin_of_period,
    check_days,
    day_named,
    end_of_period,
    month_before,
    month_named,
    period_before,
    period_name,
    time_of_days,
)

DAYS = st.dates(dt.date(1901, 1, 1), dt.date(2190, 1, 1))
ONE = dt.timedelta(days=1)


@given(DAYS, st.sampled_from(list(By)))
def test_each_day_lies_in_one_period(day: dt.date, by: By) -> None:
    begin = begin_of_period(day, by)
    end = end_of_period(begin, by)
    assert begin <= day <= end
    assert begin_of_period(end, by) == begin
    assert begin_of_period(end + ONE, by) == end + ONE
    assert period_name(begin, by) != period_name(end + ONE, by)


@given(st.dates() | st.text("0123456789-W\uff12", max_size=10))
def test_any_text_names_a_day_and_a_month_that_calendars_have_or_is_refused(
    written: dt.date | str,
) -> None:
    text = str(written)
    with suppress(BadInputError):
        found = day_named(text)
        assert found == min(max(dt.date.fromisoformat(text), FIRST_DAY), LAST_DAY)
        start, end = time_of_days(dt.date.fromisoformat(text), found)
        assert start is not None
        assert end == start + ONE
    try:
        month = month_named(text[:7])
    except BadInputError:
        assert not isinstance(written, dt.date) or not 1900 <= written.year < 2200
    else:
        assert period_name(month.first, By.MONTH) == text[:7]
        assert month_before(month.last + ONE) == month.first
        for zone in ("Asia/Tokyo", "America/New_York"):
            assert begin_of(month.last + ONE, ZoneInfo(zone)) > begin_of(
                month.first, ZoneInfo(zone)
            )


@given(st.none() | st.dates(), st.none() | st.dates())
def test_days_that_are_asked_for_can_be_reckoned_with(
    first: dt.date | None, last: dt.date | None
) -> None:
    reachable = all(day is None or dt.date(1900, 1, 2) <= day for day in (first, last))
    reachable &= all(day is None or day <= dt.date(2199, 12, 30) for day in (first, last))
    is_fine = reachable and not (first and last and first > last)
    with nullcontext() if is_fine else pytest.raises(BadInputError):
        check_days(first, last)


@given(DAYS, st.integers(0, 900))
def test_the_period_before_ends_where_this_one_begins(first: dt.date, more: int) -> None:
    period = Period(first, first + more * ONE)
    before = period_before(period)
    assert before.last == first - ONE
    if not (first.day == 1 and (period.last + ONE).day == 1):
        assert before.last - before.first == period.last - period.first


@pytest.mark.parametrize(
    ("first", "last", "before"),
    [
        ("2026-03-01", "2026-03-31", "2026-02-01"),
        ("2026-01-01", "2026-12-31", "2025-01-01"),
        ("2026-01-01", "2026-03-31", "2025-10-01"),
        ("2026-03-02", "2026-03-31", "2026-01-31"),
    ],
)
def test_whole_months_are_compared_with_whole_months(first: str, last: str, before: str) -> None:
    period = Period(dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    assert period_before(period).first == dt.date.fromisoformat(before)


@given(DAYS, st.integers(0, 900), st.integers(-5, 905))
def test_of_a_running_time_as_much_is_compared_as_has_passed(
    first: dt.date, more: int, passed: int
) -> None:
    period, today = Period(first, first + more * ONE), first + passed * ONE
    whole, before = period_before(period), period_before(period, today)
    assert before.first == whole.first
    assert before.first <= before.last <= whole.last
    if not first <= today < period.last:
        assert before == whole
    elif not (first.day == 1 and (period.last + ONE).day == 1):
        assert before.last - before.first == today - first


@pytest.mark.parametrize(
    ("first", "last", "today", "before"),
    [
        ("2026-01-01", "2026-12-31", "2026-11-28", "2025-11-28"),
        ("2024-01-01", "2024-12-31", "2024-02-29", "2023-02-28"),
        ("2026-03-01", "2026-03-31", "2026-03-30", "2026-02-28"),
        ("2026-03-01", "2026-03-31", "2026-03-31", "2026-02-28"),
        ("2026-01-01", "2026-03-31", "2026-02-10", "2025-11-10"),
    ],
)
def test_a_running_year_is_compared_until_the_same_day(
    first: str, last: str, today: str, before: str
) -> None:
    days = [dt.date.fromisoformat(text) for text in (first, last, today)]
    assert period_before(Period(*days[:2]), days[2]).last == dt.date.fromisoformat(before)
