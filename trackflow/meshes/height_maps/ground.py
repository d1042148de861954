"""How large pixels are on the ground, from an image's coordinate system and the edges it claims."""

import math
from dataclasses import dataclass

import numpy as np
import pyproj
from pyproj.exceptions import ProjError

from trackflow.errors import BadInputError
from trackflow.meshes.height_maps.raster import Ground
from trackflow.meshes.heights import Georeference, HeightArray

_WGS84 = pyproj.Geod(ellps="WGS84")
_STRETCH = 0.01
"""Map units that differ more than this from metres on the ground are replaced by these."""

_NO_NAMES = ("unknown", "unnamed", "undefined", "")

_WORLD_PIXEL_M = 2 * math.pi * _WGS84.a / 256
"""A pixel of the one tile that shows the world, at the equator; each zoom level halves it."""

_STEEP = math.tan(math.radians(35))
"""The slope at which loose ground comes to rest: in mountains few slopes are steeper."""

_STEEP_SHARE = 90.0

_MAX_DEGREE_PIXEL = 1.0
"""Numbers that may be degrees are read as degrees up to this pixel size."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The outer edges of all pixels in the units of a coordinate system, and the pixels' count."""

    west: float
    south: float
    east: float
    north: float
    columns: int
    rows: int

    @property
    def middle(self) -> tuple[float, float]:
        """The place (x, y) of the middle."""
        return (self.west + self.east) / 2, (self.south + self.north) / 2

    @property
    def pixel(self) -> tuple[float, float]:
        """Width and height of a pixel."""
        return (self.east - self.west) / self.columns, (self.north - self.south) / self.rows


def tile_pixel_m(heights_m: HeightArray) -> float:
    """The pixel size of a map tile that does not say its zoom level, in metres.

    Heights alone tell it roughly: nine tenths of all slopes should be no steeper than loose ground
    can lie. The size is that of the nearest zoom level, so that neighbouring tiles get the same.
    Flat tiles get a metre, as no size is more likely than another.

    Args:
        heights_m: shape (rows, columns), finite.
    """
    along, across = np.gradient(heights_m)
    step_m = float(np.percentile(np.hypot(along, across), _STEEP_SHARE))
    if step_m <= 0:
        return 1.0
    zoom = round(math.log2(_WORLD_PIXEL_M * _STEEP / step_m))
    return float(_WORLD_PIXEL_M / 2 ** min(max(zoom, 0), 22))


def ground_of(edges: Edges, crs_text: str | None, name: str) -> tuple[Ground, list[str]]:
    """The ground under an image, and notes on what was assumed.

    Args:
        edges: as the image claims.
        crs_text: its coordinate system, as WKT or a code; None where it names none.
        name: of the image, for messages.

    Raises:
        BadInputError: the edges make no sense in that system.
    """
    if crs_text is None:
        return _without_crs(edges, name)
    try:
        crs = pyproj.CRS.from_user_input(crs_text)
    except ProjError:
        ground, _ = _by_units(edges, 1.0)
        return ground, ["its coordinate system is unknown: pixel sizes are read as metres"]
    if crs.is_geographic:
        factor = crs.axis_info[0].unit_conversion_factor  # radians per unit
        degrees = math.degrees(factor) if factor else 1.0
        return _geographic(edges, _name_of(crs), degrees, name)
    if crs.is_projected:
        return _projected(edges, crs)
    return _by_units(edges, _metres_per_unit(crs))


def _name_of(crs: pyproj.CRS) -> str:
    authority = crs.to_authority()
    if authority:
        return ":".join(authority)
    return str(crs.name) if crs.name not in _NO_NAMES else str(crs.to_wkt())


def _metres_per_unit(crs: pyproj.CRS) -> float:
    return float(crs.axis_info[0].unit_conversion_factor) if crs.axis_info else 1.0


def _without_crs(edges: Edges, name: str) -> tuple[Ground, list[str]]:
    are_degrees = (
        edges.west >= -180.5
        and edges.east <= 360.5
        and edges.south >= -90.5
        and edges.north <= 90.5
        and max(edges.pixel) <= _MAX_DEGREE_PIXEL / 2
    )
    if are_degrees:
        ground, notes = _geographic(edges, "EPSG:4326", 1.0, name)
        return ground, ["no coordinate system is named: its numbers are read as degrees", *notes]
    ground, _ = _by_units(edges, 1.0)
    return ground, ["no coordinate system is named: its numbers are read as metres"]


