"""The layer for an amount of work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.concurrency.layers import Layer, layer_for

ORDER = list(Layer)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_items_never_get_a_smaller_layer(one: int, other: int) -> None:
    fewer, more = sorted((one, other))
    assert ORDER.index(layer_for(fewer)) <= ORDER.index(layer_for(more))


@pytest.mark.parametrize(
    ("items", "layer"),
    [(0, "direct"), (9, "direct"), (10, "pool"), (999, "pool"), (1_000, "job")],
)
def test_borders(items: int, layer: str) -> None:
    assert layer_for(items) == layer


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        layer_for(-1)
