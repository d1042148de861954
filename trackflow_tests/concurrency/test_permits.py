"""Permits to connect: shared out fairly, never more than there are, whatever processes do."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from trackflow.concurrency.budget import BUDGET, MOST_THREADS, ThreadBudget
from trackflow.concurrency.permits import fair_shares
from trackflow.concurrency.processor import Processor
from trackflow.settings import MOST_CONNECTIONS


@given(st.integers(1, 64), st.lists(st.integers(0, 40), max_size=12))
def test_shares_are_fair_and_leave_nothing_over(most: int, wanted: list[int]) -> None:
    shares = fair_shares(most, wanted)
    assert sum(shares) == min(most, sum(wanted))
    for share, want in zip(shares, wanted, strict=True):
        assert 0 <= share <= want
        # who wants more has no less than anybody, but for the remainder
        assert share == want or share >= max(shares) - 1


@dataclass
class Peak:
    """The largest number of places of the budget that calls have seen in use."""

    seen: list[int] = field(default_factory=list)

    def note(self) -> None:
        self.seen.append(BUDGET.in_use)


def test_pools_within_pools_keep_to_one_budget() -> None:
    """Each pool had its own limit once: three within each other wanted 27,000 threads."""
    peak = Peak()

    def call(depth: int) -> int:
        peak.note()
        if depth == 0:
            return 1
        inner = Processor(30).run([depth - 1] * 6, lambda item, _: call(item))
        return sum(outcome.result() for outcome in inner)

    outer = Processor(30).run([2] * 6, lambda item, _: call(item))
    assert sum(outcome.result() for outcome in outer) == 6**3
    assert max(peak.seen) <= MOST_THREADS <= MOST_CONNECTIONS - 2
    assert BUDGET.in_use == 0


def test_a_budget_gives_what_it_has_and_no_more() -> None:
    budget = ThreadBudget(2)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    budget.give_back()
    assert budget.take()
    assert not budget.take()
