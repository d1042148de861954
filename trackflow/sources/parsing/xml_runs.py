"""Runs of elements of one shape in XML, read by one pattern instead of one event at a time.

Nearly all of a file of points is one element again and again: the same tags in the same order.
Their shape is learnt from the file, and neighbours of that shape are taken together. All else goes
through the parser, which decides where a run may begin: right behind an element that it has read to
its end. What a run gives is what the parser would have given, so where pieces begin and end, and
what shape was learnt, changes nothing.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from trackflow.sources.parsing.xml_points import CONTEXT_CHARS, XmlParser

HELD_MAX_CHARS = 100_000
"""A beginning of an element that is longer is not held back for its end."""

_DEPTH_MAX = 50
_SHAPE_MAX_CHARS = 20_000
_LEAVES_MAX = 60
_NAME = r"[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?"
_TOKEN = re.compile(
    rf'<(?P<open>{_NAME})(?P<said>(?:\s+{_NAME}="[^"<&\t\r\n]*")*)\s*(?P<empty>/?)>'
    rf"|</(?P<close>{_NAME})>|(?P<text>[^<&]+)",
    re.ASCII,
)
_ATTRIBUTE = re.compile(rf'\s+({_NAME})="([^"]*)"', re.ASCII)
BLANKS = r"[ \t\r\n]*"
LEAF = r"([^<&\]\r]{0,200})"
"""The text of a leaf that the parser hands on as it is, and in one piece."""


@dataclass(frozen=True, slots=True)
class Shape:
    """An element as one pattern.

    Attributes:
        pattern: group 1 is the whole element with the blanks before it, then come the attributes
            and then the texts of the leaves.
        tag: of the element, with its prefix.
        attributes: names of its attributes.
        leaves: for each leaf its tags from the first below the element to its own.
    """

    pattern: re.Pattern[str]
    tag: str
    attributes: tuple[str, ...]
    leaves: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Run:
    """Elements of one shape, one after another.

    Attributes:
        shape: of each.
        wholes: each as text, with the blanks before it.
        columns: the attributes and then the leaves, as the parser would hand them on.
        first_line: where the first one's text begins.
    """

    shape: Shape
    wholes: list[str]
    columns: list[list[str]]
    first_line: int

    def __len__(self) -> int:
        return len(self.wholes)

    @cached_property
    def lines(self) -> list[int]:
        """The line on which the text of each begins, its blanks among it."""
        lines = []
        line = self.first_line
        for whole in self.wholes:
            lines.append(line)
            line += whole.count("\n")
        return lines

    def line_of(self, index: int, mark: str) -> int:
        """The line of the last `mark` in an element."""
        whole = self.wholes[index]
        return self.lines[index] + whole.count("\n", 0, whole.rfind(mark))

    @property
    def end_lines(self) -> list[int]:
        """The line on which each ends."""
        return [
            line + whole.count("\n") for line, whole in zip(self.lines, self.wholes, strict=True)
        ]


class RunParser(XmlParser):
    """A parser that takes runs. A format derives from it as it would from `XmlParser`.

    It calls `unit_ended` behind an element of the kind that runs are of, and takes them in
    `take_run`; `ready` says whether its own state is that behind such an element.
    """

    unit: re.Pattern[str]
    """How an element begins that can be one of a run."""

    def __init__(self, name: str) -> None:
        self._shape: Shape | None = None
        self._held = ""
        self._whole = ""
        self._at = 0
        self._unit_tag = ""
        self._unit_end = -1
        super().__init__(name)

    def shape_at(self, text: str, begin: int) -> Shape | None:
        """The shape of the element that `unit` found at `begin`."""
        return shape_of(text, begin)

    def fits(self, shape: Shape) -> bool:
        """Whether runs of this shape can be taken."""
        raise NotImplementedError

    def take_run(self, run: Run) -> None:
        """Elements that follow one another."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether nothing is half-read that a run would have to go on with."""
        return True

    def unit_ended(self, tag: str) -> None:
        """Notes that an element of the kind has ended with this tag."""
        self._unit_tag = tag
        self._unit_end = int(self._parser.CurrentByteIndex) + len(tag.encode()) + 3

    def feed(self, text: str) -> None:
        """More of the file.

        Raises:
            BadInputError: it is hostile, or broken in too many places.
        """
        text, self._held = self._held + text, ""
        shape = self._shape = self._shape or self._learnt(text)
        if shape is None:
            super().feed(text)
            return
        end_tag = f"</{shape.tag}>"
        end = text.rfind(end_tag) + len(end_tag)
        if end < len(end_tag) or len(text) - end > HELD_MAX_CHARS:
            super().feed(text)
            return
        self._whole, self._at, self._held = text, 0, text[end:]
        parts = shape.pattern.split(text[:end])
        width = shape.pattern.groups + 1
        gaps = parts[::width]
        start = 0
        for index in (i for i, gap in enumerate(gaps) if gap):
            self._feed_units(shape, parts, start, index)
            self._feed_slowly(gaps[index])
            start = index
        self._feed_units(shape, parts, start, len(gaps) - 1)
        self._whole = ""
        if sum(map(bool, gaps)) > len(gaps) // 4:
            self._shape = self._learnt(text) or shape

    def finish(self, damage: str) -> None:
        """The end of the file; `damage` if it ends early."""
        held, self._held = self._held, ""
        super().feed(held)
        super().finish(damage)

    def _feed_slowly(self, text: str) -> None:
        self._at += len(text)
        self.following = self._whole[self._at : self._at + CONTEXT_CHARS]
        super().feed(text)
        self.following = ""

    def _feed_units(self, shape: Shape, parts: list[str], start: int, stop: int) -> None:
        """The elements from `start` up to `stop`: by the parser until it is behind one of them."""
        width = shape.pattern.groups + 1
        while start < stop and not self._is_behind(shape):
            self._feed_slowly(parts[start * width + 1])
            start += 1
        if start == stop:
            return
        wholes = parts[start * width + 1 : stop * width : width]
        first_leaf = 2 + len(shape.attributes)
        columns = [parts[start * width + g : stop * width : width] for g in range(2, first_leaf)]
        columns += [
            list(map(str.strip, parts[start * width + group : stop * width : width]))
            for group in range(first_leaf, width)
        ]
        self._at += sum(map(len, wholes))
        run = Run(shape, wholes, columns, self.line())
        self._first_line += sum(whole.count("\n") for whole in wholes)
        self.take_run(run)

    def _is_behind(self, shape: Shape) -> bool:
        """Whether the parser has just read an element of the same kind to its end."""
        return (
            self._unit_tag == shape.tag
            and self._unit_end == self._fed_bytes
            and not self._lost
            and self.depth < _DEPTH_MAX
            and self.ready()
        )

    def _begin(self) -> None:
        self._unit_end = -1
        super()._begin()

    def _learnt(self, text: str) -> Shape | None:
        """The shape of the last whole element in a text that has one that can be taken."""
        begins = [found.start() for found in self.unit.finditer(text)]
        for begin in reversed(begins[-6:]):
            shape = self.shape_at(text, begin)
            if shape is not None and self.fits(shape):
                return shape
        return None