def _by_units(edges: Edges, metres_per_unit: float) -> tuple[Ground, list[str]]:
    width, height = edges.pixel
    note = "its coordinate system does not say where on the earth it lies"
    return Ground(width * metres_per_unit, height * metres_per_unit), [note]


def metres_per_degree(lat: float) -> tuple[float, float]:
    """Metres per degree of longitude and of latitude on the WGS 84 ellipsoid."""
    phi = math.radians(lat)
    squared_eccentricity = _WGS84.es
    w = 1 - squared_eccentricity * math.sin(phi) ** 2
    east_m = _WGS84.a * math.cos(phi) / math.sqrt(w)
    north_m = _WGS84.a * (1 - squared_eccentricity) / w**1.5
    return math.radians(east_m), math.radians(north_m)


def _geographic(
    edges: Edges, crs: str, degrees_per_unit: float, name: str
) -> tuple[Ground, list[str]]:
    """Degrees become metres at the middle latitude, one scale for the whole image."""
    notes = []
    west, south, east, north = (
        edge * degrees_per_unit for edge in (edges.west, edges.south, edges.east, edges.north)
    )
    if (west + east) / 2 >= 180:
        west, east = west - 360, east - 360
        notes.append("longitudes from 0 to 360 degrees are read as -180 to 180")
    lat = (south + north) / 2
    if max(abs(south), abs(north)) > 90.5 or east - west > 361 or abs(lat) > 89.5:
        raise BadInputError(
            f"{name} claims degrees, but its edges lie beyond the earth or at a pole: give its "
            "true coordinate system (gdal_edit -a_srs)"
        )
    east_m, north_m = metres_per_degree(lat)
    ground = Ground(
        (east - west) / edges.columns * east_m,
        (north - south) / edges.rows * north_m,
        Georeference(crs, west, south, east, north, _wrapped((west + east) / 2), lat),
    )
    polar_m = metres_per_degree(min(max(abs(south), abs(north)), 90.0))[0]
    error = abs(1 - polar_m / east_m)
    if error >= 0.0005:
        notes.append(
            f"degrees become metres at latitude {lat:.3f}: at the edge nearer to the pole, "
            f"widths are off by {error:.1%}"
        )
    return ground, notes


def _wrapped(lon: float) -> float:
    return (lon + 180) % 360 - 180


def _projected(edges: Edges, crs: pyproj.CRS) -> tuple[Ground, list[str]]:
    metres_per_unit = _metres_per_unit(crs)
    width, height = edges.pixel
    width_m, height_m = width * metres_per_unit, height * metres_per_unit
    notes = []
    if not math.isclose(metres_per_unit, 1.0, rel_tol=1e-9):
        notes.append(
            f"pixel sizes are given in {crs.axis_info[0].unit_name}; heights are read as metres"
        )
    x, y = edges.middle
    try:
        to_degrees = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        lon, lat = to_degrees.transform(x, y, errcheck=True)
        lons, lats = to_degrees.transform(
            [x - width / 2, x + width / 2, x, x], [y, y, y - height / 2, y + height / 2]
        )
        _, _, (true_width_m, true_height_m) = _WGS84.inv(
            [lons[0], lons[2]], [lats[0], lats[2]], [lons[1], lons[3]], [lats[1], lats[3]]
        )
    except ProjError:
        return Ground(width_m, height_m), [*notes, "its place on the earth cannot be computed"]
    stretch = max(abs(width_m / true_width_m - 1), abs(height_m / true_height_m - 1))
    if stretch > _STRETCH:
        width_m, height_m = float(true_width_m), float(true_height_m)
        notes.append(
            f"its projection stretches lengths by {stretch:.0%}: pixels have the size that they "
            "have on the ground in the middle of the image"
        )
    place = Georeference(
        _name_of(crs), edges.west, edges.south, edges.east, edges.north, float(lon), float(lat)
    )
    return Ground(width_m, height_m, place), notes
