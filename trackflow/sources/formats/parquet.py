"""Reads Parquet and GeoParquet: a row for each position, its columns named as those of a table.

The position is two columns of numbers, or points as well-known binary, which GeoParquet uses. A
table that is written as text tables are (text, objects, columns that decide about others) is read
as they are.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from trackflow.errors import BadInputError
from trackflow.geo.points import Bools, Floats
from trackflow.sources.admission import Candidates, Devices, admit
from trackflow.sources.containers.spooling import seekable
from trackflow.sources.containers.streams import Stream, check_size
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.formats.csv import read_csv
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.csv_columns import are_devices
from trackflow.sources.parsing.geo_columns import geo_column
from trackflow.sources.parsing.unrolled import unrolled
from trackflow.sources.records import Chunk, PointBatch, Refusal, RefusalReason, clean_raw
from trackflow.sources.values import columns
from trackflow.sources.values.cells import Numbers, numbers
from trackflow.sources.values.columns import Role
from trackflow.sources.values.elapsed import elapsed_among
from trackflow.sources.values.meanings import QUANTITIES
from trackflow.sources.values.positions import point_in
from trackflow.sources.values.times import TimeRules, Times, times
from trackflow.sources.values.trips import trip_ends
from trackflow.sources.values.units import best_accuracy_m
from trackflow.sources.values.vocabulary import COUNTS, core_data_name
from trackflow.sources.values.zones import zone_of

CHUNK_POINTS = 50_000
_ROW_BYTES = 24
"""Of a time and a position. A column of equal values packs to nothing, a track does not."""

_MALFORMED = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError)
ROW_GROUP_MAX_BYTES = 2**30
"""A row group is unpacked at once; ours and those of others have some tens of megabytes."""


def read_parquet(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a Parquet file, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of all rows, also where they name another.
        fallback_device: the device of rows that name none.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: how many points a chunk has.

    Raises:
        BadInputError: it is no whole Parquet file, or has no column of a position or a time.
    """
    from pyarrow.parquet import ParquetFile  # takes time that other formats do not wait for

    devices = device_id, fallback_device
    with seekable(stream) as file:  # the end of a Parquet is read first
        size_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)
        try:
            parquet = ParquetFile(file)
            _check_groups(parquet, stream.name)
            as_text = _is_written_as_text(parquet.schema_arrow, stream.name)
            reader = None if as_text else _Reader(stream, parquet, devices, now_us, options)
        except _MALFORMED as error:
            raise BadInputError(_words(stream, error)) from None
        check_size(parquet.metadata.num_rows * _ROW_BYTES, size_bytes, stream.name)
        if reader is None:
            text = Stream(stream.name, _as_csv(parquet, stream), stream.position, lambda: None)
            yield from read_csv(
                text,
                device_id=device_id,
                fallback_device=fallback_device,
                now_us=now_us,
                options=options,
            )
            return
        for group in range(parquet.num_row_groups):
            yield from reader.chunks(parquet, group, chunk_points)


def _words(stream: Stream, error: Exception) -> str:
    words = stream.damage or str(error).partition("\n")[0][:200]
    return f"{stream.name}: cannot be read as Parquet: {words}"


def _check_groups(parquet: Any, name: str) -> None:
    groups = range(parquet.metadata.num_row_groups)
    sizes = [parquet.metadata.row_group(group).total_byte_size for group in groups]
    if max(sizes, default=0) > ROW_GROUP_MAX_BYTES:
        raise BadInputError(f"{name}: has a row group of more than 1 GiB; rewrite it")


_OF_TEXT = {
    Role.ZONE, Role.VALID, Role.NORTH_SOUTH, Role.EAST_WEST, Role.SPEED_UNIT, Role.LON_LAT
}  # fmt: skip
"""Columns that decide about others, which only the reader of text tables reads."""


