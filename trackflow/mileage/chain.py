"""The chain of a book: each link's hash covers its content and the hash of the link before it.

Who changes a byte of a closed link, leaves one out or puts one in, breaks every hash after it. The
hash of the last link, printed in each report, stands for the whole book up to there.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

START = "0" * 64
"""The hash before the first link."""


@dataclass(frozen=True, slots=True)
class Link:
    """A closed entry or an amendment, as the chain sees it.

    Attributes:
        chain_no: its number, from 1, without a hole.
        kind: "entry" or "amendment".
        link_id: its id.
        content: all that its hash covers, as JSON values; None if it cannot be read any more.
        previous_hash: as it is stored.
        link_hash: as it is stored.
    """

    chain_no: int
    kind: str
    link_id: str
    content: Mapping[str, Any] | None
    previous_hash: str
    link_hash: str


@dataclass(frozen=True, slots=True)
class ChainFault:
    """What is wrong with a link, in words; its kind is "end" where the chain was cut off."""

    chain_no: int
    kind: str
    link_id: str
    problem: str


def canonical(content: Mapping[str, Any]) -> bytes:
    """The one form of JSON values that is hashed: keys in order, no spaces, UTF-8.

    Numbers are whole or text: a fraction would be written differently by another program.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def link_hash(previous_hash: str, content: Mapping[str, Any]) -> str:
    """The hash of a link (SHA-256, hexadecimal)."""
    return hashlib.sha256(previous_hash.encode() + b"\n" + canonical(content)).hexdigest()


def faults(links: Iterable[Link], length: int | None = None) -> list[ChainFault]:
    """What is wrong with a chain, from its first link on; nothing if it is intact.

    Args:
        links: of one book, in the order of their numbers.
        length: how many links it had, as far as that is known: a chain does not show that its end
            was cut off.
    """
    found = []
    expected_no = 1
    expected_hash: str | None = START
    for link in links:
        if link.chain_no != expected_no:
            found.append(_fault(link, f"the link before it should be {link.chain_no - 1}"))
        if link.content is None:
            found.append(_fault(link, "what is stored of it cannot be read"))
            expected_no, expected_hash = link.chain_no + 1, None  # nobody knows its hash
            continue
        if expected_hash is not None and link.previous_hash != expected_hash:
            found.append(_fault(link, "it does not follow the link before it"))
        if link_hash(link.previous_hash, link.content) != link.link_hash:
            found.append(_fault(link, "its content is not what was closed"))
        expected_no, expected_hash = link.chain_no + 1, link.link_hash
    if length is not None and expected_no != length + 1:
        is_cut = expected_no <= length
        where = "ends before this one: it was cut off" if is_cut else "goes on behind them"
        problem = f"the chain had {length:,} links, and {where}"
        found.append(ChainFault(expected_no if is_cut else length + 1, "end", "", problem))
    return found


def _fault(link: Link, problem: str) -> ChainFault:
    return ChainFault(link.chain_no, link.kind, link.link_id, problem)
