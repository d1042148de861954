from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.followed import gaps
from trackflow.sources.followed.gaps import Gap, ReadProgress

ids_of = st.lists(st.integers(-50, 50), unique=True, max_size=30).map(sorted)


def covered(found) -> list[int]:
    return [number for gap in found for number in range(gap.first, gap.last + 1)]


@given(st.integers(-60, 0), ids_of)
def test_an_id_is_seen_or_in_a_gap(last_id, ids):
    ids = [number for number in ids if number > last_id]
    found = gaps.between(last_id, ids, 7, 8)
    expected = set(range(last_id + 1, ids[-1] + 1)) - set(ids) if ids else set()
    assert covered(found) == sorted(expected)
    assert {(gap.noticed_s, gap.horizon, gap.dense) for gap in found} <= {(7, 8, False)}


@given(st.integers(-60, 0), st.integers(0, 60), ids_of)
def test_what_appears_is_taken_out_of_its_gap_and_nothing_else(first, last, ids):
    left = gaps.without(Gap(first, last, 7, 8), reversed(ids))
    assert covered(left) == sorted(set(range(first, last + 1)) - set(ids))


def test_very_many_gaps_become_one_with_everything_between():
    even = range(2, 2 * gaps.GAPS_PER_LOOK + 1, 2)
    last = even[-1]
    assert gaps.between(0, [*even, last + 1], 7, 8) == [Gap(i - 1, i - 1, 7, 8) for i in even]
    more = [*even, last + 2, last + 3]
    assert gaps.between(0, more, 7, 8) == [Gap(1, last + 1, 7, 8, dense=True)]


@given(st.integers(0, 100), st.lists(st.tuples(st.integers(), st.integers(), st.integers(),
                                               st.integers(), st.booleans())))  # fmt: skip
def test_progress_can_be_stored(last_id, found):
    progress = ReadProgress(last_id, tuple(Gap(*gap) for gap in found))
    assert ReadProgress.from_json(last_id, progress.to_json()) == progress


def test_a_gap_is_settled_when_time_has_passed_and_every_transaction_has_ended():
    gap = Gap(1, 2, 1_000, 50)
    late = 1_000 + gaps.SETTLE_S
    assert gap.is_settled(late, 50)
    assert not gap.is_settled(late, 49)
    assert not gap.is_settled(late - 1, 50)
