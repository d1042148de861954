import json

import numpy as np
import polyline_rs
import pytest

from trackflow.matching.engines.answers import match_answer, no_match, route

LINE = [(60.1, 24.9), (60.1001, 24.9002), (60.1003, 24.9), (60.1001, 24.9002), (60.1005, 24.91)]


def answer(*places: tuple[float, float] | None) -> dict[str, object]:
    """As a server sends it."""
    points = [
        None
        if place is None
        else {"matchings_index": 0, "location": [place[1], place[0]], "distance": 2.5, "name": ""}
        for place in places
    ]
    matching = {
        "geometry": polyline_rs.encode_latlon(LINE, 6),
        "confidence": 0.5,
        "distance": 100.0,
        "duration": 10.0,
    }
    return json.loads(json.dumps({"code": "Ok", "matchings": [matching], "tracepoints": points}))


def test_snapped_points_are_vertices_in_their_order() -> None:
    # the line comes by the second place twice; the point after the third can only be the second
    found = match_answer(answer(LINE[0], LINE[2], None, LINE[3], LINE[3], LINE[4]), 6)
    assert found.vertex.tolist() == [0, 2, -1, 3, 3, 4]
    assert found.matching_index.tolist() == [0, 0, -1, 0, 0, 0]
    assert found.snapped_lat[1] == pytest.approx(60.1003)
    assert np.isnan(found.snapped_lon[2])
    assert found.matchings[0].lon[-1] == pytest.approx(24.91)


def test_a_place_that_is_no_vertex_goes_to_the_nearest_to_come() -> None:
    found = match_answer(answer(LINE[0], (60.10031, 24.90001), LINE[4]), 3)
    assert found.vertex.tolist() == [0, 2, 4]


def test_nothing_found() -> None:
    for found in (match_answer({"code": "NoMatch"}, 3), no_match(3)):
        assert found.matchings == ()
        assert found.vertex.tolist() == found.matching_index.tolist() == [-1] * 3
        assert np.isnan(found.snapped_lon).all()
    assert route({"code": "NoRoute"}) is None
