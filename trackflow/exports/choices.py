"""Subjects and formats of exports; a module of its own, so that `trackflow --help` loads little."""

from enum import StrEnum


class ExportSubject(StrEnum):
    """A subject of exports."""

    TRACKS = "tracks"
    POINTS = "points"
    VISITS = "visits"
    LEGS = "legs"
    STAYS = "stays"


class ExportFormat(StrEnum):
    """File formats."""

    GEOJSON = "geojson"
    GPX = "gpx"
    CSV = "csv"
    GEOPARQUET = "geoparquet"


class CatalogueFormat(StrEnum):
    """File formats of race tracks."""

    CSV = "csv"
    GEOJSON = "geojson"
