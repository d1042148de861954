"""The values in the columns of a table, by its layout: times, positions, speeds and the like."""

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from trackflow.geo.points import Bools, Floats
from trackflow.sources.parsing.csv_columns import Count
from trackflow.sources.parsing.csv_layout import CsvLayout
from trackflow.sources.rows import time_text
from trackflow.sources.values import columns
from trackflow.sources.values.cells import Numbers, Strings, numbers, strings
from trackflow.sources.values.columns import Role
from trackflow.sources.values.date_parts import PARTS, clock_text, day_text, with_rest
from trackflow.sources.values.elapsed import LONGEST_S
from trackflow.sources.values.fields import denies_fix
from trackflow.sources.values.meanings import QUANTITIES
from trackflow.sources.values.moments import count_before_clock
from trackflow.sources.values.positions import position
from trackflow.sources.values.times import (
    TimeRules,
    Times,
    times,
    times_in_zones,
)
from trackflow.sources.values.units import (
    Quantity,
    factor_of,
    hemisphere,
)


def moments_of(found: dict[int, Strings], layout: CsvLayout) -> Strings:
    """The times as text, a date and a time of day put together."""
    if not PARTS.isdisjoint(layout.index):
        return _moments_of_parts(found, layout)
    if layout.count is not None and layout.count.start:
        return strings([layout.count.start] * len(found[layout.count.column]))
    first = found[layout.time_columns[0]]
    if layout.short_dates:
        first = pc.binary_join_element_wise("20", first, "")
    if len(layout.time_columns) > 1:
        first = pc.binary_join_element_wise(first, found[layout.time_columns[1]], " ")
    if layout.whole_seconds is None:
        return first
    rows = zip(first.to_pylist(), found[layout.whole_seconds].to_pylist(), strict=True)
    return strings([time_text(count_before_clock(clock, count)) for clock, count in rows])


def _moments_of_parts(found: dict[int, Strings], layout: CsvLayout) -> Strings:
    """The times as text, whose parts stand in columns of their own."""
    parts = {role: found[i].to_pylist() for role, i in layout.index.items() if role in PARTS}
    whole = [found[i].to_pylist() for i in layout.time_columns]
    moments: list[str | None] = []
    for row, cells_of_row in enumerate(zip(*whole, strict=True)):
        of_row = {role: column[row] for role, column in parts.items() if column[row] is not None}
        day = day_text(of_row) if Role.YEAR in parts else cells_of_row[0]
        clock = clock_text(of_row) if Role.HOUR in parts else cells_of_row[-1]
        is_whole = None not in cells_of_row
        text = f"{day} {clock}"
        if len(whole) == 1 and Role.HOUR not in parts:
            text = day if Role.YEAR in parts else clock
        moments.append(with_rest(text, of_row) if is_whole else None)
    return strings(moments)


def times_of(
    found: dict[int, Strings], layout: CsvLayout, moment: Strings, rules: TimeRules
) -> Times:
    """The times that texts say, and that a column counts from them.

    Args:
        found: the columns, by their index.
        layout: what they hold.
        moment: the times as text.
        rules: how times are read.
    """
    zone = layout.index.get(Role.ZONE)
    read = times(moment, rules) if zone is None else times_in_zones(moment, found[zone], rules)
    if layout.zone is not None:
        read = replace(read, naive=0)
    if layout.count is not None:
        return _counted(read, found[layout.count.column], layout.count)
    return read


def _counted(starts: Times, column: Strings, count: Count) -> Times:
    """The times that a column counts from starts."""
    after = numbers(column)
    bad = ~(after.values >= 0) | ~(after.values * count.unit_s < LONGEST_S)
    after_us = np.where(bad, 0.0, after.values) * count.unit_s * 1e6
    return replace(
        starts,
        time_us=starts.time_us + np.rint(after_us).astype(np.int64),
        missing=starts.missing | after.missing,
        bad=(starts.bad | bad) & ~after.missing,
    )