def _is_written_as_text(schema: Any, name: str) -> bool:
    """Whether a table has its positions or times in the way of text tables."""
    flat = _flattened(schema)
    found = _found(flat)
    if trip_ends(tuple(flat.names)):
        return True
    if geo_column(schema.metadata, name) in schema.names or not columns.has_position(found):
        return False
    types = {role: flat.field(index).type for role, index in found.items()}
    places = (types.get(role) for role in (Role.LAT, Role.LON, Role.POSITION))
    are_odd = any(place is not None and _is_text_or_whole(place) for place in places)
    in_objects = any(
        name not in schema.names or schema.field(name).type != flat.field(name).type
        for name in (flat.names[index] for index in found.values())
    )
    both = {Role.DATE, Role.CLOCK} <= found.keys()
    in_two = both and found[Role.DATE] != found[Role.CLOCK]
    is_counted = not _beside_time(flat.names, found) <= set(found.values())
    of_core_data = Role.TIME in found and bool(core_data_name(flat.names[found[Role.TIME]]))
    is_decided = is_counted or of_core_data or not _OF_TEXT.isdisjoint(found)
    return are_odd or in_objects or in_two or is_decided


def _found(schema: Any) -> dict[Role, int]:
    """The column of each role; the time may be what pandas had for the names of rows."""
    found = columns.find(schema.names)
    index = schema.get_field_index(_ROWS_OF_PANDAS)
    if found.keys().isdisjoint((Role.TIME, Role.DATE)) and index >= 0:
        is_moment = pa.types.is_timestamp(schema.field(index).type)
        found |= {Role.TIME: index} if is_moment else {}
    return found


_ROWS_OF_PANDAS = "__index_level_0__"


def _beside_time(names: Sequence[str], found: Mapping[Role, int]) -> set[int]:
    """The columns that count from 1970 or from a start, beside one of times."""
    counted = elapsed_among(tuple(names))
    counts = {i for i, name in enumerate(names) if columns.plain(name) in COUNTS}
    counts |= {names.index(counted.name)} if counted is not None else set()
    return counts if Role.TIME in found or Role.DATE in found else set()


def _is_text_or_whole(kind: Any) -> bool:
    """Whether a column is of text, or of whole numbers, which are no degrees but parts of them."""
    return _is_text(kind) or pa.types.is_integer(kind)


