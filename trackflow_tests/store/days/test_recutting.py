"""Thresholds of the old rules for tracks: those that hold today are kept."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.store.days.recutting import kept_thresholds
from trackflow.tracks.thresholds import RANGES, Thresholds

numbers = st.one_of(
    st.floats(allow_nan=False), st.integers(-10, 10**9), st.booleans(), st.text(max_size=3)
)


@given(st.dictionaries(st.sampled_from([*RANGES, "jump_m", "other"]), numbers))
def test_what_is_kept_of_thresholds_holds_today(values: dict[str, Any]) -> None:
    kept = kept_thresholds(values)
    assert Thresholds().override(kept).reach_s < 86_400
    assert kept.items() <= values.items()


@given(st.dictionaries(st.sampled_from(list(RANGES)), st.integers(1, 5)))
def test_what_holds_today_is_kept(values: dict[str, Any]) -> None:
    values.pop("dwell_s", None)
    assert kept_thresholds(values) == values


@pytest.mark.parametrize("odd", [None, [], ["odd"], "x", 3])
def test_thresholds_that_are_none_are_dropped(odd: Any) -> None:
    assert kept_thresholds(odd) == {}
