"""Large JSON bodies in parts: each is a body of the same form with some of the elements.

A body of 16 MiB can be a minute of work and half a gigabyte of values. Cut into parts, it is read
and stored one part after another, and others get their turn in between. Only brackets, commas and
strings are looked at for that, by whole arrays of bytes; the readers read the parts as they would
read small bodies. What cannot be cut, as its elements do not lie where they should, stays whole.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackflow.geo.points import Ints
from trackflow.sources.devices.bodies import MAX_ELEMENTS, TooMuchError

REST_MAX_BYTES = 16_384
"""The members of an object beside its list are repeated in every part."""

_OPEN, _CLOSE, _COMMA = 1, 2, 3
_KINDS = np.zeros(256, np.uint8)
_KINDS[[ord("["), ord("{")]] = _OPEN
_KINDS[[ord("]"), ord("}")]] = _CLOSE
_KINDS[ord(",")] = _COMMA
_DEPTH_STEPS = np.array([0, 1, -1, 0], np.int64)
_QUOTE, _BACKSLASH = ord('"'), ord("\\")


@dataclass(frozen=True, slots=True)
class PartSizes:
    """How large parts are.

    Attributes:
        most_bytes: a part has no more, unless its only element has.
        most_elements: a part has no more.
        scan_bytes: so much of a body is looked at at a time.
    """

    most_bytes: int = 262_144
    most_elements: int = 1_000
    scan_bytes: int = 1_048_576


USUAL_SIZES = PartSizes()


@dataclass(frozen=True, slots=True)
class _Structure:
    """The brackets and commas outside of strings.

    Attributes:
        at: where each is.
        kind: what each is.
        depth: in how many brackets one is behind each.
    """

    at: Ints
    kind: NDArray[np.uint8]
    depth: Ints


def parts_of(
    body: bytes, list_names: frozenset[str] = frozenset(), sizes: PartSizes = USUAL_SIZES
) -> Iterator[bytes]:
    """The parts of a body, in order; a small one is its only part.

    Args:
        body: JSON: a list of elements, an object with such a list, a list of such objects, or one
            value after another.
        list_names: names of the members whose lists hold elements.
        sizes: of the parts.

    Raises:
        TooMuchError: there are too many elements; before the first part.
    """
    if len(body) <= sizes.most_bytes:
        return iter((body,))
    plain = _as_utf8(body)
    found = None if plain is None else _structure(plain, sizes.scan_bytes)
    if plain is None or found is None:
        return iter((body,))
    if found.kind[0] != _OPEN:
        return iter((body,))
    first = int(found.at[0])
    ends = found.at[(found.kind == _CLOSE) & (found.depth == 0)]
    if len(ends) > 1:
        if plain[first : first + 1] != b"{" or (found.kind[found.depth == 0] == _COMMA).any():
            return iter((body,))
        return _groups(plain, np.concatenate(([-1], ends)), b"", b"", sizes, keep_last=True)
    if plain[first : first + 1] == b"[":
        return _of_list(plain, found, first, list_names, sizes)
    return _of_object(plain, found, list_names, sizes)


def _of_list(
    body: bytes, found: _Structure, first: int, list_names: frozenset[str], sizes: PartSizes
) -> Iterator[bytes]:
    """The parts of a list of elements.

    Args:
        body: the body.
        found: its brackets and commas.
        first: where the list begins.
        list_names: names of the members whose lists hold elements.
        sizes: of the parts.
    """
    edges = _edges(found, first, depth=1)
    if edges is None:
        return iter((body,))
    return (
        b"[" + smaller + b"]" if smaller is not part else part
        for part in _groups(body, edges, b"[", b"]", sizes)
        for smaller in _of_only_element(part, list_names, sizes)
    )


def _of_only_element(part: bytes, list_names: frozenset[str], sizes: PartSizes) -> Iterator[bytes]:
    """The part itself; or parts of its element, if that alone is larger than a part may be."""
    element = part[1:-1].strip()
    if len(part) <= 2 * sizes.most_bytes or not list_names or element[:1] != b"{":
        return iter((part,))
    smaller = list(parts_of(element, list_names, sizes))
    return iter(smaller if len(smaller) > 1 else (part,))


def _of_object(
    body: bytes, found: _Structure, list_names: frozenset[str], sizes: PartSizes
) -> Iterator[bytes]:
    """The parts of an object with a list of elements.

    Args:
        body: the body.
        found: its brackets and commas.
        list_names: names of the members whose lists hold elements.
        sizes: of the parts.
    """
    names = "|".join(map(re.escape, sorted(list_names))).encode()
    starts = [m.end() - 1 for m in re.finditer(rb'"(?:' + names + rb')"\s*:\s*\[', body)]
    opened = found.at[(found.kind == _OPEN) & (found.depth == 2)]
    lists = np.intersect1d(opened, starts) if list_names else opened[:0]
    edges = _edges(found, int(lists[0]), depth=2) if len(lists) == 1 else None
    if edges is None:
        return iter((body,))
    before, after = body[: int(edges[0]) + 1], body[int(edges[-1]) :]
    if len(before) + len(after) > REST_MAX_BYTES:
        return iter((body,))
    return _groups(body, edges, before, after, sizes)


def _edges(found: _Structure, start: int, depth: int) -> Ints | None:
    """Where the list that begins at `start` begins, has its commas, and ends.

    None if there is nothing to cut.
    """
    ends = found.at[(found.at > start) & (found.kind == _CLOSE) & (found.depth == depth - 1)]
    commas = found.at[(found.kind == _COMMA) & (found.depth == depth)]
    commas = commas[(commas > start) & (commas < ends[0])]
    if not len(commas):
        return None
    if len(commas) >= MAX_ELEMENTS:
        raise TooMuchError
    return np.concatenate(([start], commas, ends[:1]))


def _groups(
    body: bytes,
    edges: Ints,
    before: bytes,
    after: bytes,
    sizes: PartSizes,
    *,
    keep_last: bool = False,
) -> Iterator[bytes]:
    """As many elements at a time as make a part; one at least.

    Args:
        body: the body.
        edges: in front of each element, and behind the last one.
        before: what stands before the elements of each part.
        after: what stands behind them.
        sizes: of the parts.
        keep_last: whether the byte at an edge belongs to the element before it.
    """
    at, last = 0, len(edges) - 1
    while at < last:
        fits = int(np.searchsorted(edges, edges[at] + sizes.most_bytes, side="right")) - 1
        to = max(at + 1, min(fits, at + sizes.most_elements, last))
        yield before + body[int(edges[at]) + 1 : int(edges[to]) + keep_last] + after
        at = to


def _as_utf8(body: bytes) -> bytes | None:
    """The body in the encoding in which brackets are single bytes; None if it is in none."""
    encoding = json.detect_encoding(body[:4])
    if encoding == "utf-8":
        return body
    try:
        return body.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
    except UnicodeError:
        return None


def _structure(body: bytes, scan_bytes: int) -> _Structure | None:
    """The brackets and commas of a body; None if they do not fit together."""
    pieces: list[_Structure] = []
    depth, in_string, backslashes = 0, 0, 0
    for offset in range(0, len(body), scan_bytes):
        piece = np.frombuffer(body, np.uint8, min(scan_bytes, len(body) - offset), offset)
        quotes = _quotes(piece, backslashes)
        backslashes = _trailing_backslashes(piece, backslashes)
        toggles = np.zeros(len(piece), np.uint8)
        toggles[quotes] = 1
        inside = (np.cumsum(toggles, dtype=np.uint8) + np.uint8(in_string)) & 1
        in_string = int(inside[-1])
        kinds = _KINDS[piece]
        at = np.flatnonzero((kinds != 0) & (inside == 0))
        kind = kinds[at]
        depths = depth + np.cumsum(_DEPTH_STEPS[kind])
        if len(at):
            depth = int(depths[-1])
            if depths.min() < 0:
                return None
            pieces.append(_Structure(at + offset, kind, depths))
    if depth or in_string or not pieces:
        return None
    return _Structure(
        np.concatenate([piece.at for piece in pieces]),
        np.concatenate([piece.kind for piece in pieces]),
        np.concatenate([piece.depth for piece in pieces]),
    )


def _quotes(piece: NDArray[np.uint8], backslashes: int) -> Ints:
    """Where strings begin and end; `backslashes` stand right before the piece."""
    quotes = np.flatnonzero(piece == _QUOTE)
    other = np.flatnonzero(piece != _BACKSLASH)
    if len(other) == len(piece) and not backslashes:
        return quotes
    # the quote at place k of `other` has everything since the one before it for backslashes
    before = np.concatenate(([-1 - backslashes], other))[np.searchsorted(other, quotes)]
    unescaped: Ints = quotes[(quotes - before - 1) % 2 == 0]
    return unescaped


def _trailing_backslashes(piece: NDArray[np.uint8], backslashes: int) -> int:
    """How many backslashes end a piece, those before it included if it is nothing else."""
    other = np.flatnonzero(piece[::-1] != _BACKSLASH)
    return int(other[0]) if len(other) else len(piece) + backslashes
