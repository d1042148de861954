"""Shared by the tests of the clients: JSON of any kind, and JSON that is nearly right."""

from typing import Any

from hypothesis import strategies as st

from trackflow.sources.devices.fixes import BodyContent
from trackflow_tests.helpers.reading import NOW_US

__all__ = ["NOW_US", "SQL", "any_json", "nearly", "reasons", "rows"]

SQL = "x'); DROP TABLE gps_points; --"

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "0", "-1", "60.17", "NaN", "1e999", SQL, "2026-01-05T08:00:00Z", "\x00"])
)

any_json = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def nearly(good: Any) -> st.SearchStrategy[Any]:
    """`good` with any of its parts replaced by something else or left out."""
    if isinstance(good, dict):
        parts = {name: nearly(value) for name, value in good.items()}
        whole = st.fixed_dictionaries({}, optional=parts)
    elif isinstance(good, list) and good:
        whole = st.tuples(*map(nearly, good)).map(list)
    else:
        whole = st.just(good)
    return st.just(good) | whole | any_json


def rows(delivery: BodyContent) -> list[tuple[object, ...]]:
    return list(delivery.points.rows())


def reasons(delivery: BodyContent) -> list[str]:
    return [refusal.reason.value for refusal in delivery.refused]
