"""Bodies of requests to JSON values, within limits: a small body can mean a great many values."""

import json
import zlib

import orjson

from trackflow.errors import BadInputError

MAX_COMMAS = 1_000_000
MAX_BRACKETS = 600_000
"""16 MiB of the densest sensible points have 640,000 commas and 480,000 brackets."""

MAX_ELEMENTS = 200_000


class TooMuchError(BadInputError):
    """More than is taken at a time; the same in parts would be."""

    def __init__(self) -> None:
        super().__init__("this is more than is taken at a time: send it in parts")


class UnreadableError(Exception):
    """The body is not what it should be. Never leaves this package."""


def unzipped(body: bytes, max_bytes: int) -> bytes | None:
    """What a gzip holds; None if it is none, or damaged.

    Raises:
        TooMuchError: it unpacks to more than `max_bytes`.
    """
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(body, max_bytes + 1)
    except zlib.error:
        return None
    if len(unpacked) > max_bytes:
        raise TooMuchError
    return unpacked if unpacker.eof and not unpacker.unused_data else None


def check_size(body: bytes) -> None:
    """See that a body does not hold too many values.

    Raises:
        TooMuchError: it does.
    """
    if body.count(b",") > MAX_COMMAS or body.count(b"[") + body.count(b"{") > MAX_BRACKETS:
        raise TooMuchError


def read_json(body: bytes) -> object:
    """The value of a JSON body.

    Raises:
        TooMuchError: it holds too many values.
        UnreadableError: it is no JSON, or nested too deep.
    """
    check_size(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass  # Python's own is more forgiving: NaN, line breaks in text, other encodings
    try:
        return json.loads(body, strict=False)
    except (ValueError, RecursionError):
        raise UnreadableError from None


def elements_of(value: object) -> list[object]:
    """The elements of a list; a list of itself for any other value.

    Raises:
        TooMuchError: there are too many.
    """
    elements = value if isinstance(value, list) else [value]
    if len(elements) > MAX_ELEMENTS:
        raise TooMuchError
    return elements
