"""Points as compact bytes, exactly: the form in which a segment's points are stored.

Each column is written as differences in the narrowest whole numbers that hold them, then all of it
is deflated: about 6 bytes for a point of a drive. Nothing is pickled, so reading is safe.
"""

import struct
import zlib

import numpy as np

from trackflow.errors import BadInputError
from trackflow.geo.points import Floats, Ints, Points, e7

HEADER = struct.Struct("<2sBBI")
"""Mark, version, whether accuracies are whole millimetres, number of points."""

MARK, VERSION = b"tp", 1
LEVEL = 1
"""Deflate's fastest: a higher level saves 5 % of the bytes and costs twice the time."""

NO_ACCURACY = -1
FIRST = struct.Struct("<qB")
WIDTHS = ("<i1", "<i2", "<i4", "<i8")
LIMITS = [(np.iinfo(width).min, np.iinfo(width).max) for width in WIDTHS]


def points_to_bytes(points: Points) -> bytes:
    """The points as bytes; positions must be on the E7 grid."""
    accuracy_mm = _accuracy_mm(points.accuracy_m)
    whole = accuracy_mm is not None
    columns = [points.time_us, e7(points.lon), e7(points.lat)]
    if accuracy_mm is not None:
        columns.append(accuracy_mm)
    body = b"".join(_narrow(column) for column in columns)
    if not whole:
        body += points.accuracy_m.astype("<f8").tobytes()
    return HEADER.pack(MARK, VERSION, whole, len(points)) + zlib.compress(body, LEVEL)


def points_from_bytes(blob: bytes) -> Points:
    """The points that `points_to_bytes` encoded.

    Raises:
        BadInputError: the bytes are damaged or are something else.
    """
    try:
        mark, version, whole, count = HEADER.unpack_from(blob)
        if (mark, version) != (MARK, VERSION):
            raise BadInputError(f"Stored points have the mark {mark!r} and version {version}.")
        return _read_body(zlib.decompress(blob[HEADER.size :]), count, bool(whole))
    except (struct.error, zlib.error, IndexError, ValueError) as error:
        raise BadInputError(f"Stored points are damaged: {error}.") from error


def _read_body(body: bytes, count: int, whole: bool) -> Points:
    columns = []
    offset = 0
    for _ in range(4 if whole else 3):
        first, code = FIRST.unpack_from(body, offset)
        offset += FIRST.size
        steps = np.frombuffer(body, WIDTHS[code], max(count - 1, 0), offset)
        offset += steps.nbytes
        columns.append(np.cumsum(np.concatenate([[first], steps])[:count], dtype=np.int64))
    if whole:
        accuracy = np.where(columns[3] == NO_ACCURACY, np.nan, columns[3] / 1000)
    else:
        accuracy = np.frombuffer(body, "<f8", count, offset).copy()
    return Points(columns[0], columns[1] / 1e7, columns[2] / 1e7, accuracy)


def _narrow(column: Ints) -> bytes:
    """The first number, a byte that names the width of the differences, then those."""
    steps = np.diff(column)
    low, high = steps.min(initial=0), steps.max(initial=0)
    code = next(i for i, (least, most) in enumerate(LIMITS) if least <= low and high <= most)
    return FIRST.pack(column[0] if len(column) else 0, code) + steps.astype(WIDTHS[code]).tobytes()


def _accuracy_mm(accuracy_m: Floats) -> Ints | None:
    """Accuracies as whole millimetres, or None if that would change one."""
    known = np.where(np.isnan(accuracy_m), NO_ACCURACY / 1000, accuracy_m)
    if not np.all(np.abs(known) < 1e12):
        return None
    rounded: Ints = np.rint(known * 1000).astype(np.int64)
    exact = (rounded / 1000 == accuracy_m) & (rounded >= 0)
    return rounded if np.all(exact | np.isnan(accuracy_m)) else None
