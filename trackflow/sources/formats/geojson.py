"""Reads GeoJSON and its relatives: points with a time, lines with a time for each position.

Understood are collections, single features, a feature per line, and lists of records with a
position and a time, as many services export them: their members are named as the columns of a table
are, also inside one another (`coords.latitude`).
"""

import json
import re
from collections.abc import Iterator

from trackflow.errors import BadInputError
from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.bare_lists import bare_list
from trackflow.sources.parsing.csv_layout import SAMPLE_ROWS
from trackflow.sources.parsing.geojson_chunks import RowReader
from trackflow.sources.parsing.geojson_features import BUFFERED_MAX, FeatureCollector
from trackflow.sources.parsing.json_values import JsonElements
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.values import columns
from trackflow.sources.values.columns import NoPositionsError, Role
from trackflow.sources.values.trips import trip_ends

CHUNK_POINTS = 50_000

_WGS84 = re.compile(r"CRS:*84|EPSG:+(?:[\d.]*:)?4326|WGS ?84", re.IGNORECASE)


def read_geojson(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a GeoJSON file, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of all points, also where they name another.
        fallback_device: the device of features that name none.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has; a long line is never split.

    Raises:
        BadInputError: there is no feature in it, or its positions are not longitude and latitude.
    """
    elements = JsonElements(stream)
    collector = FeatureCollector(stream, device_id, options)
    reader = RowReader(stream, (device_id, fallback_device), now_us, options)
    # How times are written is decided from the first rows, for chunks of any size.
    enough = max(chunk_points, SAMPLE_ROWS)
    number = 0
    for number, element in enumerate(elements, start=1):
        is_buffered = collector.add(element, number, elements.top)
        if (not is_buffered or number % BUFFERED_MAX == 0) and len(collector) >= enough:
            _check_crs(elements.top, stream.name)
            yield from reader.chunks(collector, enough)
    collector.flush()
    _check_crs(elements.top, stream.name)
    if stream.damage and not any(r.reason is RefusalReason.TRUNCATED for r in collector.refused):
        collector.refuse(RefusalReason.TRUNCATED, stream.damage, number)
    if not collector.any_feature and not (elements.any_list and number == 0):
        raise NoPositionsError(
            f"{stream.name}: has no feature with a position; "
            "understood are GeoJSON features and lists of records with lat, lon and time"
        )
    yield from reader.chunks(collector, enough, is_last=True)


def _check_crs(top: dict[str, object], name: str) -> None:
    crs, of_arcgis = top.get("crs"), top.get("spatialReference")
    properties = crs.get("properties") if isinstance(crs, dict) else None
    crs_name = properties.get("name") if isinstance(properties, dict) else None
    if isinstance(of_arcgis, dict) and "wkid" in of_arcgis:
        crs_name = f"EPSG:{of_arcgis.get('latestWkid', of_arcgis['wkid'])}"
    if isinstance(crs_name, str) and not _WGS84.search(crs_name):
        raise BadInputError(
            f"{name}: its positions are in {crs_name[:60]!r}; convert it to longitude and latitude "
            "(EPSG:4326)"
        )


_GEOMETRY = re.compile(
    r'"type"\s*:\s*"(?:Feature|FeatureCollection|Point|MultiPoint|LineString|MultiLineString'
    r'|GeometryCollection)"'
)

_TRACE = re.compile(
    r'"icao"\s*:.*"trace"\s*:\s*\[|"time"\s*:\s*\d+\s*,\s*"states"\s*:\s*\[\s*\[', re.DOTALL
)
"""Of an aircraft, as readsb keeps it, or of many, as OpenSky does."""

_LISTED = re.compile(r'(?:[\[,]|"(?:name|key)"\s*:)\s*"((?:[^"\\]){1,60})"\s*(?=[,}\]])')
"""Text in lists and names, which may be those of the columns of a table."""

_MEMBER = re.compile(r'"((?:[^"\\]){1,60})"\s*:')


def _recognise(head: Head) -> int | None:
    """By its members; JSON that is none of the other formats may still name positions."""
    if head.text[0] not in "{[":
        return None
    marked = _GEOMETRY.search(head.text) or _TRACE.search(head.text)
    is_own = marked or _names_positions(head.text) or _is_bare(head.text)
    may_be = head.ending == ".geojson" or not head.is_whole
    return Surety.FALLBACK if is_own or may_be else None


def _names_positions(text: str) -> bool:
    """Whether the beginning names positions as the reader of records understands them.

    By members, or by names of columns in a list.
    """
    names = list(dict.fromkeys(_MEMBER.findall(text)))[:500]
    found = columns.find(names)
    surely = any(len(names[found[role]]) > 1 for role in (Role.LAT, Role.LON) if role in found)
    texts = _LISTED.findall(text)[:500]
    listed = columns.find(texts)
    are_trips = any(trip_ends(tuple(each)) for each in (names, texts))
    return (
        surely
        or are_trips
        or any(columns.has_position(f) and Role.TIME in f for f in (found, listed))
    )


_FIRST_LIST = re.compile(r"\[\s*(\[[^\[\]{}]{5,300}\])")


def _is_bare(text: str) -> bool:
    """Whether the first list in a list is a place and a time without names."""
    found = _FIRST_LIST.search(text[:_FIRST_CHARS])
    try:
        values = json.loads(found[1]) if found else []
    except ValueError:
        return False
    return bare_list(values) is not None


_FIRST_CHARS = 2_000

GROUP_START = re.compile(rb"\[\s*\{")
"""How a list of records begins: one inside another may be of one of several devices."""

FORMAT = FileFormat(
    name="geojson",
    label="GeoJSON",
    recognise=_recognise,
    read=read_geojson,
    track_start=re.compile(rb'"(?:Multi)?LineString"'),
    track_marks=(b'LineString"',),
    group_start=GROUP_START,
)
