"""JSON of any size, one element at a time: the features of a collection, the lines of a file.

Each element is decoded as soon as its end has arrived, so memory holds one piece of the file and
one element. After a broken element, reading goes on at the next one that begins like the first.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from trackflow.errors import BadInputError
from trackflow.sources.containers.streams import Stream
from trackflow.sources.heads import encoding_of
from trackflow.sources.records import RAW_MAX_CHARS, RefusalReason

PIECE_BYTES = 1_048_576
ELEMENT_MAX_CHARS = 256 * 2**20
BROKEN_MAX = 10_000
_DEEPEST_PATH = 2
"""User and device."""

STRING_MAX_CHARS = 8 * 2**20
"""Longer text is nothing that a position is made of."""

_BLANK = re.compile(r"[\s\x1e\ufeff]*")
"""0x1e stands before each element of an RFC 8142 sequence."""
_NEXT_LINE = re.compile(r"\n[\s\x1e]*(?=[{\[])")
_NEXT_OBJECT = re.compile(r"\}\s*,\s*(?=\{)")
_DECODER = json.JSONDecoder(strict=False)
_NEAR_END_CHARS = 16
"""A literal or an escape that is cut by the end of the buffer is reported at its beginning."""

_LONG_DIGITS = b"0" * 19
_DIGITS = bytes(48 if 48 <= code <= 57 else code for code in range(256))
_LONG_WHOLE = re.compile(rb"[\[:,]\s*-?\d{19}")
"""A whole number that may be beyond 64 bits."""
_WINDOW_CHARS = 4_096

ELEMENT_LISTS = frozenset(
    {
        "features", "locations", "points", "data", "positions", "records", "items", "result",
        "results", "entity", "entries", "rows", "samples", "trackpoints", "waypoints", "messages",
    }
)  # fmt: skip
"""Names of members whose lists hold the elements."""


@dataclass(frozen=True, slots=True)
class BrokenStretch:
    """A stretch of the file that is no JSON."""

    reason: RefusalReason
    raw: str


class _NotJsonError(Exception):
    """The value at the reader's place is malformed, or cut off by the end of the file."""

    def __init__(self, *, cut_off: bool) -> None:
        super().__init__()
        self.cut_off = cut_off


