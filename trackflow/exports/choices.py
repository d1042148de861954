"""What can be exported, and how; apart, so that `trackflow --help` loads no more than that."""

from enum import StrEnum


class ExportSubject(StrEnum):
    """What can be exported."""

    TRACKS = "tracks"
    POINTS = "points"
    VISITS = "visits"


class ExportFormat(StrEnum):
    """File formats."""

    GEOJSON = "geojson"
    GPX = "gpx"
    CSV = "csv"
    GEOPARQUET = "geoparquet"
