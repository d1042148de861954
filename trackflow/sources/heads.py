"""The beginning of a file, from which its format is recognised."""

import codecs
import re
from functools import cached_property, lru_cache
from pathlib import PurePosixPath

from trackflow.sources.values.trips import score

HEAD_BYTES = 65_536
PADDED = b"INDEX,TAG,DATE,TIME,"
"""How tables of Columbus' loggers begin, whose cells are filled up with NUL."""
NAME_MAX_CHARS = 200
HEADER_CHARS = 8192
"""The header line of a table lies within this."""

_ENCODING_BYTES = 256

SEPARATORS = (",", ";", "\t", "|")

_BEFORE_TEXT = "\x1e \t\r\n"
"""What may stand before the first significant character; the first is of JSON sequences."""

_UNSEEN_XML = re.compile(r"<!--.*?-->|<\?.*?\?>", re.DOTALL)


class Head:
    """The first `HEAD_BYTES` of a file, and its name."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name = data, name

    @cached_property
    def text(self) -> str:
        """The beginning as text, without its byte order mark and leading blanks."""
        if (plain := without_ubx(self.data)) is not self.data:
            return plain.decode("latin-1").lstrip(_BEFORE_TEXT)
        encoding = encoding_of(self.data)
        text = self.data.decode(encoding, "replace").removeprefix("\ufeff")
        if encoding == "utf-8" and "\ufffd" in text[:HEADER_CHARS] and text[:1] not in "<{[":
            text = in_code_page(self.data, code_page_of(self.data))
        return text.lstrip(_BEFORE_TEXT)

    @property
    def has_sentences(self) -> bool:
        """Whether there are sentences among the binary messages of a receiver."""
        return without_ubx(self.data) is not self.data and "$G" in self.text

    @cached_property
    def xml(self) -> str:
        """The text without comments and processing instructions, which may name anything."""
        return _UNSEEN_XML.sub("", self.text)

    @property
    def ending(self) -> str:
        """The ending of the name in lower case, without a `.gz` after it."""
        path = PurePosixPath(self.name.lower())
        return path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix

    @property
    def is_whole(self) -> bool:
        """Whether the file has ended within its head."""
        return len(self.data) < HEAD_BYTES

    @cached_property
    def has_header(self) -> bool:
        """Whether one of the first lines names latitude and longitude."""
        lines = [line.strip("\"' \r").lstrip("#") for line in self.lines[:20]]
        for line in lines:
            cells = line.split(best_separator(line))
            if len(cells) > 1 and score([c.strip("\"' ") for c in cells]) >= 200:
                return True
        return False

    @property
    def lines(self) -> list[str]:
        """The first lines of the text."""
        text = self.text[:HEADER_CHARS]
        return text.split("\n" if "\n" in text else "\r")

    def names_all(self, *members: str) -> bool:
        """Whether JSON names a member for each of some patterns."""
        return all(re.search(rf'"(?:{names})"\s*:', self.text) for names in members)


def without_ubx(data: bytes) -> bytes:
    """The sentences of a u-blox receiver without its binary messages, which stand among them."""
    if _UBX not in data or (b"\x00" not in data and not data.startswith(_UBX)):
        return data
    pieces, at = [], 0
    while (found := data.find(_UBX, at)) >= 0:
        pieces.append(data[at:found])
        at = found + _UBX_BYTES + int.from_bytes(data[found + 4 : found + 6], "little")
    return b"".join([*pieces, data[at:]])


_UBX, _UBX_BYTES = b"\xb5b", 8
"""How a message begins, and how long it is without its content."""


def encoding_of(head: bytes) -> str:
    """UTF-16 if there is its byte order mark (Excel's "Unicode text"), else UTF-8.

    Without the mark, UTF-16 is known by the zeros in every other byte.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    start = head[:_ENCODING_BYTES]
    first, second = start[0::2].count(0), start[1::2].count(0)
    if len(start) >= 4 and max(first, second) * 4 > len(start):
        if not first:
            return "utf-16-le"
        if not second:
            return "utf-16-be"
    return "utf-8"


@lru_cache(maxsize=2)  # asked for the beginning of one file by its readers, one after another
def code_page_of(head: bytes) -> str:
    """The code page of a table that is no UTF-8: that in which its header names most columns.

    Western Europe's where none says more, as most of them are.
    """
    lines = [
        line
        for line in head[:HEADER_CHARS].split(b"\n")[:_HEADER_LINES]
        if not line.isascii() and not _NO_TEXT.search(line)
    ]

    def named(page: str) -> int:
        texts = [in_code_page(line, page) for line in lines]
        return max((score(text.split(best_separator(text))) for text in texts), default=0)

    return max(_CODE_PAGES, key=named) if lines else _CODE_PAGES[0]


def in_code_page(data: bytes, page: str) -> str:
    """Bytes as text; what the page leaves open is read as Latin-1, which leaves nothing open."""
    try:
        return data.decode(page)
    except UnicodeDecodeError:
        return data.decode("latin-1")


_CODE_PAGES = (
    "cp1252", "cp1250", "cp1251", "cp1254", "cp852", "cp866", "koi8-r", "gb18030", "shift-jis",
    "cp949", "big5",
)  # fmt: skip
_HEADER_LINES = 40

_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x19]")
"""What no page has in a header: lines of a file that is no text are not looked at eleven times."""


def best_separator(header: str) -> str:
    """The separator with which a header line names most of the columns that points have."""
    absent = [s for s in SEPARATORS if s not in header]  # one is as good as another
    asked = [s for s in SEPARATORS if s not in absent[1:]]
    return max(asked, key=lambda s: (score(header.split(s)), header.count(s)))


def stem(name: str) -> str:
    """The name of a file without folders and endings: the device of a file that names none.

    Of the `doc.kml` in a KMZ, it is the name of the KMZ.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.name.lower() == "doc.kml" and path.parent.name:
        path = path.parent
    if path.suffix.lower() == ".gz":
        path = path.with_suffix("")
    return (path.stem or path.name)[:NAME_MAX_CHARS]
