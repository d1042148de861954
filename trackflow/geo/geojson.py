"""Lines as GeoJSON: whole, or in parts where they cross the antimeridian."""

from typing import Any

from trackflow.geo.antimeridian import positions_cut
from trackflow.geo.points import Floats


def line_parts(positions: Floats) -> list[Floats]:
    """The parts of a line, each of two positions at least, as GeoJSON asks for; shapes (n, 2)."""
    return [part.repeat(2, axis=0) if len(part) == 1 else part for part in positions_cut(positions)]


def geojson_line(positions: Floats) -> dict[str, Any]:
    """A LineString, or a MultiLineString if the line crosses the antimeridian."""
    parts = line_parts(positions)
    if len(parts) == 1:
        return {"type": "LineString", "coordinates": parts[0]}
    return {"type": "MultiLineString", "coordinates": parts}