def _is_text(kind: Any) -> bool:
    """Whether a column is of text in any of the ways in which programs keep it."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    of_text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_one(kind) for is_one in of_text)


def _flattened(schema: Any) -> Any:
    """The columns of a schema, members of objects among them, named as in JSON; lists are none."""
    flat = unrolled(schema.empty_table()).schema
    return pa.schema([field for field in flat if not pa.types.is_nested(field.type)])


def _as_csv(parquet: Any, stream: Stream) -> Iterator[bytes]:
    """The columns that mean something as CSV."""
    flat = _flattened(parquet.schema_arrow)
    ends = trip_ends(tuple(flat.names)) or (flat.names,)
    used = {index for end in ends for index in columns.find(end).values()}
    used |= _beside_time(flat.names, columns.find(flat.names))
    names = [flat.names[index] for index in sorted(used)]
    is_first = True
    try:
        for batch in parquet.iter_batches(CHUNK_POINTS):
            table = unrolled(pa.Table.from_batches([batch])).select(names)
            texts = [_text(table.column(name).combine_chunks()) for name in names]
            out = io.BytesIO()
            options = pa_csv.WriteOptions(include_header=is_first)
            pa_csv.write_csv(pa.table(texts, names=names), out, options)
            is_first = False
            yield out.getvalue()
        if is_first:
            yield ",".join(names).encode()
    except _MALFORMED as error:
        raise BadInputError(_words(stream, error)) from None


class _Reader:
    """The columns of one file and what they mean."""

    def __init__(
        self,
        stream: Stream,
        parquet: Any,
        devices: tuple[str | None, str],
        now_us: int,
        options: ReadOptions,
    ) -> None:
        schema = parquet.schema_arrow
        found = _found(schema)
        point = geo_column(schema.metadata, stream.name)
        if point in schema.names:
            found = {**found, Role.POSITION: schema.names.index(point)}
        columns.require(found, schema.names, stream.name)
        self._of_role = {role: schema.names[index] for role, index in found.items()}
        self._all_names = schema.names
        self.names = sorted(set(self._of_role.values()))
        self._stream = stream
        self._device_id, self._fallback = devices
        self._now_us = now_us
        self._zone = zone_of(columns.zone_told(schema.names, found))
        rules = options.time_rules
        self._rules = TimeRules(rules.form, rules.order, self._zone or rules.zone)
        self._row = 0

    def chunks(self, parquet: Any, group: int, chunk_points: int) -> Iterator[Chunk]:
        """The rows of a group; where it is damaged, what comes before, and a refusal."""
        first = self._row
        try:
            for batch in parquet.iter_batches(chunk_points, row_groups=[group], columns=self.names):
                yield self.chunk(batch)
        except _MALFORMED as error:
            words = f"rows that cannot be read: {str(error).partition(chr(10))[0]}"
            where = f"{self._stream.name}: row group {group + 1}"
            refused = [Refusal(RefusalReason.UNREADABLE, clean_raw(words), where, self._device_id)]
            yield Chunk(PointBatch.empty(), refused, self._stream.position())
        self._row = first + parquet.metadata.row_group(group).num_rows

    def chunk(self, batch: Any) -> Chunk:
        """The rows of a batch, after admission."""
        first = self._row
        self._row += batch.num_rows
        if not first:
            self._settle_device(batch)

        def describe(row: int) -> tuple[str, str]:
            shown = {name: batch.column(name)[row].as_py() for name in self.names}
            return repr(shown), f"{self._stream.name}: row {first + row + 1}"

        candidates = self._candidates(batch)
        points, refused = admit(candidates, self._now_us, describe)
        done = self._stream.position()
        return Chunk(points, refused, done, candidates.times.naive)

    def _settle_device(self, batch: Any) -> None:
        """An `id` or `name` is a device's where nothing else is and the first rows show it."""
        of_role = self._of_role
        if Role.DEVICE in of_role:
            return
        moments = _text(batch.column(of_role.get(Role.TIME, of_role.get(Role.DATE)))).to_pylist()
        for role in (Role.ROW_ID, Role.NAME):
            name = of_role.get(role)
            ids = [] if name is None else _text(batch.column(name)).to_pylist()
            if name is not None and are_devices(role, ids, moments):
                of_role[Role.DEVICE] = name
                return

    def _candidates(self, batch: Any) -> Candidates:
        def column(role: Role) -> Any:
            name = self._of_role.get(role)
            return None if name is None else batch.column(name)

        def measured(role: Role) -> Numbers | None:
            cells = column(role)
            name = self._of_role.get(role, "")
            factor = columns.factor(role, name, self._all_names)
            return None if cells is None else _numbers(cells, role, factor)

        def values(role: Role) -> Floats | None:
            found = measured(role)
            if found is None:
                return None
            factor = columns.factor(role, self._of_role[role], self._all_names)
            return columns.without_unknown(found.values, role, self._all_names, factor)

        lat, lon = measured(Role.LAT), measured(Role.LON)
        altitude_m = values(Role.ALTITUDE)
        if lat is None or lon is None:
            lat, lon, height_m = _points(column(Role.POSITION))
            altitude_m = height_m if altitude_m is None else altitude_m
        moment = column(Role.TIME)
        read = _times(column(Role.DATE) if moment is None else moment, self._rules)
        return Candidates(
            self._devices(column(Role.DEVICE), batch.num_rows),
            read if self._zone is None else replace(read, naive=0),
            lat,
            lon,
            altitude_m,
            best_accuracy_m(values(Role.ACCURACY), values(Role.HDOP)),
            values(Role.SPEED),
            values(Role.COURSE),
        )

    def _devices(self, names: Any, count: int) -> Devices:
        if self._device_id is not None or names is None:
            return Devices.all_of(self._device_id or self._fallback, count)
        return Devices.of_column(_text(names), self._fallback)