def shape_of(text: str, begin: int) -> Shape | None:
    """The shape of the element that begins at `begin`.

    None where it is not whole, or has anything that the parser would not hand on as it stands.
    """
    learner = _Learner()
    at, last_text = begin, ""
    end = min(len(text), begin + _SHAPE_MAX_CHARS)
    while at < end and len(learner.leaves) <= _LEAVES_MAX:
        token = _TOKEN.match(text, at)
        if token is None:
            return None
        at = token.end()
        if token["text"] is not None:
            last_text = token["text"]
            continue
        is_good = (
            learner.opened(token, last_text) if token["open"] else learner.closed(token, last_text)
        )
        if not is_good:
            return None
        if not learner.tags:
            whole = re.compile(f"({learner.pattern})", re.ASCII)
            return Shape(whole, token["close"], learner.attributes, tuple(learner.leaves))
        last_text = ""
    return None


class _Learner:
    """Puts a pattern together, tag by tag. Its methods return whether that is possible.

    Attributes:
        tags: of the elements that are open.
        pattern: so far.
        attributes: of the outermost element.
        leaves: so far, each as its tags below the outermost.
    """

    def __init__(self) -> None:
        self.tags: list[str] = []
        self.pattern = ""
        self.attributes: tuple[str, ...] = ()
        self.leaves: list[tuple[str, ...]] = []
        self._is_leaf = False  # whether the innermost element has had no other in it

    def opened(self, token: re.Match[str], text_before: str) -> bool:
        """A tag that begins an element."""
        names = tuple(name for name, _ in _ATTRIBUTE.findall(token["said"]))
        is_outermost = not self.tags
        if text_before.strip() or len(set(names)) < len(names) or (token["empty"] and is_outermost):
            return False
        self.pattern += BLANKS + "<" + re.escape(token["open"])
        if is_outermost:
            self.attributes = names
            self.pattern += "".join(f'\\s+{re.escape(n)}="([^"<&\\t\\r\\n]*)"' for n in names)
        else:
            self.pattern += re.escape(token["said"])
        self.tags.append(token["open"])
        self._is_leaf = not token["empty"]
        if token["empty"]:
            self.pattern += f"{BLANKS}/>()"
            self.leaves.append(tuple(self.tags[1:]))
            self.tags.pop()
        else:
            self.pattern += f"{BLANKS}>"
        return True

    def closed(self, token: re.Match[str], text_before: str) -> bool:
        """A tag that ends one."""
        if not self.tags or self.tags[-1] != token["close"]:
            return False
        if self._is_leaf and len(self.tags) > 1:
            self.pattern += LEAF
            self.leaves.append(tuple(self.tags[1:]))
        elif text_before.strip():
            return False
        else:
            self.pattern += BLANKS
        self.pattern += f"</{re.escape(token['close'])}>"
        self.tags.pop()
        self._is_leaf = False
        return True
