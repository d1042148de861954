"""Dates as people write them."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.spoken_days import days_meant

TODAY = dt.date(2026, 3, 2)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2025-09-21", "2025-09-21", "2025-09-21"),
        ("2025-09", "2025-09-01", "2025-09-30"),
        ("2024", "2024-01-01", "2024-12-31"),
        ("21.9.2025", "2025-09-21", "2025-09-21"),
        ("21.9.", "2025-09-21", "2025-09-21"),
        ("1.3.", "2026-03-01", "2026-03-01"),
        ("29.2.", "2024-02-29", "2024-02-29"),
        ("September 2025", "2025-09-01", "2025-09-30"),
        ("september", "2025-09-01", "2025-09-30"),
        ("21 Sep 2025", "2025-09-21", "2025-09-21"),
        ("21. September", "2025-09-21", "2025-09-21"),
        ("Sep 21, 2025", "2025-09-21", "2025-09-21"),
        ("Oktober 2025", "2025-10-01", "2025-10-31"),
        ("yesterday", "2026-03-01", "2026-03-01"),
        ("heute", "2026-03-02", "2026-03-02"),
    ],
)
def test_a_date_is_read(text: str, first: str, last: str) -> None:
    assert [(str(a), str(b)) for a, b in days_meant(text, TODAY)] == [(first, last)]


def test_a_date_with_strokes_may_mean_two_days() -> None:
    assert [str(a) for a, _ in days_meant("3/4/2025", TODAY)] == ["2025-04-03", "2025-03-04"]
    assert [str(a) for a, _ in days_meant("13/4/2025", TODAY)] == ["2025-04-13"]


@given(st.text(max_size=12), st.dates())
def test_any_text_is_days_in_order_or_none(text: str, today: dt.date) -> None:
    assert all(first <= last for first, last in days_meant(text, today))


@given(st.dates(min_value=dt.date(1000, 1, 1)))
def test_every_day_is_read_as_it_is_written(day: dt.date) -> None:
    assert days_meant(str(day), TODAY) == [(day, day)]
