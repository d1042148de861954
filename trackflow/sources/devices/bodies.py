"""Bodies of requests to JSON values, within limits: a small body can mean a great many values."""

import codecs
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import parse_qsl

import orjson

from trackflow.errors import BadInputError
from trackflow.files import GZIP_MAGIC, DamagedGzipError, gunzip
from trackflow.sources.containers.streams import Stream
from trackflow.sources.parsing.json_values import BrokenStretch, JsonElements
from trackflow.sources.records import RefusalReason

MAX_COMMAS = 1_000_000
MAX_BRACKETS = 600_000
"""16 MiB of the densest sensible points have 640,000 commas and 480,000 brackets."""

_SURELY_FEW_BYTES = min(MAX_COMMAS, MAX_BRACKETS)
MAX_ELEMENTS = 200_000


class TooMuchError(BadInputError):
    """More than is taken at a time; the same in parts would be."""

    def __init__(self) -> None:
        super().__init__("this is more than is taken at a time: send it in parts")


class UnreadableError(Exception):
    """The body is not what it should be. Never leaves this package."""


@dataclass(frozen=True, slots=True)
class JsonBody:
    """What a body holds.

    Attributes:
        elements: the elements of its list, or the one value that it is.
        top: the members of the outermost object besides its list.
        damage: why not all of it could be read; None if it is whole.
    """

    elements: Sequence[object]
    top: Mapping[str, object] = field(default_factory=dict)
    damage: RefusalReason | None = None


def unpacked(body: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """What a gzip holds, as far as it is undamaged, and whether that is all; else the body itself.

    Raises:
        TooMuchError: it unpacks to more than `max_bytes`.
    """
    if body[:2] != GZIP_MAGIC:
        return body, True
    parts: list[bytes] = []
    size = 0
    try:
        for piece in gunzip([body]):
            parts.append(piece)
            size += len(piece)
            if size > max_bytes:
                raise TooMuchError
    except DamagedGzipError:
        return b"".join(parts), False
    return b"".join(parts), True


def check_size(body: bytes) -> None:
    """See that a body does not hold too many values.

    Raises:
        TooMuchError: it does.
    """
    if len(body) <= _SURELY_FEW_BYTES:
        return
    if body.count(b",") > MAX_COMMAS or body.count(b"[") + body.count(b"{") > MAX_BRACKETS:
        raise TooMuchError


def as_text(body: bytes) -> str:
    """The text of a body, in UTF-8, UTF-16 or UTF-32, with or without a mark at its beginning.

    Bytes that are no UTF-8 are read as Windows-1252: names of networks and devices may be old.
    """
    encoding = json.detect_encoding(body)
    errors = "western" if encoding.startswith("utf-8") else "replace"
    return body.decode(encoding, errors)


def _western(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    try:
        return wrong.decode("cp1252"), error.end
    except UnicodeDecodeError:
        return wrong.decode("latin-1"), error.end


codecs.register_error("western", _western)


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
        return json.loads(as_text(body), strict=False)
    except (ValueError, RecursionError):
        raise UnreadableError from None


def read_elements(body: bytes, list_name: str = "") -> JsonBody:
    """The elements of a JSON body; of a broken one, all that are whole.

    Args:
        body: a list, an object with a list named `list_name`, or a single value.
        list_name: empty for none.

    Raises:
        TooMuchError: it holds too many values.
    """
    try:
        value = read_json(body)
    except UnreadableError:
        return _salvaged(body, list_name)
    listed = value.get(list_name) if list_name and isinstance(value, Mapping) else None
    if isinstance(value, Mapping) and isinstance(listed, list):
        return JsonBody(elements_of(listed), value)
    return JsonBody(elements_of(value))


def form_pairs(body: bytes, most: int) -> list[tuple[str, str]]:
    """The names and values of a form, in either of the ways in which programs send one.

    Raises:
        ValueError: it has more than `most`, or is too large for one position in parts.
    """
    if not body.startswith(b"--"):
        return parse_qsl(as_text(body), keep_blank_values=True, max_num_fields=most)
    if len(body) > _PARTS_MAX_BYTES:
        raise ValueError
    parts = list(islice(_FORM_PART.finditer(body), most + 1))
    if len(parts) > most:
        raise ValueError
    return [(as_text(part[1]), as_text(part[2])) for part in parts]


_PARTS_MAX_BYTES = 16_384
"""Looking for the ends of parts takes the square of this."""

_FORM_PART = re.compile(
    rb'\ncontent-disposition:[ ]*form-data;[^\r\n]*?\bname="([^"\r\n]+)"[^\r\n]*'
    rb"(?:\r?\n[^\r\n]+)*\r?\n\r?\n(.*?)\r?\n--",
    re.IGNORECASE | re.DOTALL,
)
"""A value of `multipart/form-data`, as Shortcuts of iOS and `curl -F` send it."""


def elements_of(value: object) -> list[object]:
    """The elements of a list; a list of itself for any other value.

    Raises:
        TooMuchError: there are too many.
    """
    elements = value if isinstance(value, list) else [value]
    if len(elements) > MAX_ELEMENTS:
        raise TooMuchError
    return elements


def stream_of(body: bytes, name: str) -> Stream:
    """A body for the readers of files."""
    return Stream(name, iter([body]), lambda: len(body), lambda: None)


def _salvaged(body: bytes, list_name: str) -> JsonBody:
    """What is whole of a broken body, as the reader of files finds it."""
    plain = as_text(body).encode("utf-8", "replace")
    reader = JsonElements(stream_of(plain, "body"), lists=frozenset({list_name} - {""}))
    whole: list[object] = []
    damage: RefusalReason | None = None  # none is found in several values, one after another
    try:
        for element in reader:
            if isinstance(element, BrokenStretch):
                damage = element.reason
            else:
                whole.append(element)
    except BadInputError:
        damage = RefusalReason.UNREADABLE
    if not whole:
        damage = damage or RefusalReason.UNREADABLE
    return JsonBody(elements_of(whole), reader.top, damage)