def _text(cells: Any) -> Any:
    """A column of any type as text, also where it is encoded by a dictionary."""
    if pa.types.is_dictionary(cells.type):
        cells = pc.cast(cells, cells.type.value_type)
    return pc.cast(cells, pa.string())


def _counts_text(cells: Any) -> Any:
    """Counts in floating-point numbers as text with all their digits."""
    fits = pc.and_(pc.is_finite(cells), pc.less(pc.abs(cells), _LARGEST_COUNT))
    known = pc.if_else(fits, cells, None)
    whole = pc.cast(known, pa.int64(), safe=False)
    if pc.all(pc.equal(pc.cast(whole, cells.type, safe=False), known)).as_py():
        return pc.if_else(fits, pc.cast(whole, pa.string()), _text(cells))
    exact = pc.cast(pc.cast(known, pa.float64()), pa.decimal128(38, 9))
    return pc.if_else(fits, pc.cast(exact, pa.string()), _text(cells))


_LARGEST_COUNT = 9e18


def _numbers(cells: Any, role: Role, factor: float) -> Numbers:
    if _is_text(cells.type) or pa.types.is_dictionary(cells.type):
        return numbers(_text(cells), QUANTITIES[role], factor)
    floats = pc.cast(cells, pa.float64(), safe=False)
    missing: Bools = np.asarray(pc.is_null(floats).to_numpy(zero_copy_only=False), np.bool_)
    found = np.array(floats.to_numpy(zero_copy_only=False), np.float64)
    return Numbers(found if factor == 1.0 else found * factor, missing)


def _times(cells: Any, rules: TimeRules) -> Times:
    if pa.types.is_floating(cells.type):
        return times(_counts_text(cells), rules)
    if not pa.types.is_timestamp(cells.type):
        return times(_text(cells), rules)
    missing: Bools = np.asarray(pc.is_null(cells).to_numpy(zero_copy_only=False), np.bool_)
    if cells.type.tz is None:
        # as text: a time on the wall is in the zone of the rules
        text = pc.strftime(pc.cast(cells, pa.timestamp("us"), safe=False), "%Y-%m-%dT%H:%M:%S")
        return times(text, rules)
    stamps = pc.cast(cells, pa.timestamp("us", tz="UTC"), safe=False)
    whole = pc.fill_null(pc.cast(stamps, pa.int64()), 0).to_numpy(zero_copy_only=False)
    return Times(np.array(whole, np.int64), missing, np.zeros(len(missing), np.bool_))


def _points(cells: Any) -> tuple[Numbers, Numbers, Floats | None]:
    """Latitudes, longitudes and heights of points, NaN where there is another shape.

    They are well-known binary, or structs of x and y, which GeoParquet also has.
    """
    if pa.types.is_struct(cells.type):
        one, two = (_numbers(pc.struct_field(cells, axis), Role.LAT, 1.0) for axis in ("y", "x"))
        has_z = cells.type.get_field_index("z") >= 0
        return (
            one,
            two,
            _numbers(pc.struct_field(cells, "z"), Role.LAT, 1.0).values if has_z else None,
        )
    read = [point_in(cell) if isinstance(cell, bytes) else None for cell in cells.to_pylist()]
    nowhere = (np.nan, np.nan, np.nan)
    found = np.array([nowhere if p is None else p for p in read], np.float64).reshape(-1, 3)
    missing: Bools = np.asarray(pc.is_null(cells).to_numpy(zero_copy_only=False), np.bool_)
    return Numbers(found[:, 0], missing), Numbers(found[:, 1], missing), found[:, 2]


def _recognise(head: Head) -> int | None:
    return Surety.MAGIC if head.data.startswith(b"PAR1") else None


FORMAT = FileFormat(
    name="parquet",
    label="Parquet",
    recognise=_recognise,
    read=read_parquet,
    is_binary=True,
)
