"""A large body in parts holds the same elements, in the same order, each in a body that reads."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.sources.devices import bodies
from trackflow.sources.devices.bodies import TooMuchError
from trackflow.sources.devices.parts import PartSizes, parts_of
from trackflow_tests.helpers.any_values import any_json

LISTS = frozenset({"locations", "location"})

awkward = st.sampled_from(['"', "\\", '\\"', "[", "]", "{", "}", ",", "\\\\", "é", "\ud800", "\n"])
texts = st.lists(awkward | st.text(max_size=3), max_size=4).map("".join)
elements = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
rests = st.dictionaries(texts.filter(lambda name: name not in LISTS), elements, max_size=3)
layouts = st.sampled_from([None, 0, 2])


SMALL = PartSizes(most_bytes=40, most_elements=3, scan_bytes=7)


def dumped(value: Any, indent: int | None, ascii_only: bool = True) -> bytes:
    return json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode(
        "utf-8", "surrogatepass"
    )


def found(body: bytes) -> list[Any]:
    pieces = list(parts_of(body, LISTS, SMALL))
    return [json.loads(piece.decode("utf-8", "surrogatepass")) for piece in pieces]


quick = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@quick
@given(st.lists(elements, max_size=30), layouts, st.booleans())
def test_a_list(values: list[Any], indent: int | None, ascii_only: bool) -> None:
    body = dumped(values, indent, ascii_only)
    pieces = found(body)
    assert [value for piece in pieces for value in piece] == values
    assert len(body) <= SMALL.most_bytes or all(len(piece) <= 3 for piece in pieces)


@quick
@given(rests, st.lists(elements, min_size=1, max_size=30), rests, layouts)
def test_an_object_with_a_list(
    before: Any, values: list[Any], after: Any, indent: int | None
) -> None:
    """Each part says all that the object says beside its list."""
    body = dumped(before | {"locations": values} | after, indent)
    pieces = found(body)
    assert [value for piece in pieces for value in piece["locations"]] == values
    for piece in pieces:
        assert piece | {"locations": values} == before | {"locations": values} | after


@quick
@given(st.lists(st.dictionaries(texts, elements, max_size=3), min_size=2, max_size=20))
def test_one_value_after_another(values: list[Any]) -> None:
    body = b"\n".join(dumped(value, None) for value in values)
    pieces = list(parts_of(body, LISTS, SMALL))
    assert b"".join(pieces).split(b"\n") == body.split(b"\n")
    decoded = [json.loads(line) for piece in pieces for line in piece.split(b"\n") if line.strip()]
    assert decoded == values


def test_a_list_of_objects_with_long_lists() -> None:
    values = [{"device_id": f"d{k}", "location": [{"n": n} for n in range(20)]} for k in range(3)]
    pieces = found(dumped(values, None))
    assert len(pieces) > 3
    flat = [
        (one["device_id"], e["n"]) for piece in pieces for one in piece for e in one["location"]
    ]
    assert flat == [(f"d{k}", n) for k in range(3) for n in range(20)]


@quick
@given(st.binary() | any_json.map(json.dumps).map(str.encode))
def test_nothing_is_lost_of_any_body(body: bytes) -> None:
    pieces = list(parts_of(body, LISTS, SMALL))
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    values = value if isinstance(value, list) else [value]
    if isinstance(value, list) and len(pieces) > 1:
        assert [e for piece in pieces for e in json.loads(piece)] == values
    elif len(pieces) == 1:
        assert pieces == [body] or json.loads(pieces[0]) == value


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32-be", "utf-8-sig"])
def test_other_encodings(encoding: str) -> None:
    values = [{"n": n} for n in range(20)]
    pieces = list(parts_of(json.dumps(values).encode(encoding), LISTS, SMALL))
    assert [e for piece in pieces for e in json.loads(piece)] == values


@pytest.mark.parametrize(
    "body", [b"[[[[", b"]][[", b'["a,b', b"[1,2}{,]", b'{"locations":[1,2],"locations":[3,4]}', b""]
)
def test_what_does_not_fit_together_stays_whole(body: bytes) -> None:
    pieces = list(parts_of(body, LISTS, SMALL))
    assert b"".join(pieces) == body or len(pieces) > 1


def test_too_many_elements_are_refused_before_the_first_part() -> None:
    with pytest.raises(TooMuchError):
        parts_of(b"[" + b"1," * bodies.MAX_ELEMENTS + b"1]")
