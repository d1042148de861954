"""XML of any size and any condition: handed on as it comes, and mended where it is broken.

Where the markup is broken, reading goes on at the next element that can hold a point. A document
type is refused (its entities can make a small file expand without end), and so are endless tags
and endless nesting.
"""

import codecs
import re
from collections.abc import Iterator
from typing import NoReturn
from xml.parsers import expat

from trackflow.errors import BadInputError
from trackflow.sources.containers.streams import PIECE_BYTES, Stream
from trackflow.sources.file_format import Surety
from trackflow.sources.heads import Head, encoding_of
from trackflow.sources.records import Refusal, RefusalReason, clean_raw

DEPTH_MAX = 100
TOKEN_MAX_CHARS = 8 * 2**20
RESTARTS_MAX = 1_000
TEXT_MAX_CHARS = 1_000
"""A longer text is no value of a point."""

CONTEXT_CHARS = 120
_ANCHOR_MAX_CHARS = 40

_DECLARED_ENCODING = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)[\"']")
_TEXT_ENCODING = re.compile(
    r"utf-?8|(?:us-)?ascii|latin-?1|latin9|iso-?8859-(?:1?[13-9]|2|10)|(?:windows-|cp)125\d|koi8-[ru]"
    r"|gbk|gb2312|gb18030|big5|shift_jis|euc-(?:jp|kr)"
)
"""By name, because Python has codecs that are no text encodings (base64, idna, unicode_escape)."""
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ALLOWED_ASCII = b"\t\n\r" + bytes(range(32, 128))
_LONGEST_ENTITY = 10


