"""OSRM's answers as values. The embedded engine and the server give the same structure.

Only `[key]`, `in`, `len` and iteration are used: the embedded engine's objects are no dicts.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polyline_rs

from trackflow.geo.points import Floats
from trackflow.matching.engine import MatchAnswer, Matching, Route

GEOMETRY = "polyline6"
"""The form in which lines are asked for: decoding it is ten times as fast as reading GeoJSON."""

_ROW = 1_000_000_000
"""More than there are millionths of a degree round the Earth: makes one number of a position."""


def match_answer(answer: Any, points: int) -> MatchAnswer:
    """The answer of the match service to a request of `points` points.

    Raises:
        KeyError, TypeError, ValueError: it does not have OSRM's structure.
    """
    if "matchings" not in answer:
        return no_match(points)
    matchings = tuple(_matching(found) for found in answer["matchings"])
    # Each look into the engine's own objects takes as long as ten operations on numbers.
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
        result.vertex[on] = _vertices(matchings, which, _keys(snapped[:, 0], snapped[:, 1]))
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
    pairs = np.array(polyline_rs.decode_latlon(found["geometry"], 6), dtype=np.float64)
    pairs = pairs.reshape(-1, 2)
    return Route(pairs[:, 1], pairs[:, 0], float(found["distance"]), float(found["duration"]))


def _matching(found: Any) -> Matching:
    pairs = np.array(polyline_rs.decode_latlon(found["geometry"], 6), dtype=np.float64)
    pairs = pairs.reshape(-1, 2)
    return Matching(
        pairs[:, 1],
        pairs[:, 0],
        float(found["confidence"]),
        float(found["distance"]),
        float(found["duration"]),
    )


def _keys(lon: Floats, lat: Floats) -> list[int]:
    """Positions as numbers that are equal where the engine's grid of 1e-6 degrees is."""
    grid = np.rint(np.stack([lat, lon]) * 1e6).astype(np.int64)
    keys: list[int] = (grid[0] * _ROW + grid[1]).tolist()
    return keys


def _vertices(
    matchings: Sequence[Matching], which: Sequence[int], places: Sequence[int]
) -> list[int]:
    """The vertex at each place, each at or after the one before on its line.

    The engine begins and ends each leg of its line at a snapped point, on the same grid, so it is
    there. Should a server round otherwise, the nearest vertex to come is a fair answer.
    """
    lines = [_keys(matching.lon, matching.lat) for matching in matchings]
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
