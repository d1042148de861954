"""Reads Parquet: GeoParquet, and plain tables with columns of latitude, longitude and time.

The columns become a table of text, batch by batch, and go the way of CSV: so there is one
vocabulary of names, units and times for both.
"""

import io
from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from trackflow.errors import BadInputError
from trackflow.sources import columns
from trackflow.sources.csv_files import read_csv
from trackflow.sources.records import Chunk, PointBatch, Reason, Refusal, clean_raw
from trackflow.sources.spooling import seekable
from trackflow.sources.streams import Stream, check_size

BATCH_ROWS = 50_000
_WGS84 = {("OGC", "CRS84"), ("EPSG", 4326), ("EPSG", "4326")}
_NESTED = (pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary)

_AS_THEY_ARE = (
    pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string,
    pa.types.is_large_string, pa.types.is_date,
)  # fmt: skip
_POSITION = {columns.Role.LAT, columns.Role.LON}
_ROW_BYTES = 24
"""Of a time and a position. A column of equal values packs to nothing, a track does not."""

_MALFORMED = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError)

type _Table = Any
"""Of pyarrow, which has no types that mypy knows."""


def read_parquet(
    stream: Stream, *, device_id: str | None, fallback_device: str, now_us: int
) -> Iterator[Chunk]:
    """The points of a Parquet file, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of all rows, whatever they say.
        fallback_device: the device of all rows if the file has no column for it.
        now_us: UTC microseconds; later times than this and a day are refused.

    Raises:
        BadInputError: it is damaged at its end, where Parquet has its contents, or its columns
            lack a position or a time, or its positions are not longitude and latitude.
    """
    with seekable(stream) as file:
        try:
            table = pq.ParquetFile(file)
            point = _point_column(table, stream.name)
            names = _wanted(table.schema_arrow, point, stream.name)
        except _MALFORMED as error:
            problem = stream.damage or str(error).partition("\n")[0]
            raise BadInputError(f"{stream.name}: cannot be read as Parquet: {problem}") from None
        size_bytes = file.seek(0, io.SEEK_END)
        check_size(table.metadata.num_rows * _ROW_BYTES, size_bytes, stream.name)
        broken: list[Refusal] = []
        pieces = _as_csv(table, names, point, stream.name, broken)
        text = Stream(stream.name, pieces, stream.position, lambda: None)
        yield from read_csv(
            text, device_id=device_id, fallback_device=fallback_device, now_us=now_us
        )
        if broken:
            yield Chunk(PointBatch.empty(), broken, stream.position())


def _as_csv(
    table: _Table, names: list[str], point: str | None, name: str, broken: list[Refusal]
) -> Iterator[bytes]:
    """The columns as CSV, a piece for each batch.

    Args:
        table: the file.
        names: the columns to read.
        point: the one of positions.
        name: the file.
        broken: takes a refusal for each group of rows that cannot be read to its end.
    """
    yield _csv_of(_plain(table.schema_arrow.empty_table().select(names), point), header=True)
    for group in range(table.num_row_groups):
        try:
            for batch in table.iter_batches(BATCH_ROWS, row_groups=[group], columns=names):
                yield _csv_of(_plain(batch, point), header=False)
        except _MALFORMED as error:
            words = f"rows cannot be read: {str(error).partition(chr(10))[0]}"
            where = f"{name}: row group {group + 1}"
            broken.append(Refusal(Reason.UNREADABLE, clean_raw(words), where))


def _csv_of(table: _Table, *, header: bool) -> bytes:
    out = io.BytesIO()
    options = pa_csv.WriteOptions(include_header=header, quoting_style="needed")
    pa_csv.write_csv(table, out, options)
    return out.getvalue()


def _wanted(schema: _Table, point: str | None, name: str) -> list[str]:
    """The columns that the vocabulary knows, and the one of positions.

    Raises:
        BadInputError: there is no position or no time among them.
    """
    plain = [f.name for f in schema if not any(is_kind(f.type) for is_kind in _NESTED)]
    positions = [] if point is None else ["longitude", "latitude"]
    columns.require(columns.find([*positions, *plain]), [*positions, *schema.names], name)
    known = [name for name in plain if columns.find([name])]
    return known if point is None else [*known, point]


def _plain(batch: _Table, point: str | None) -> _Table:
    """A batch as text and numbers, with longitude and latitude out of its column of positions."""
    arrays, names = [], []
    for name in batch.schema.names:
        array = batch.column(name)
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        if name == point:
            arrays += _coordinates(array)
            names += ["longitude", "latitude"]
        elif point is None or not _POSITION & columns.find([name]).keys():
            arrays.append(_writable(array))
            names.append(name)
    return pa.Table.from_arrays(arrays, names)


def _writable(array: _Table) -> _Table:
    """A column in a type that can be written as text; a time keeps its zone if it has one."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _writable(array.dictionary_decode())
    if pa.types.is_timestamp(kind):
        return pc.cast(array, pa.timestamp("us", tz="UTC" if kind.tz else None), safe=False)
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return pc.cast(array, pa.float64())
    if any(is_kind(kind) for is_kind in _AS_THEY_ARE):
        return array
    return pc.cast(array, pa.string())


def _point_column(table: _Table, name: str) -> str | None:
    """The column of positions of a GeoParquet file; None in a plain table.

    Raises:
        BadInputError: its positions are not longitude and latitude, or no points.
    """
    said = (table.schema_arrow.metadata or {}).get(b"geo")
    geo = orjson.loads(said) if said else {}
    column = geo.get("primary_column") if isinstance(geo, dict) else None
    known = geo["columns"].get(column) if column and isinstance(geo.get("columns"), dict) else None
    if not isinstance(known, dict):
        return None
    crs = known.get("crs", "default")
    if crs not in ("default", None):
        identifier = crs.get("id") if isinstance(crs, dict) else None
        code = (identifier.get("authority"), identifier.get("code")) if identifier else crs
        if code not in _WGS84:
            raise BadInputError(
                f"{name}: its positions are not longitude and latitude ({code}); "
                "write it in EPSG:4326"
            )
    encoding = str(known.get("encoding", "WKB")).lower()
    types = known.get("geometry_types") or []
    if encoding not in ("wkb", "point") or any(not str(t).startswith("Point") for t in types):
        raise BadInputError(f"{name}: its geometries are not points, which alone can have a time")
    return str(column)


def _coordinates(array: _Table) -> list[_Table]:
    """Longitudes and latitudes of well-known binary, or of structs with x and y."""
    if pa.types.is_struct(array.type):
        return [pc.struct_field(array, axis) for axis in ("x", "y")]
    import shapely  # half a second that other formats do not wait for

    shapes = shapely.from_wkb(array.to_numpy(zero_copy_only=False), on_invalid="ignore")
    return [
        pa.array(shapely.get_x(shapes), from_pandas=True),
        pa.array(shapely.get_y(shapes), from_pandas=True),
    ]
