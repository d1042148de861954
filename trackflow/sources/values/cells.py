"""Text cells to numbers: all at once where every cell is good, one by one where some are not.

Both ways agree on every cell, so that a bad neighbour never changes how a good cell is read.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trackflow.geo.points import Bools, Floats
from trackflow.sources.values.digits import ascii_digits
from trackflow.sources.values.units import Quantity, measure

EMPTY_CELLS = ("", "null", "NULL", "None", "none", "NA", "N/A", "n/a", "\\N")
"""Cells that mean "nothing here". "nan" is not among them: it is a number that is not one."""

_PLAIN_NUMBER = r"^[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?$"

_PLAIN_TEXTS = re.compile(r"[0-9.+-]*")
"""What cells of numbers without exponents, units and other decimal marks are made of."""

CAREFUL_CELLS = 256
"""Where one of so many cells is bad, they are read one by one."""

_PLAIN_KINDS = {float, int, type(None)}

type Strings = Any
"""A pyarrow string array, nulls for empty cells (mypy has no types of pyarrow)."""


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
    def of_objects(
        cls,
        cells: Sequence[object],
        quantity: Quantity = Quantity.RATIO,
        commas: Sequence[bool] | None = None,
    ) -> Self:
        """From values as JSON and XML have them: numbers, text, None, anything.

        Args:
            cells: the values.
            quantity: what they measure.
            commas: for each, whether its record has decimal commas.
        """
        kinds = set(map(type, cells))
        if kinds == {type(None)}:
            return cls(np.full(len(cells), np.nan), np.ones(len(cells), np.bool_))
        if kinds <= {float, int}:
            with suppress(OverflowError):  # a whole number of 400 digits
                return cls(np.array(cells, dtype=np.float64), np.zeros(len(cells), np.bool_))
        if kinds <= _PLAIN_KINDS:
            missing = np.array([cell is None for cell in cells], np.bool_)
            with suppress(OverflowError):
                return cls(np.array([np.nan if c is None else c for c in cells], float), missing)
        plain = _plain_texts(cells) if kinds <= {str, type(None)} else None
        if plain is not None:
            return cls(*plain)
        values = np.array(
            [
                measure(cell, quantity, decimal_comma=commas is not None and commas[index])
                for index, cell in enumerate(cells)
            ],
            dtype=np.float64,
        )
        return cls(values, np.array([is_empty(cell) for cell in cells], dtype=np.bool_))


def _plain_texts(cells: Sequence[object]) -> tuple[Floats, Bools] | None:
    """Text cells at once, if all are numbers of the plainest spelling, or nothing."""
    texts = [cell or None for cell in cells]
    if not _PLAIN_TEXTS.fullmatch("".join(cell for cell in texts if type(cell) is str)):
        return None
    try:
        values = np.array([np.nan if c is None else float(c) for c in texts], np.float64)  # type: ignore[arg-type]
    except ValueError:
        return None
    return values, np.array([cell is None for cell in texts], np.bool_)


def is_empty(cell: object) -> bool:
    """Whether a value means "nothing here"."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def strings(cells: Sequence[str | None]) -> Strings:
    """Text cells as an array; cells that mean "nothing" become null."""
    try:
        array = pa.array(cells, pa.string())
    except UnicodeEncodeError:  # lone surrogates, as JSON may spell them
        mended = [c and c.encode("utf-8", "replace").decode("utf-8") for c in cells]
        array = pa.array(mended, pa.string())
    empty = pc.is_in(array, pa.array(EMPTY_CELLS, pa.string()))
    return pc.if_else(empty, None, array) if pc.any(empty).as_py() else array


def numbers(
    column: Strings,
    quantity: Quantity | None = None,
    factor: float = 1.0,
    *,
    decimal_comma: bool = False,
) -> Numbers:
    """The numbers in a column of text, in our unit.

    Args:
        column: the text.
        quantity: what it measures; None for bare numbers.
        factor: our units per unit of the column, where a cell names no unit.
        decimal_comma: 51,5 is a number.
    """

    def careful(cell: str | None) -> float | None:
        if cell is None:
            return None
        if quantity is None:
            value = number(cell)
            return None if value is None else value * factor
        return measure(cell, quantity, factor, decimal_comma=decimal_comma)

    floats, column = _floats(column, careful, factor, decimal_comma)
    missing = np.asarray(pc.is_null(column).to_numpy(zero_copy_only=False), dtype=np.bool_)
    return Numbers(floats, missing)


def _floats(
    column: Strings,
    careful: Callable[[str | None], float | None],
    factor: float,
    decimal_comma: bool,
) -> tuple[Floats, Strings]:
    """The numbers, and the column with blank cells as null.

    Where a cell is odd, plain ones are still read at once, and only the others one by one: each
    attempt at a whole column costs a message for every odd cell in it.
    """
    pointed = pc.replace_substring(column, ",", ".") if decimal_comma else column
    try:
        values = pc.cast(pointed, pa.float64())
    except pa.ArrowInvalid:
        column = blanks_to_null(column)
        is_plain = pc.fill_null(pc.match_substring_regex(pointed, _PLAIN_NUMBER), False)
        plain = np.asarray(is_plain.to_numpy(zero_copy_only=False), np.bool_)
        floats = np.full(len(column), np.nan)
        floats[plain] = pc.cast(pointed.filter(is_plain), pa.float64()).to_numpy() * factor
        odd = np.flatnonzero(~plain)
        read = [careful(cell) for cell in column.take(pa.array(odd)).to_pylist()]
        floats[odd] = [np.nan if value is None else value for value in read]
        return floats, column
    found = np.array(values.to_numpy(zero_copy_only=False), dtype=np.float64)
    return found if factor == 1.0 else found * factor, column


def blanks_to_null(column: Strings) -> Strings:
    """The column trimmed, with cells of spaces alone as null."""
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(trimmed, ""), None, trimmed)


def number(text: str | None) -> float | None:
    """One cell as a number, None if it is none."""
    if text is None or "_" in text:  # Python reads "1_0" as a number
        return None
    text = ascii_digits(text)
    if not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None
