"""Checks the rows of a backup before they are stored: types, ranges, and the admission of points.

A file may be damaged or forged. Values that a database would store but a reader could not use are
refused here: types must be those of the tables, numbers finite, times existing, JSON complete; and
points pass the same admission as those of an import.
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from trackflow.errors import BadInputError
from trackflow.sources.admission import Candidates, Devices, admit
from trackflow.sources.records import RefusalReason
from trackflow.sources.values.cells import Numbers
from trackflow.sources.values.times import Times
from trackflow.store.housekeeping.rows import arrow_schema, columns_of
from trackflow.store.types import UtcTime

POINTS = "gps_points"

DEGREES = {"longitude": 180.0, "latitude": 90.0}
"""Limits of positions in every table."""

FIRST_US, LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999, the range of Python's dates, in microseconds since 1970."""

FIRST_DAY, LAST_DAY = -719_162, 2_932_896
SMALL = 2**31


def check_columns(name: str, schema: pa.Schema) -> None:
    """Check that a file's columns are the table's; an older trackflow may have had fewer.

    Raises:
        BadInputError: a column is of another type, or twice there.
    """
    for field in arrow_schema(name):
        found = schema.get_all_field_indices(field.name)
        if len(found) > 1:
            raise BadInputError(f"{name} has the column {field.name} twice")
        if found and schema.field(found[0]).type != field.type:
            raise BadInputError(
                f"{name}.{field.name} is {schema.field(found[0]).type}, not {field.type}"
            )


def admitted(name: str, batch: pa.RecordBatch, now_us: int) -> pa.RecordBatch:
    """The rows of a backup after all checks; points as an import would admit them.

    Args:
        name: the table.
        batch: the rows; its columns are the table's (`check_columns`).
        now_us: the time, in microseconds since 1970: no point is much later.

    Raises:
        BadInputError: a value makes no sense; the message names the column.
    """
    names = set(batch.schema.names)
    for column in columns_of(name):
        if column.name in names and not _is_sound(column, batch.column(column.name)):
            raise BadInputError(f"{name}.{column.name} holds a value that makes no sense")
    return _admitted_points(batch, now_us) if name == POINTS else batch


def _is_sound(column: "sa.Column[Any]", values: pa.Array) -> bool:
    values = values.drop_null()
    if not len(values):
        return True
    match column.type:
        case UtcTime():
            return _within(values.cast(pa.int64()), FIRST_US, LAST_US)
        case sa.Date():
            return _within(values.cast(pa.int32()), FIRST_DAY, LAST_DAY)
        case sa.Double():
            limit = DEGREES.get(column.name, np.finfo(np.float64).max)
            return bool(pc.all(pc.is_finite(values)).as_py()) and _within(values, -limit, limit)
        case sa.Boolean() | sa.LargeBinary():
            return True
        case sa.BigInteger():
            return True
        case sa.Integer():
            return _within(values, -SMALL, SMALL - 1)
        case sa.JSON():
            return _all(values, json.loads)
        case sa.Uuid():
            return _all(values, uuid.UUID)
    return not pc.any(pc.match_substring(values, "\0")).as_py()  # PostgreSQL takes none


def _within(values: pa.Array, smallest: float, largest: float) -> bool:
    found = pc.min_max(values).as_py()
    return bool(found["min"] >= smallest and found["max"] <= largest)


def _all(values: pa.Array, read: Callable[[str], object]) -> bool:
    try:
        for text in values.to_pylist():
            read(text)
    except (ValueError, RecursionError):
        return False
    return True


def _admitted_points(batch: pa.RecordBatch, now_us: int) -> pa.RecordBatch:
    """Points after the admission of an import, which leaves admitted points unchanged.

    A point that it refuses was never stored: then no backup wrote the file. An altitude or a speed
    that makes no sense becomes unknown, as for an import.
    """
    names = [field.name for field in arrow_schema(POINTS)]
    if missing := [name for name in names if name not in batch.schema.names]:
        raise BadInputError(f"gps_points has no column {missing[0]}")
    columns = {name: batch.column(name) for name in names}
    for name in ("device_id", "recorded_at", "longitude", "latitude"):
        if columns[name].null_count:
            raise BadInputError(f"gps_points.{name} lacks values")
    known = np.zeros(batch.num_rows, np.bool_)
    time_us = columns["recorded_at"].cast(pa.int64()).to_numpy()
    extra = ("altitude_m", "accuracy_m", "speed_ms", "course_deg")
    given = {name: columns[name].to_numpy(zero_copy_only=False) for name in extra}
    found = Candidates(
        Devices.all_of("any", batch.num_rows),  # earlier versions took other names
        Times(time_us, known, known),
        Numbers(columns["latitude"].to_numpy(), known),
        Numbers(columns["longitude"].to_numpy(), known),
        **given,
    )
    points, refused = admit(found, now_us, lambda row: ("", f"row {row}"))
    if refused:
        reason = refused[0].reason
        hint = (
            " (is this machine's clock right?)" if reason is RefusalReason.TIME_OUT_OF_RANGE else ""
        )
        raise BadInputError(f"gps_points has a point that no import takes: {reason}{hint}")
    for name in extra:
        index = batch.schema.get_field_index(name)
        values = pa.array(getattr(points, name), pa.float64(), from_pandas=True)  # NaN as null
        batch = batch.set_column(index, name, values)
    return batch
