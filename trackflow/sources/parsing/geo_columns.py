"""A GeoParquet file's metadata on its column of positions."""

from collections.abc import Mapping

import orjson

from trackflow.errors import BadInputError

_WGS84 = {("OGC", "CRS84"), ("EPSG", 4326), ("EPSG", "4326")}
_OF_DEGREES = ("GeographicCRS", "GeodeticCRS")


def geo_column(metadata: Mapping[bytes, bytes] | None, name: str) -> str | None:
    """The column of positions; None in a plain table.

    Args:
        metadata: of the file's schema.
        name: of the file.

    Raises:
        BadInputError: its positions are not longitude and latitude, or no points.
    """
    try:
        geo = orjson.loads((metadata or {}).get(b"geo", b"null"))
    except orjson.JSONDecodeError:
        return None
    column = geo.get("primary_column") if isinstance(geo, dict) else None
    listed = geo.get("columns") if isinstance(geo, dict) else None
    known = listed.get(column) if isinstance(listed, dict) and isinstance(column, str) else None
    if not isinstance(known, dict):
        return None
    crs = known.get("crs")  # none at all is longitude and latitude too
    identifier = crs.get("id") if isinstance(crs, dict) else None
    other = ""
    if isinstance(identifier, dict):
        code = (identifier.get("authority"), identifier.get("code"))
        other = "" if code in _WGS84 else ":".join(map(str, code))
    elif isinstance(crs, dict) and str(crs.get("type")) not in _OF_DEGREES:
        other = repr(str(crs.get("name"))[:60])
    if other:
        raise BadInputError(
            f"{name}: its positions are not longitude and latitude ({other}); write it in EPSG:4326"
        )
    types = known.get("geometry_types") or []
    if any(not str(kind).startswith("Point") for kind in types):
        raise BadInputError(f"{name}: its geometries are not points, which alone can have a time")
    return str(column)