class XmlParser:
    """Feeds expat, and says what it could not read.

    A format derives from it: `begin` forgets a half-read point, `started`, `text` and `ended` are
    expat's events, `anchor` finds the tags at which reading can go on, and `reopened` is the
    markup around such a tag.

    Attributes:
        name: the file, as people know it.
        refused: stretches that are no XML.
        problem: the last thing that was wrong with the markup.
        depth: how many elements are open.
        following: what comes next in the file, as far as it is known, to be shown with a problem.
    """

    anchor: re.Pattern[str]
    format_name: str

    def __init__(self, name: str) -> None:
        self.name = name
        self.refused: list[Refusal] = []
        self.problem = ""
        self.depth = 0
        self.following = ""
        self._restarts = 0
        self._first_line = 1
        self._lost = False
        self._tail = ""
        self._begin()

    def begin(self) -> None:
        """Nothing is open any more."""
        raise NotImplementedError

    def started(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins; calls `deeper`."""
        raise NotImplementedError

    def text(self, text: str) -> None:
        """Text inside the innermost element."""
        raise NotImplementedError

    def ended(self, tag: str) -> None:
        """An element ends; takes one from `depth`."""
        raise NotImplementedError

    def reopened(self, found: re.Match[str]) -> str:
        """The tags to open before the one that `anchor` found."""
        raise NotImplementedError

    def feed(self, text: str) -> None:
        """More of the file.

        Raises:
            BadInputError: it is hostile, or broken in too many places.
        """
        while text:
            if self._lost:
                text = self._found_again(self._tail + text)
                continue
            start_byte = self._fed_bytes
            encoded = text.encode("utf-8", "replace")
            self._fed_bytes += len(encoded)
            try:
                self._parser.Parse(encoded, False)
            except expat.ExpatError as error:
                at = max(self._parser.ErrorByteIndex - start_byte, 0)
                text = self._lose(encoded[at:].decode("utf-8", "replace"), error)
                continue
            if self._fed_bytes - self._parser.CurrentByteIndex > TOKEN_MAX_CHARS:
                raise BadInputError(f"{self.name}: has a tag or text of more than 8 MiB")
            return

    def finish(self, damage: str) -> None:
        """The end of the file; `damage` if it ends early."""
        problem = damage
        if not self._lost:
            try:
                self._parser.Parse(b"", True)
            except expat.ExpatError as error:
                problem = damage or expat.errors.messages[error.code]
        if problem:
            self.problem = problem
            self.refuse(RefusalReason.TRUNCATED, problem, self.line())

    def deeper(self) -> None:
        """One more element is open.

        Raises:
            BadInputError: too many are.
        """
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise BadInputError(f"{self.name}: is nested more than {DEPTH_MAX} deep")

    def refuse(self, reason: RefusalReason, raw: str, line: int) -> None:
        """One refusal."""
        self.refused.append(Refusal(reason, clean_raw(raw), f"{self.name}:{line}"))

    def line(self) -> int:
        """The line of the file that is being read."""
        return self._first_line + int(self._parser.CurrentLineNumber) - 1

    def _begin(self) -> None:
        parser = expat.ParserCreate(encoding="utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self.started
        parser.EndElementHandler = self.ended
        parser.CharacterDataHandler = self.text
        parser.StartDoctypeDeclHandler = self._doctype
        self._parser = parser
        self._fed_bytes = 0
        self.depth = 0
        self.begin()

    def _lose(self, rest: str, error: expat.ExpatError) -> str:
        """Notes broken markup; returns the text in which to look for the next point."""
        self.problem = expat.errors.messages[error.code]
        line = self.line()
        shown = (rest + self.following)[:CONTEXT_CHARS]
        self.refuse(RefusalReason.UNREADABLE, shown or self.problem, line)
        self._restarts += 1
        if self._restarts > RESTARTS_MAX:
            raise BadInputError(f"{self.name}: is broken in more than {RESTARTS_MAX} places")
        self._lost = True
        self._first_line = line
        self._tail = ""
        return rest[1:] or " "

    def _found_again(self, text: str) -> str:
        """The text from the next anchor on, in a fresh parser; empty if there is none yet."""
        found = self.anchor.search(text)
        if found is None:
            keep = _ANCHOR_MAX_CHARS
            self._first_line += text.count("\n", 0, -keep) if len(text) > keep else 0
            self._tail = text[-keep:]
            return ""
        self._lost = False
        self._first_line += text.count("\n", 0, found.start())
        opened = self.reopened(found)
        self._begin()
        return f"{opened}{text[found.start() :]}"

    def _doctype(self, *_: object) -> NoReturn:
        raise BadInputError(
            f"{self.name}: has a document type (DOCTYPE), which {self.format_name} never needs and "
            "which can make a small file expand without end; remove it"
        )


def local_name(tag: str) -> str:
    """A tag without its prefix."""
    return tag.rpartition(":")[2]


def texts(stream: Stream) -> Iterator[str]:
    """The file as text that is safe to parse: bytes that are no text cost no point.

    A name in Latin-1 and a bare `&` are what loggers get wrong most; XML would stop at either.

    Raises:
        BadInputError: it declares an encoding that is not known.
    """
    decoder = codecs.getincrementaldecoder(_encoding(stream))("replace")
    tail = ""
    first = True
    while True:
        data = stream.read(PIECE_BYTES)
        text = tail + decoder.decode(data, final=not data)
        if first:
            text = text.removeprefix("\ufeff").lstrip()  # blanks before <?xml are an error
            first = False
        # An entity may be cut in two by the end of the piece.
        entity = text.rfind("&", max(len(text) - _LONGEST_ENTITY, 0)) if data else -1
        text, tail = (text[:entity], text[entity:]) if entity >= 0 else (text, "")
        if "&" in text:
            text = _BARE_AMPERSAND.sub("&amp;", text)
        yield text if _is_plain(text) else _FORBIDDEN.sub("\ufffd", text)
        if not data:
            return


def _is_plain(text: str) -> bool:
    """Whether a text surely has no character that XML forbids; far faster than to look for them."""
    return text.isascii() and not text.encode().translate(None, _ALLOWED_ASCII)


def _encoding(stream: Stream) -> str:
    head = stream.peek(512)
    marked = encoding_of(head)
    declared = _DECLARED_ENCODING.search(head)
    if marked != "utf-8" or declared is None:
        return marked
    name = declared[1].decode("ascii", "replace").lower()
    if name.startswith(("utf-16", "ucs-2")):
        return "utf-8"  # left over from before a conversion: this was read as single bytes
    if not _TEXT_ENCODING.fullmatch(name):
        raise BadInputError(f"{stream.name}: has the unknown encoding {name[:40]!r}")
    return name


def root_at(head: Head, root: str) -> int | None:
    """How sure an element makes a format: the outermost of several decides."""
    if not head.text.startswith("<"):
        return None
    found = re.search(rf"<(?:[\w.-]+:)?{root}[\s>]", head.xml)
    return None if found is None else Surety.PROGRAM + found.start()
