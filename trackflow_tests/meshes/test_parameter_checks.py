"""Parameters from anywhere: each within its bounds, and equal ones have equal hashes."""

import math
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.geo import polylines
from trackflow.meshes.json_values import parameter_values
from trackflow.meshes.parameter_checks import BOUNDS, checked_parameters, hash_of
from trackflow.meshes.parameters import MeshParameters

ASKED = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["terrain", "outline", None]),
        "max_error_m": st.none() | st.floats(0, 1000),
        "detail_factor": st.floats(0, 1) | st.integers(0, 1),
        "width_m": st.none() | st.integers(1, 10_000),
        "low_m": st.floats(-500, 0),
        "high_m": st.floats(0, 5000) | st.integers(0, 5000),
        "solid": st.booleans(),
        "levels": st.integers(1, 16),
        "texture": st.sampled_from(["none", "hillshade", "image"]),
    },
)


@given(ASKED, st.randoms())
def test_equal_parameters_have_equal_hashes_however_they_are_written(
    asked: dict[str, Any], random: Any
) -> None:
    first = checked_parameters(asked)
    names = list(asked)
    random.shuffle(names)
    written_otherwise = {
        name: float(value) if isinstance(value, int) and name not in ("levels", "solid") else value
        for name, value in ((name, asked[name]) for name in names)
    }
    with_defaults = {name: getattr(MeshParameters(), name) for name in BOUNDS} | written_otherwise
    for other in (written_otherwise, with_defaults, parameter_values(first)):
        assert hash_of(checked_parameters(other)) == hash_of(first)


@given(ASKED, ASKED)
def test_other_parameters_have_other_hashes(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = checked_parameters(one), checked_parameters(other)
    assert (hash_of(first) == hash_of(second)) == (first == second)


@given(st.sampled_from(sorted(BOUNDS)), st.floats(allow_nan=True) | st.integers())
def test_numbers_are_taken_within_their_bounds_only(name: str, value: float) -> None:
    low, high = BOUNDS[name]
    asked = {"low_m": -1e5, "high_m": 1e5, name: value}
    is_whole = name != "levels" or (math.isfinite(value) and value == int(value))
    if low <= value <= high and is_whole:
        assert getattr(checked_parameters(asked), name) == value
    else:
        with pytest.raises(BadInputError, match=name):
            checked_parameters(asked)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"detail": 0.1}, "detail"),
        ({"kind": "sphere"}, "kind"),
        ({"solid": "perhaps"}, "solid"),
        ({"low_m": 10, "high_m": 5}, "low_m"),
        ({"detail_factor": [1]}, "detail_factor"),
        ({"levels": 10**400}, "levels makes no sense"),
        ({"levels": "9" * 400}, "levels makes no sense"),
        ({"tracks": ["~"]}, "encoded polyline"),
        ({"tracks": [polylines.encode([24.9], [60.1])], "kind": "outline"}, "terrain"),
        ({"tracks": ["?" * 2_000_001]}, "characters"),
    ],
)
def test_what_makes_no_sense_is_named(asked: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        checked_parameters(asked)


def test_every_number_has_bounds() -> None:
    numbers = {f.name for f in fields(MeshParameters) if "float" in str(f.type) or f.type is int}
    assert numbers <= set(BOUNDS)
