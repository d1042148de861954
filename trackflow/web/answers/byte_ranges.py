"""Ranges of bytes in requests (RFC 9110, section 14): a broken download goes on where it stopped.

One range is answered as it is asked; a request for several gets the whole, which the standard
allows and every client understands.
"""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes from `start` to before `stop`."""

    start: int
    stop: int


class UnsatisfiableRangeError(ValueError):
    """The range begins behind the end."""


def read_range(header: str, size: int) -> ByteRange | None:
    """The asked range of a body; None where the whole is sent.

    Args:
        header: the value of `Range`; empty without one.
        size: of the body, in bytes.

    Raises:
        UnsatisfiableRangeError: none of the asked bytes is there.
    """
    found = _RANGE.fullmatch(header.replace(" ", "").lower())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= stop:
        raise UnsatisfiableRangeError(header)
    return ByteRange(start, stop)
