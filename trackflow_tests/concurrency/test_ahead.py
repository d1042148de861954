import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.concurrency.ahead import one_ahead
from trackflow_tests.helpers.waiting import PATIENCE_S


@given(st.lists(st.integers() | st.none()))
def test_gives_the_same_items_in_the_same_order(items: list[int | None]) -> None:
    assert list(one_ahead(iter(items))) == items


def test_the_next_item_is_made_while_one_is_in_use() -> None:
    second_made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second_made.set()
        yield 2

    ahead = one_ahead(items())
    assert next(ahead) == 1
    assert second_made.wait(PATIENCE_S)
    assert list(ahead) == [2]


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("bad block")

    ahead = one_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="bad block"):
        next(ahead)
