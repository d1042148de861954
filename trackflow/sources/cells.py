"""Text cells to numbers: all at once where every cell is good, one by one where some are not.

Both ways agree on every cell, so that a bad neighbour never changes how a good cell is read.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trackflow.geo.points import Bools, Floats

EMPTY_CELLS = ("", "null", "NULL", "None", "none", "NA", "N/A", "n/a", "\\N")
"""Cells that say "nothing here". "nan" is not among them: it is a number that is not one."""

CAREFUL_CELLS = 256
"""Where one of so many cells is bad, they are read one by one."""

_EMPTY = frozenset((*EMPTY_CELLS, None))

type Strings = Any
"""A pyarrow string array, nulls for empty cells (pyarrow has no types that mypy knows)."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers.

    Attributes:
        values: NaN where the cell is empty or no number.
        missing: where the cell is empty.
    """

    values: Floats
    missing: Bools

    @classmethod
    def of_objects(cls, cells: Sequence[object]) -> Self:
        """From values as JSON has them: numbers, text, None, anything."""
        kinds = set(map(type, cells))
        if kinds == {type(None)}:
            return cls(np.full(len(cells), np.nan), np.ones(len(cells), np.bool_))
        if kinds <= {float, int}:
            with suppress(OverflowError):  # a whole number of 400 digits
                return cls(np.array(cells, dtype=np.float64), np.zeros(len(cells), np.bool_))
        values = np.array([_as_float(cell) for cell in cells], dtype=np.float64)
        missing = np.array([cell is None or cell == "" for cell in cells], dtype=np.bool_)
        return cls(values, missing)


def strings(cells: Sequence[str | None]) -> Strings:
    """Text cells as an array; cells that say "nothing" become null."""
    kept = [None if cell in _EMPTY else cell for cell in cells]
    try:
        return pa.array(kept, pa.string())
    except UnicodeEncodeError:  # lone surrogates, as JSON may spell them
        mended = [c and c.encode("utf-8", "replace").decode("utf-8") for c in kept]
        return pa.array(mended, pa.string())


def numbers(column: Strings, *, decimal_comma: bool = False, scale: float = 1.0) -> Numbers:
    """The numbers in a column of text, each times `scale`."""
    if decimal_comma:
        column = pc.replace_substring(column, ",", ".")
    floats, column = _floats(column)
    missing = np.asarray(pc.is_null(column).to_numpy(zero_copy_only=False), dtype=np.bool_)
    if scale != 1.0:
        floats *= scale
    return Numbers(floats, missing)


def _floats(column: Strings) -> tuple[Floats, Strings]:
    """The numbers, and the column with blank cells as null.

    Halved where a cell is bad, so that the price of a bad cell is paid by its neighbours only.
    """
    try:
        values = pc.cast(column, pa.float64())
    except pa.ArrowInvalid:
        if len(column) > CAREFUL_CELLS:
            middle = len(column) // 2
            halves = _floats(column.slice(0, middle)), _floats(column.slice(middle))
            floats, columns = zip(*halves, strict=True)
            return np.concatenate(floats), pa.concat_arrays(columns)
        column = blanks_to_null(column)
        values = pa.array([number(cell) for cell in column.to_pylist()], pa.float64())
    return np.array(values.to_numpy(zero_copy_only=False), dtype=np.float64), column


def blanks_to_null(column: Strings) -> Strings:
    """The column trimmed, with cells of spaces alone as null."""
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(trimmed, ""), None, trimmed)


def number(text: str | None) -> float | None:
    """One cell as a number, None if it is none."""
    # Python reads "1_0" and Arabic digits as numbers; a table of positions means neither.
    if text is None or "_" in text or not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _as_float(cell: object) -> float:
    if isinstance(cell, bool):
        return np.nan
    if isinstance(cell, int | float):
        try:
            return float(cell)
        except OverflowError:
            return np.inf
    if isinstance(cell, str):
        value = number(cell)
        return np.nan if value is None else value
    return np.nan
