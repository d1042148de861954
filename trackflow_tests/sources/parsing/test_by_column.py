"""What is read by column is what is read value by value, for any text."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trackflow.sources.devices.fixes import Fix, candidates_of
from trackflow.sources.parsing import geojson_features
from trackflow.sources.parsing.geojson_lines import line_part
from trackflow.sources.parsing.geojson_rows import Rows
from trackflow.sources.parsing.json_values import JsonElements
from trackflow.sources.values.cells import EMPTY_CELLS, Numbers, is_empty, numbers, strings
from trackflow.sources.values.counted_times import TimeForm
from trackflow.sources.values.fields import columns_of_fields, known_fields
from trackflow.sources.values.moments import parse_time
from trackflow.sources.values.plain_times import iso_us, whole_counts_us
from trackflow.sources.values.units import Quantity, measure
from trackflow.sources.values.whole_degrees import are_whole
from trackflow_tests.helpers.reading import read_bytes, stream_of

PLAIN = st.decimals(-1000, 1000, places=3).map(str)
NUMBER_TEXTS = (
    PLAIN
    | st.floats().map(repr)
    | st.text(max_size=12)
    | st.text("0123456789+-.,eE_ \u0661NSW\xb0km/h'", max_size=12)
    | st.sampled_from([*EMPTY_CELLS, "nan", "inf", "-inf", "1e999", "0x10", "1_0", "60,1",
                       "36 km/h", "  7 ", "\u0661", "+5", "-", ".5", "5.", "1,234", "60.1N",
                       "60\xb0 6'"])
)  # fmt: skip
VALUES = NUMBER_TEXTS | st.none() | st.integers() | st.floats() | st.booleans() | st.just([1])


def same(found: np.ndarray, expected: list[float]) -> bool:
    return np.array_equal(found, np.array(expected, np.float64), equal_nan=True)


@given(
    st.lists(NUMBER_TEXTS | st.none()) | st.lists(PLAIN) | st.lists(PLAIN | st.none()),
    st.sampled_from(Quantity),
)
def test_texts_of_records(cells, quantity):
    found = Numbers.of_objects(cells, quantity)
    assert same(found.values, [measure(cell, quantity) for cell in cells])
    assert found.missing.tolist() == [is_empty(cell) for cell in cells]


@given(st.lists(VALUES), st.sampled_from(Quantity), st.data())
def test_values_of_records(cells, quantity, data):
    commas = [data.draw(st.booleans()) for _ in cells]
    found = Numbers.of_objects(cells, quantity, commas)
    each = zip(cells, commas, strict=True)
    assert same(found.values, [measure(c, quantity, decimal_comma=comma) for c, comma in each])


@given(
    st.lists(NUMBER_TEXTS | st.none()), st.sampled_from(Quantity), st.sampled_from([1.0, 0.3048])
)
def test_texts_of_tables_and_of_xml(cells, quantity, factor):
    """A word for infinity is no number by itself, and no value of a point in any way."""
    found = numbers(strings(cells), quantity, factor).values
    empty = [cell is None or cell in EMPTY_CELLS for cell in cells]
    expected = [
        np.nan if none else measure(cell, quantity, factor)
        for cell, none in zip(cells, empty, strict=True)
    ]
    finite = np.where(np.isfinite(found), found, np.nan)
    assert same(finite, [value if np.isfinite(value) else np.nan for value in expected])


@given(st.lists(NUMBER_TEXTS | st.none() | st.just("\ud800")))
def test_cells_that_say_nothing_are_null(cells):
    written = [cell and cell.encode("utf-8", "replace").decode() for cell in cells]
    expected = [None if cell in EMPTY_CELLS else cell for cell in written]
    assert strings(cells).to_pylist() == expected


@st.composite
def iso_columns(draw) -> list[str]:
    """Cells that are alike in most ways, so that many columns are of one spelling."""
    zone = draw(st.sampled_from(["Z", "+00:00", "-0730", "+14:00", "", "+25:00", "X"]))
    fraction = draw(st.sampled_from(["", ".5", ".123", ".123456", ".1234567"]))
    odd = (
        st.text(max_size=25) | st.none() | st.integers() | st.sampled_from(["2026-01-01T00:00:00Z"])
    )

    def cell(moment) -> str:
        return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + fraction + zone

    wrong = st.tuples(*[st.integers(0, 99)] * 5).map(
        lambda p: "20{:02}-{:02}-{:02}T{:02}:{:02}:00".format(*p) + fraction + zone
    )
    plain = st.datetimes().map(cell)
    kind = draw(st.sampled_from([plain, plain | wrong, plain | odd]))
    return draw(st.lists(kind, min_size=1, max_size=6))


@given(iso_columns())
@example(["2024-02-29T23:59:59Z", "1900-02-28T00:00:00Z"])
@example(["1900-02-29T00:00:00Z"])
@example(["2026-01-01T24:00:00Z"])
def test_times_of_the_commonest_spelling(cells):
    found = iso_us(cells)
    if found is not None:
        assert found.tolist() == [parse_time(cell, TimeForm.ISO) for cell in cells]


def test_the_commonest_spelling_is_read_by_column():
    assert iso_us(["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"]) is not None
    assert iso_us(["2026-01-01T00:00:00.123+0200"] * 2) is not None
    assert whole_counts_us([1_767_225_600, 1_767_225_600_123]) is not None


@given(st.lists(st.integers(631_152_000, 4_102_444_799) | st.integers(6 * 10**11, 4 * 10**12)
                | st.integers(), min_size=1))  # fmt: skip
def test_whole_numbers_as_times(cells):
    found = whole_counts_us(cells)
    if found is not None:
        assert found.tolist() == [parse_time(str(cell)) for cell in cells]


@given(st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES), min_size=2))
def test_fixes_together_and_each_by_itself(rows):
    fixes = [Fix("d", time, lat, 1.5, speed=speed, accuracy_m=m) for time, lat, speed, m in rows]
    together = candidates_of(fixes, device_id=None, time_form=TimeForm.EPOCH_S)
    for row, fix in enumerate(fixes):
        alone = candidates_of([fix], device_id=None, time_form=TimeForm.EPOCH_S)
        for name in ("lat", "lon"):
            one, many = getattr(alone, name), getattr(together, name)
            assert same(many.values[row : row + 1], one.values.tolist())
            assert many.missing[row] == one.missing[0]
        assert same(together.speed_ms[row : row + 1], alone.speed_ms.tolist())
        assert together.times.bad[row] == alone.times.bad[0]
        assert together.times.missing[row] == alone.times.missing[0]
        if not (alone.times.bad[0] or alone.times.missing[0]):
            assert together.times.time_us[row] == alone.times.time_us[0]


NAMES = st.sampled_from(
    [
        "lat",
        "lon",
        "speed_kmh",
        "speed",
        "altitude_ft",
        "time",
        "accuracy",
        "id",
        "x y",
        "hdop",
        "ns",
    ]
)


@given(st.lists(NAMES, unique=True, min_size=1).flatmap(
    lambda names: st.lists(st.tuples(*[VALUES] * len(names)).map(
        lambda values: dict(zip(names, values, strict=True))), min_size=1)))  # fmt: skip
def test_members_of_records(records):
    found = columns_of_fields(tuple(records[0]), records)
    if found is None:
        many = any(are_whole([r.get(name) for r in records]) for name in ("lat", "lon"))
        assert many or not {"ns", "x y"}.isdisjoint(records[0])
        return
    for row, record in enumerate(records):
        known = {role: values[row] for role, values in found.items() if values[row] is not None}
        assert repr(known) == repr(known_fields(record))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**18, "\ud800", "\x01", "},{", '"lat":']),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)  # fmt: skip


@pytest.mark.parametrize("piece_bytes", [7, 64, 1_000])
@pytest.mark.parametrize("nesting", [0, 1])
@settings(max_examples=50)
@given(
    st.lists(
        st.fixed_dictionaries({"lat": JSON_VALUES}, optional={"a": JSON_VALUES}) | JSON_VALUES
    ),
    st.text('{}[]",:0eE', max_size=3),
    st.integers(0, 300),
)
def test_elements_of_json_together_and_one_by_one(piece_bytes, nesting, elements, junk, at):
    text = json.dumps(elements)
    at %= len(text)
    for data in (text, text[:at] + junk + text[at + len(junk) :], text[:at]):
        found = [
            repr(list(reader))
            for reader in (
                JsonElements(stream_of(data.encode()), piece_bytes, nesting=nesting),
                _OneByOne(stream_of(data.encode()), piece_bytes, nesting=nesting),
            )
        ]
        assert found[0] == found[1]


class _OneByOne(JsonElements):
    def _many(self, beginning, *, can_hold_lists):
        return []


def test_most_elements_are_decoded_together(monkeypatch):
    taken: list[int] = []
    original = JsonElements._many

    def counted(self, beginning, **more):
        found = original(self, beginning, **more)
        taken.append(len(found))
        return found

    monkeypatch.setattr(JsonElements, "_many", counted)
    records = [{"lat": k % 90, "lon": 1.5, "time": 1_767_225_600 + k} for k in range(5_000)]
    found = read_bytes(json.dumps(records).encode(), "geojson")
    assert len(found.points) == 5_000
    assert sum(taken) > 4_900


POSITIONS = (
    st.lists(st.lists(st.integers(0, 9), min_size=2, max_size=2), min_size=2)
    | st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=2)
    | st.lists(
        st.tuples(*[st.integers(0, 9)] * 3, st.sampled_from([1.7e9, 1.7e12, 5])).map(list),
        min_size=2,
    )
)


@given(POSITIONS, st.booleans())
def test_a_line_by_column_is_the_line_position_by_position(positions, timed):
    line = {"type": "LineString", "coordinates": positions}
    times = [1.7e9 + n for n in range(len(positions))]
    properties = {"coordTimes": times} if timed else {}
    feature = {"type": "Feature", "geometry": line, "properties": properties}
    by_column = read_bytes(json.dumps(feature).encode(), "geojson")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geojson_features, "line_part", lambda *_: None)
        by_position = read_bytes(json.dumps(feature).encode(), "geojson")
    assert repr(by_column.rows) == repr(by_position.rows)
    assert by_column.refused == by_position.refused


def test_pieces_of_a_long_line_take_no_more_memory_than_the_line():
    """Each piece kept all that followed it: a line of 20 MB took 4 GB."""
    count = 50_000
    part = line_part([[1, 2]] * count, [0] * count, {}, {}, 1)
    tracemalloc.start()
    rows = Rows([part])
    sizes = [len(piece) for piece in rows.pieces(500)]
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sizes == [500] * 100
    assert peak_bytes < 50 * count
