"""OSRM's answers as values. The embedded engine and the server give the same structure.

Only `[key]`, `in`, `len` and iteration are used: the embedded engine's objects are no dicts.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from trackflow.geo import polylines
from trackflow.geo.points import Floats, Ints
from trackflow.matching.engines.protocol import MatchAnswer, Matching, Route

GEOMETRY = "polyline6"
"""The form in which lines are asked for: decoding it is ten times as fast as reading GeoJSON."""

_PER_DEGREE = 1_000_000
"""Steps of the engine's grid, and of this form, in a degree."""

_ROW = 1_000_000_000
"""More than there are millionths of a degree round the Earth: makes one number of a position."""


def match_answer(answer: Any, points: int) -> MatchAnswer:
    """The answer of the match service to a request of `points` points.

    Raises:
        KeyError, TypeError, ValueError: it does not have OSRM's structure.
    """
    if "matchings" not in answer:
        return no_match(points)
    # Each look into the engine's own objects takes as long as ten operations on numbers.
    found = list(answer["matchings"])
    lines = [polylines.grid(matching["geometry"]) for matching in found]
    matchings = tuple(map(_matching, found, lines))
    single = len(matchings) == 1
    on, which, places, snapped_m = [], [], [], []
    for k, point in enumerate(answer["tracepoints"]):
        if point is not None:
            lon, lat = point["location"]
            on.append(k)
            places.append((lon, lat))
            snapped_m.append(point["distance"])
            which.append(0 if single else int(point["matchings_index"]))
    result = no_match(points)
    if on:
        snapped = np.array(places, dtype=np.float64)
        result.matching_index[on] = which
        result.snapped_lon[on], result.snapped_lat[on] = snapped[:, 0], snapped[:, 1]
        result.snapped_m[on] = snapped_m
        keys = _keys(np.rint(snapped[:, ::-1] * _PER_DEGREE).astype(np.int64))
        result.vertex[on] = _vertices([_keys(line) for line in lines], which, keys)
    return replace(result, matchings=matchings)


def no_match(points: int) -> MatchAnswer:
    """The answer when nothing fits."""
    nothing = np.full((3, points), np.nan)
    nowhere = np.full((2, points), -1, dtype=np.int64)
    return MatchAnswer((), nowhere[0], nothing[0], nothing[1], nothing[2], nowhere[1])


def route(answer: Any) -> Route | None:
    """The first route of an answer of the route service, None if there is none.

    Raises:
        KeyError, TypeError, ValueError: it does not have OSRM's structure.
    """
    if "routes" not in answer or not len(answer["routes"]):
        return None
    found = answer["routes"][0]
    pairs = polylines.grid(found["geometry"]) / _PER_DEGREE
    return Route(pairs[:, 1], pairs[:, 0], float(found["distance"]), float(found["duration"]))


def _matching(found: Any, line: Ints) -> Matching:
    pairs: Floats = line / _PER_DEGREE
    return Matching(
        pairs[:, 1].copy(),
        pairs[:, 0].copy(),
        float(found["confidence"]),
        float(found["distance"]),
        float(found["duration"]),
    )


def _keys(places: Ints) -> list[int]:
    """Numbers that are equal for equal places: latitude and longitude on the grid, shape (n, 2)."""
    keys: list[int] = (places[:, 0] * _ROW + places[:, 1]).tolist()
    return keys


def _vertices(
    lines: Sequence[Sequence[int]], which: Sequence[int], places: Sequence[int]
) -> list[int]:
    """The vertex at each place, each at or after the one before on its line.

    The engine begins and ends each leg of its line at a snapped point, on the same grid, so it is
    there. Should a server round otherwise, the nearest vertex to come is a fair answer.
    """
    reached = [0] * len(lines)
    found = []
    for line, place in zip(which, places, strict=True):
        keys, start = lines[line], reached[line]
        try:
            vertex = keys.index(place, start)
        except ValueError:
            vertex = start + _nearest(keys[start:], place)
        reached[line] = vertex
        found.append(vertex)
    return found


def _nearest(keys: Sequence[int], place: int) -> int:
    lat, lon = np.divmod(np.array(keys) + _ROW // 2, _ROW)
    own_lat, own_lon = divmod(place + _ROW // 2, _ROW)
    return int(np.argmin(np.abs(lat - own_lat) + np.abs(lon - own_lon)))