class JsonElements:
    """Goes through the elements of a stream.

    Lists in lists are gone through too, `nesting` levels deep, and the lists in the elements of
    `outer_lists`: their elements take their place.

    Attributes:
        top: the members of the outermost object besides its elements.
        any_list: whether a list of elements was found.
        path: the names above the list of the latest element, if it lies below names of any kind.
    """

    def __init__(
        self,
        stream: Stream,
        piece_bytes: int = PIECE_BYTES,
        lists: frozenset[str] = ELEMENT_LISTS,
        nesting: int = 0,
        outer_lists: frozenset[str] = frozenset(),
        *,
        is_nested: bool = False,
    ) -> None:
        self.path: list[str] = []
        self._is_nested = is_nested
        self.top: dict[str, object] = {}
        self.any_list = False
        self._stream = stream
        self._piece_bytes = piece_bytes
        self._lists = lists
        self._nesting = nesting
        self._outer_lists = outer_lists
        self._decoder = codecs.getincrementaldecoder(encoding_of(stream.peek(4)))("replace")
        self._text = ""
        self._at = 0
        self._ended = False
        self._base = 0  # characters that are gone from the front of the buffer
        self._broken = 0
        self._in_list = False
        self._at_a_loss = False
        self._one_by_one_until = 0

    def __iter__(self) -> Iterator[object]:
        """The elements in their order, and a `BrokenStretch` for each stretch that is none."""
        while not self._at_a_loss and (character := self._peek()):
            start = self._base + self._at
            self._in_list = False
            try:
                if character == "[":
                    yield from self._list()
                elif character == "{":
                    yield from self._object()
                elif character in ",]}" and self._broken:
                    self._at += 1  # what is left of the list around a broken element
                else:
                    raise _NotJsonError(cut_off=False)
            except _NotJsonError as error:
                # Elements of a list were handed out already: not again from its beginning.
                begin = self._base + self._at if self._in_list else start
                yield from self._recover(begin, error, _NEXT_LINE)

    def _object(self, *, inside: bool = False) -> Iterator[object]:
        """An object: its lists of elements if it has any, else it is an element itself."""
        self._at += 1
        members: dict[str, object] = {}
        if not inside:
            self.top = members
        any_list = False
        while (character := self._peek()) and character != "}":
            if character == ",":
                self._at += 1
                continue
            key = self._value() if character == '"' else None
            if not isinstance(key, str) or self._peek() != ":":
                raise _NotJsonError(cut_off=not self._peek())
            self._at += 1
            if self._is_nested and self._peek() in ("[", "{") and len(self.path) < _DEEPEST_PATH:
                self.path.append(key)
                yield from self._list() if self._peek() == "[" else self._object()
                self.path.pop()
            elif key in self._lists and self._peek() == "[":
                any_list = True
                yield from self._list(is_outer=key in self._outer_lists)
                if self._at_a_loss:
                    return
            else:
                members[key] = self._value()
        if self._at_a_loss:
            return
        if not character:
            raise _NotJsonError(cut_off=True)
        self._at += 1
        if not (any_list if inside else self._in_list):
            yield members

    def _list(self, depth: int = 0, *, is_outer: bool = False) -> Iterator[object]:
        self._at += 1
        self.any_list = self._in_list = True
        beginning = _NEXT_OBJECT
        while (character := self._peek()) and character != "]":
            if character == ",":
                self._at += 1
                continue
            if character == "[" and depth < self._nesting:
                yield from self._list(depth + 1)
                if self._at_a_loss:
                    return
                continue
            try:
                if is_outer and character == "{":
                    yield from self._object(inside=True)
                    continue
                many = self._many(beginning, can_hold_lists=depth >= self._nesting)
                if many:
                    yield from many
                    continue
                element = self._value()
            except _NotJsonError as error:
                yield from self._recover(self._base + self._at, error, beginning)
            else:
                if beginning is _NEXT_OBJECT and isinstance(element, dict) and element:
                    beginning = _beginning_like(element)
                yield element
            if self._at_a_loss:
                return
        if not character:
            raise _NotJsonError(cut_off=True)
        self._at += 1

    def _many(self, beginning: re.Pattern[str], *, can_hold_lists: bool) -> list[object]:
        """The elements from here to the last beginning of one that is in the buffer, at once.

        None where anything in between would be read otherwise one by one. What is a list of values
        from here up to some place is the same list before any text, so where pieces end changes
        nothing.

        Args:
            beginning: how the elements begin.
            can_hold_lists: lists among the elements are elements themselves.
        """
        if beginning is _NEXT_OBJECT or self._base + self._at < self._one_by_one_until:
            return []
        end = self._last_beginning(beginning)
        comma = self._text.rfind(",", self._at, end)
        if comma < 0:
            return []
        data = b"[%b]" % self._text[self._at : comma].encode("utf-8", "surrogatepass")
        try:
            if _LONG_DIGITS in data.translate(_DIGITS) and _LONG_WHOLE.search(data):
                raise ValueError  # orjson would make a fraction of it
            found: list[object] = orjson.loads(data)
        except ValueError:
            self._one_by_one_until = self._base + end
            return []
        if not can_hold_lists and list in set(map(type, found)):
            self._one_by_one_until = self._base + end
            return []
        self._at = comma
        return found

    def _last_beginning(self, beginning: re.Pattern[str]) -> int:
        """Where the last element begins whose beginning is in the buffer; here if there is none."""
        width = _WINDOW_CHARS
        while True:
            start = max(len(self._text) - width, self._at + 1)
            last = self._at
            for found in beginning.finditer(self._text, start):
                last = found.start()
            if last > self._at or start == self._at + 1:
                return last
            width *= 8

    def _recover(
        self, start: int, error: _NotJsonError, beginning: re.Pattern[str]
    ) -> Iterator[object]:
        """Moves on from `start` to where the next element begins, or to the end."""
        at = max(start - self._base, 0)
        raw = self._text[at : at + RAW_MAX_CHARS]
        self._broken += 1
        if self._broken > BROKEN_MAX:
            raise BadInputError(f"{self._stream.name}: has more than {BROKEN_MAX} broken elements")
        self._at = at + 1
        while True:
            found = beginning.search(self._text, self._at)
            if found is not None:
                self._at = found.end() if found[0][0] in "}\n" else found.start()
                yield BrokenStretch(RefusalReason.UNREADABLE, raw)
                return
            if self._ended:
                self._at = len(self._text)
                self._at_a_loss = True
                yield BrokenStretch(
                    RefusalReason.TRUNCATED if error.cut_off else RefusalReason.UNREADABLE, raw
                )
                return
            self._at = max(len(self._text) - 100, self._at)  # a beginning may be cut in two
            self._more(self._piece_bytes)

    def _peek(self) -> str:
        """The next character that is no blank; empty at the end of the file."""
        if self._at < len(self._text) and self._text[self._at] > " ":
            character = self._text[self._at]
            if character != "\ufeff":
                return character
        while True:
            blank = _BLANK.match(self._text, self._at)
            assert blank is not None
            self._at = blank.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._more(self._piece_bytes)

    def _value(self) -> object:
        """The value at this place, read on until it is whole."""
        piece_bytes = self._piece_bytes
        self._peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                if end < len(self._text) or self._ended:  # else a number may go on
                    self._at = end
                    return value
            except json.JSONDecodeError as error:
                cut_off = error.pos >= len(self._text) - _NEAR_END_CHARS or error.msg.startswith(
                    "Unterminated"
                )
                if len(self._text) - error.pos > STRING_MAX_CHARS and cut_off:
                    raise BadInputError(
                        f"{self._stream.name}: has a single text of more than "
                        f"{STRING_MAX_CHARS // 2**20} MiB: this is no file of positions"
                    ) from None
                if self._ended or not cut_off:
                    raise _NotJsonError(cut_off=cut_off) from None
            except (RecursionError, ValueError):  # nested without end; a number of 5,000 digits
                raise _NotJsonError(cut_off=False) from None
            if len(self._text) - self._at > ELEMENT_MAX_CHARS:
                raise BadInputError(
                    f"{self._stream.name}: has a single element of more than "
                    f"{ELEMENT_MAX_CHARS // 2**20} MiB; split it, or convert it to CSV"
                )
            self._more(piece_bytes)
            piece_bytes *= 2  # else a long line would be decoded anew for every piece

    def _more(self, piece_bytes: int) -> None:
        data = self._stream.read(piece_bytes)
        self._base += self._at
        self._ended = not data
        self._text = self._text[self._at :] + self._decoder.decode(data, final=not data)
        self._at = 0


def _beginning_like(element: dict[str, object]) -> re.Pattern[str]:
    """How the elements of a list begin: not any object inside a broken one is an element."""
    first = next(iter(element))
    kind = element[first]
    value = re.escape(json.dumps(kind)) if first == "type" and isinstance(kind, str) else ""
    return re.compile(r"\{\s*" + re.escape(json.dumps(first)) + r"\s*:\s*" + value)
