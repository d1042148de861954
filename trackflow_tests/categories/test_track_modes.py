"""A leg counts for each track that it lies in, with its part."""

import datetime as dt
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.categories.track_modes import main_mode_of, modes_between, said_mode_of

START = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


class TimedLeg(NamedTuple):
    start_time: dt.datetime
    end_time: dt.datetime
    mode: str
    distance_m: float


def at(minutes: int) -> dt.datetime:
    return START + dt.timedelta(minutes=minutes)


@given(
    st.lists(st.integers(0, 600), min_size=2, max_size=12, unique=True).map(sorted),
    st.lists(st.sampled_from(["bus", "walking", "train"]), min_size=11, max_size=11),
    st.lists(st.integers(0, 600), min_size=2, max_size=8, unique=True).map(sorted),
)
def test_parts_add_up_to_the_whole(edges: list[int], modes: list[str], cuts: list[int]) -> None:
    legs = [
        TimedLeg(at(a), at(b), mode, 1000.0)
        for (a, b), mode in zip(pairwise(edges), modes, strict=False)
    ]
    ends = [leg.end_time for leg in legs]
    whole = modes_between(legs, ends, at(cuts[0]), at(cuts[-1]))
    parts = [modes_between(legs, ends, at(a), at(b)) for a, b in pairwise(cuts)]
    assert {mode for part in parts for mode in part} == set(whole)
    for mode, (metres, seconds) in whole.items():
        mine = [part[mode] for part in parts if mode in part]
        assert sum(one[0] for one in mine) == pytest.approx(metres)
        assert sum(one[1] for one in mine) == pytest.approx(seconds)
        inside = [leg for leg in legs if leg.mode == mode and leg.end_time > at(cuts[0])]
        assert 0 < metres <= 1000.0 * len(inside) + 1e-6
    longest = max((metres for metres, _ in whole.values()), default=None)
    main = main_mode_of(whole)
    assert (main is None) == (longest is None)
    assert main is None or whole[main][0] == longest


def test_a_leg_over_a_pause_is_the_mode_of_both_tracks() -> None:
    legs = [TimedLeg(at(0), at(70), "driving", 7000.0)]
    ends = [at(70)]
    assert modes_between(legs, ends, at(0), at(20)) == {"driving": (2000.0, 1200.0)}
    assert modes_between(legs, ends, at(50), at(70)) == {"driving": (2000.0, 1200.0)}


AMOUNTS = st.tuples(st.integers(0, 5000).map(float), st.integers(0, 900).map(float))
"""Metres and seconds."""

BY_MODE = st.dictionaries(st.sampled_from(["bus", "walking", "train"]), AMOUNTS)


@given(BY_MODE, BY_MODE)
def test_a_person_has_said_the_main_mode_who_said_half_of_it(
    by_model: dict[str, tuple[float, float]], by_person: dict[str, tuple[float, float]]
) -> None:
    whole = dict(by_person)
    for mode, (metres, seconds) in by_model.items():
        known = whole.get(mode, (0.0, 0.0))
        whole[mode] = metres + known[0], seconds + known[1]
    main, said = main_mode_of(whole), said_mode_of(whole, by_person)
    assert said in (None, main)
    assert said_mode_of(whole, {}) is None
    assert said_mode_of(whole, whole) == main
    if main in by_person and main in by_model:
        # by seconds where nothing moved
        k = 0 if whole[main][0] else 1
        assert (said is not None) == (by_person[main][k] >= by_model[main][k])
    else:
        assert said == (main if main in by_person else None)
