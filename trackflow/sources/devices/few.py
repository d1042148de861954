"""Bodies of one position or a few: read value by value, as columns cost more than they save.

A tracker sends one position at a time, and its way through arrays of one number takes five times
as long as all else that is done to read it. What comes out here is bit for bit what the columns
give; refused and odd positions are left to them.
"""

import math
from collections.abc import Sequence

import numpy as np

from trackflow.geo.points import DEGREE_DECIMALS
from trackflow.sources.admission import BELIEVABLE, UNKNOWN_SPEEDS_MS, fit_device
from trackflow.sources.devices.raw_fix import Fix, is_unset, moment_us, text
from trackflow.sources.records import EARLIEST_US, FUTURE_SLACK_US, PointBatch
from trackflow.sources.values.cells import EMPTY_CELLS
from trackflow.sources.values.times import TimeForm
from trackflow.sources.values.units import (
    HDOP_UNIT_M,
    HDOP_UNKNOWN,
    Quantity,
    has_decimal_comma,
    measure,
)

FEW_FIXES = 32
"""Columns are faster from about a hundred on; a crowd (`admission.CROWD_MAX`) is larger, too."""

_GRID = 10.0**DEGREE_DECIMALS
_PLAIN_S = range(1_000_000_000, 4_000_000_000)
_PLAIN_MS = range(_PLAIN_S.start * 1_000, _PLAIN_S.stop * 1_000)
"""Whole numbers that are a time since 2001 in one unit only."""

_ALTITUDES, _ACCURACIES, _SPEEDS, _COURSES = BELIEVABLE

type _Values = tuple[float, float, float, float, float, float]
"""Longitude, latitude, altitude, accuracy, speed, course; NaN where unknown."""


def points_of_few(
    fixes: Sequence[Fix],
    *,
    device_id: str | None,
    fallback_device: str,
    time_form: TimeForm | None,
    now_us: int,
) -> PointBatch | None:
    """The points of a few fixes, if all of them are admitted; None otherwise, with nothing decided.

    Args:
        fixes: as the client sent them.
        device_id: the device of all, also where they name another.
        fallback_device: the device of those that name none.
        time_form: what a number is that is a likely time in no unit.
        now_us: UTC microseconds; later times than this and a day are refused.
    """
    if not fixes:
        return PointBatch.empty()
    codes: dict[str, int] = {}
    device, times, rows = [], [], []
    for fix in fixes:
        name = _device(fix, device_id, fallback_device)
        time_us = _time_us(fix.time, time_form)
        if time_us is None or not EARLIEST_US <= time_us <= now_us + FUTURE_SLACK_US:
            return None
        values = _values(fix)
        if values is None or not fit_device(name):
            return None
        device.append(codes.setdefault(name, len(codes)))
        times.append(time_us)
        rows.append(values)
    columns = np.array(rows, np.float64).T
    if len(rows) > 1:
        columns = np.ascontiguousarray(columns)
    return PointBatch(tuple(codes), np.array(device, np.int32), np.array(times, np.int64), *columns)


def _device(fix: Fix, device_id: str | None, fallback: str) -> str:
    if device_id is not None:
        return device_id.strip()
    name = (text(fix.device) or "").strip()
    return fallback.strip() if name in EMPTY_CELLS or is_unset(name) else name


def _time_us(moment: object, form: TimeForm | None) -> int | None:
    """A time in UTC microseconds, None if there is none or it cannot be read."""
    if type(moment) is int:
        if moment in _PLAIN_S:
            return moment * 1_000_000
        if moment in _PLAIN_MS:
            return moment * 1_000
    cell = (text(moment) or "").strip()
    return None if cell in EMPTY_CELLS else moment_us(cell, form)


def _values(fix: Fix) -> _Values | None:
    """The numbers of a fix in our units, None if its position would be refused."""
    comma = has_decimal_comma(fix.lat, fix.lon)
    lat = _on_grid(_number(fix.lat, Quantity.LATITUDE, comma))
    lon = _on_grid(_number(fix.lon, Quantity.LONGITUDE, comma))
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180 or lat == lon == 0:
        return None
    accuracy_m = _number(fix.accuracy_m, Quantity.LENGTH, comma)
    if not accuracy_m > 0:
        hdop = _number(fix.hdop, Quantity.RATIO, comma)
        accuracy_m = hdop * HDOP_UNIT_M if 0 < hdop < HDOP_UNKNOWN else math.nan
    speed_ms = _within(_number(fix.speed, Quantity.SPEED, comma, fix.speed_unit_ms), _SPEEDS)
    course_deg = _within(_number(fix.course_deg, Quantity.ANGLE, comma), _COURSES)
    return (
        lon,
        lat,
        _within(_number(fix.altitude_m, Quantity.LENGTH, comma), _ALTITUDES),
        _within(accuracy_m, _ACCURACIES),
        math.nan if speed_ms in UNKNOWN_SPEEDS_MS else speed_ms,
        0.0 if course_deg == 360.0 else course_deg,
    )


def _number(cell: object, quantity: Quantity, comma: bool, factor: float = 1.0) -> float:
    """A value in our unit, NaN if it is none.

    Args:
        cell: any JSON value.
        quantity: what it measures.
        comma: whether its record has decimal commas.
        factor: our units per unit of it.
    """
    if type(cell) is float:
        return cell * factor
    return math.nan if cell is None else measure(cell, quantity, factor, decimal_comma=comma)


def _within(value: float, believable: tuple[float, float]) -> float:
    return value if believable[0] <= value <= believable[1] else math.nan


def _on_grid(degrees: float) -> float | None:
    """Degrees rounded as `geo.points.on_grid` does it, None if they are none."""
    if not -360.0 < degrees < 360.0:
        return None
    rounded = round(degrees * _GRID)
    return rounded / _GRID if rounded else degrees * 0.0  # which keeps the sign of zero