def positions_of(
    found: dict[int, Strings], layout: CsvLayout
) -> tuple[Numbers, Numbers, Floats | None]:
    """Latitudes and longitudes, and the heights that stand in one text with them."""
    index = layout.index
    height_m: Floats | None = None
    if Role.LAT in index and Role.LON in index:
        lat = _coordinates(found, layout, (Role.LAT, Role.NORTH_SOUTH), layout.lat_scale)
        lon = _coordinates(found, layout, (Role.LON, Role.EAST_WEST), layout.lon_scale)
    else:
        role = Role.POSITION if Role.POSITION in index else Role.LON_LAT
        lat, lon, height_m = _pairs(found[index[role]], lon_first=role is Role.LON_LAT)
    if Role.VALID in index:
        invalid = _invalid(found[index[Role.VALID]])
        lat, lon = (Numbers(each.values, each.missing | invalid) for each in (lat, lon))
    return lat, lon, height_m


def _coordinates(
    found: dict[int, Strings], layout: CsvLayout, roles: tuple[Role, Role], scale: float
) -> Numbers:
    role, side = roles
    read = numbers(
        found[layout.index[role]], QUANTITIES[role], scale, decimal_comma=layout.decimal_comma
    )
    if side not in layout.index:
        return read
    letters = found[layout.index[side]].to_pylist()
    written = found[layout.index[role]].to_pylist()
    rows = zip(read.values.tolist(), letters, written, strict=True)
    signed = [hemisphere(value, letter, QUANTITIES[role], text) for value, letter, text in rows]
    return Numbers(np.array(signed, np.float64), read.missing)


def _pairs(column: Strings, *, lon_first: bool) -> tuple[Numbers, Numbers, Floats]:
    """Latitudes, longitudes and heights out of one column that has them all."""
    cells = column.to_pylist()
    found = [None if cell is None else position(cell, lon_first=lon_first) for cell in cells]
    missing: Bools = np.array([cell is None for cell in cells], np.bool_)
    nowhere = (np.nan, np.nan, np.nan)
    each = np.array([nowhere if f is None else f for f in found], np.float64).reshape(-1, 3)
    return Numbers(each[:, 0], missing), Numbers(each[:, 1], missing), each[:, 2]


def _invalid(column: Strings) -> Bools:
    words = pc.dictionary_encode(column, null_encoding="encode")
    bad = [denies_fix(word) for word in words.dictionary.to_pylist()]
    codes = np.asarray(words.indices.to_numpy(zero_copy_only=False))
    return np.array(bad, np.bool_)[codes] if len(codes) else np.zeros(0, np.bool_)


def values_of(found: dict[int, Strings], layout: CsvLayout, role: Role) -> Floats | None:
    """The values of a role in our units, NaN where there is none; None without such a column."""
    if role not in layout.index:
        return None
    column = layout.index[role]
    has_units = role is Role.SPEED and Role.SPEED_UNIT in layout.index
    factor = 1.0 if has_units else columns.factor(role, layout.names[column], layout.names)
    values = numbers(
        found[column], QUANTITIES[role], factor, decimal_comma=layout.decimal_comma
    ).values
    values = columns.without_unknown(values, role, layout.names, factor)
    return values * _speed_units_ms(found[layout.index[Role.SPEED_UNIT]]) if has_units else values


def _speed_units_ms(column: Strings) -> Floats:
    """Metres per second of the unit in each cell; NaN where it is none."""
    words = pc.dictionary_encode(column, null_encoding="encode")
    factors = [factor_of(word or "?", Quantity.SPEED) for word in words.dictionary.to_pylist()]
    known = np.array([np.nan if factor is None else factor for factor in factors], np.float64)
    codes = np.asarray(words.indices.to_numpy(zero_copy_only=False))
    return known[codes] if len(codes) else np.zeros(0)
