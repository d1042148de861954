import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.sources.parsing.json_values import JsonElements
from trackflow_tests.helpers.reading import points, read_bytes, stream_of


def iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()


def feature(row) -> dict[str, object]:
    device, second, micro, lat, lon = row
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"device_id": device, "time": second * 1_000_000 + micro, "tags": [{"a": 1}]},
    }


def expected(rows):
    return [(d, s * 1_000_000 + u, lon, lat) for d, s, u, lat, lon in rows]


def first_four(found):
    return [row[:4] for row in found.rows]


def as_collection(rows, indent=None) -> str:
    return json.dumps(
        {"type": "FeatureCollection", "name": "é", "features": [feature(r) for r in rows]},
        indent=indent,
    )


FORMS = {
    "collection": as_collection,
    "indented": lambda rows: as_collection(rows, 2),
    "lines": lambda rows: "\n".join(json.dumps(feature(r)) for r in rows),
    "sequence": lambda rows: "".join(f"\x1e{json.dumps(feature(r))}\n" for r in rows),
    "list": lambda rows: json.dumps([feature(r) for r in rows]),
    "records": lambda rows: json.dumps(
        [
            {"user": d, "lat": lat, "lng": str(lon), "ts": (s * 1_000_000 + u)}
            for d, s, u, lat, lon in rows
        ]
    ),
    "wkt": lambda rows: json.dumps(
        [
            {"point": f"POINT({lon:.7f} {lat:.7f})", "time": s * 1_000_000 + u, "device": d}
            for d, s, u, lat, lon in rows
        ]
    ),
}


@settings(max_examples=80)
@given(st.lists(points, min_size=1, max_size=20), st.sampled_from(sorted(FORMS)))
def test_points_read_back_as_written(rows, form):
    found = read_bytes(FORMS[form](rows).encode(), "geojson")
    assert found.error == ""
    assert found.refused == []
    assert first_four(found) == expected(rows)


@given(st.lists(points, min_size=1, max_size=12), st.sampled_from(sorted(FORMS)))
def test_where_pieces_end_changes_nothing(rows, form):
    data = FORMS[form](rows).encode()
    whole = list(JsonElements(stream_of(data)))
    assert list(JsonElements(stream_of(data), piece_bytes=3)) == whole


@given(st.lists(points, min_size=1, max_size=12), st.sampled_from(sorted(FORMS)), st.integers(0))
def test_a_cut_file_gives_what_was_whole(rows, form, at):
    data = FORMS[form](rows)
    at %= len(data)
    found = read_bytes(data[:at].encode(), "geojson")
    got = first_four(found)
    assert got == expected(rows)[: len(got)]
    ends = [i for i, character in enumerate(data) if character == "}"]
    whole = sum(end < at for end in ends) // (len(ends) // len(rows))
    assert len(got) >= whole - 1
    # Lines that are cut between two features are not known to be cut.
    assert found.error or found.reasons == ["truncated"] or form in ("lines", "sequence")


@given(st.lists(points, min_size=3, max_size=12), st.sampled_from(["collection", "lines", "list"]))
def test_a_broken_feature_costs_only_itself(rows, form):
    parts = FORMS[form](rows).split('"geometry"')
    data = '"geometry"'.join(parts[:2]) + '"geo}metry" oops' + '"geometry"'.join(parts[2:])
    found = read_bytes(data.encode(), "geojson")
    assert first_four(found) == expected(rows[:1] + rows[2:])
    assert found.reasons == ["unreadable"]


@given(st.binary(max_size=200), st.text('[]{}",:1\n ', max_size=60))
def test_any_bytes_give_an_answer(data, text):
    for junk in (data, text.encode()):
        read_bytes(junk, "geojson")
        read_bytes(b'{"type":"FeatureCollection","features":[' + junk, "geojson")


@pytest.mark.parametrize("key", ["coordTimes", "times", "coordinateProperties"])
def test_lines_with_a_time_for_each_position(key):
    moments = [iso(1_700_000_000 + i) for i in range(5)]
    value = {"times": moments} if key == "coordinateProperties" else moments
    positions = [[i, i + 1, 100 + i] for i in range(5)]
    line = {"type": "LineString", "coordinates": positions}
    parts = {"type": "MultiLineString", "coordinates": [positions[:2], positions[2:]]}
    for geometry in (line, parts, {"type": "GeometryCollection", "geometries": [line]}):
        data = {"type": "Feature", "properties": {key: value}, "geometry": geometry}
        found = read_bytes(json.dumps(data).encode(), "geojson")
        assert [r[3] for r in found.rows] == [1, 2, 3, 4, 5]
        assert found.rows[4][1] == 1_700_000_004_000_000
        assert found.rows[4][4] == 104
    nested = {"coordTimes": [moments[:2], moments[2:]]}
    data = {"type": "Feature", "properties": nested, "geometry": parts}
    assert len(read_bytes(json.dumps(data).encode(), "geojson").points) == 5


def test_times_that_do_not_match_the_positions_are_not_guessed():
    data = {
        "type": "Feature",
        "properties": {"coordTimes": [iso(1_700_000_000)]},
        "geometry": {"type": "LineString", "coordinates": [[1, 2], [2, 3]]},
    }
    found = read_bytes(json.dumps(data).encode(), "geojson")
    assert found.reasons == ["ragged_row"]
    assert len(found.points) == 0


def test_a_line_without_times_is_refused_position_by_position():
    data = b'{"type":"LineString","coordinates":[[1,2],[2,3]]}'
    assert read_bytes(data, "geojson").reasons == ["no_time", "no_time"]


BAD_POINTS = {
    '[1,95]': "out_of_range",
    '[NaN,1]': "not_a_number",
    '[1e999,1]': "not_a_number",
    '["east",1]': "not_a_number",
    '[true,1]': "not_a_number",
    '[0,0]': "null_island",
    '[null,1]': "no_position",
    '[1]': "no_position",
    'null': "no_position",
    f'[{"9" * 400},1]': "not_a_number",
}  # fmt: skip


@pytest.mark.parametrize("coordinates", BAD_POINTS)
def test_a_bad_point_is_refused_and_its_neighbours_are_not(coordinates):
    properties = '{"time":"2026-01-01T00:00:00Z"}'
    elements = [
        f'{{"type":"Feature","geometry":{{"type":"Point","coordinates":{place}}},'
        f'"properties":{properties}}}'
        for place in ("[1,2]", coordinates, "[3,4]")
    ]
    data = f"[{','.join(elements)}]"
    found = read_bytes(data.encode(), "geojson")
    assert found.reasons == [BAD_POINTS[coordinates]]
    assert found.refused[0].where == "file: element 2"
    assert len(found.points) == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a": 1}', "no feature"),
        (b"[" * 100_000, "no feature"),
        (b"[1,2,3]", "no feature"),
        (
            b'{"crs":{"properties":{"name":"EPSG:3857"}},"features":[{"lat":1,"lon":2,"time":1}]}',
            "EPSG:3857",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data, words):
    found = read_bytes(data, "geojson")
    assert words in found.error


def test_an_empty_collection_is_no_error():
    found = read_bytes(b'{"type":"FeatureCollection","features":[]}', "geojson")
    assert found.error == ""
    assert len(found.points) == 0


def test_lone_surrogates_and_huge_numbers_can_be_stored():
    data = rb'[{"device":"\ud800","lat":1,"lon":2,"time":"2026-01-01T00:00:00Z"}, {"a":"\ud800"}]'
    found = read_bytes(data, "geojson")
    for refusal in found.refused:
        refusal.raw.encode("utf-8")
    assert all(name.encode("utf-8") for name in found.points.devices)
