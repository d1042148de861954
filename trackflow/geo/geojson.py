"""GeoJSON (RFC 7946): geometries, features and collections as values.

Positions are longitude and latitude in degrees. Those of lines stay arrays, which JSON writers take
as lists: their conversion would take longer than the rest of an answer.
"""

from typing import Any, Literal, TypedDict

from trackflow.geo.antimeridian import positions_cut
from trackflow.geo.points import Floats


class Point(TypedDict):
    """GeoJSON of a position: longitude and latitude in degrees."""

    type: Literal["Point"]
    coordinates: list[float]


class LineString(TypedDict):
    """GeoJSON of a line: longitude and latitude of each vertex, in degrees."""

    type: Literal["LineString"]
    coordinates: list[list[float]]


class MultiLineString(TypedDict):
    """GeoJSON of a line that crosses the antimeridian: its parts, cut at 180 degrees."""

    type: Literal["MultiLineString"]
    coordinates: list[list[list[float]]]


class Feature[Geometry, Properties](TypedDict):
    """GeoJSON of a thing with a place."""

    type: Literal["Feature"]
    geometry: Geometry
    properties: Properties


class FeatureCollection[Member](TypedDict):
    """GeoJSON of many things with places."""

    type: Literal["FeatureCollection"]
    features: list[Member]


def line_parts(positions: Floats) -> list[Floats]:
    """The parts of a line, each of two positions at least, as GeoJSON asks for; shapes (n, 2)."""
    return [part.repeat(2, axis=0) if len(part) == 1 else part for part in positions_cut(positions)]


def geojson_line(positions: Floats) -> LineString | MultiLineString:
    """A LineString, or a MultiLineString if the line crosses the antimeridian."""
    parts: Any = line_parts(positions)
    if len(parts) == 1:
        return {"type": "LineString", "coordinates": parts[0]}
    return {"type": "MultiLineString", "coordinates": parts}


def geojson_point(lon: float | None, lat: float | None) -> Point | None:
    """A Point; None where the position is not known."""
    if lon is None or lat is None:
        return None
    return {"type": "Point", "coordinates": [lon, lat]}


def feature[Geometry, Properties](
    geometry: Geometry, properties: Properties
) -> Feature[Geometry, Properties]:
    """A Feature."""
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def feature_collection[Member](features: list[Member]) -> FeatureCollection[Member]:
    """A FeatureCollection."""
    return {"type": "FeatureCollection", "features": features}
