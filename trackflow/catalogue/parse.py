"""Pieces of HTML pages to text: lines of an address block, cells of a table, hidden addresses."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

_SPACES = re.compile(r"\s+")
_NO_SPAM = re.compile(
    r"""noSpam\(\s*(['"])(.*?)\1\s*,\s*(['"])(.*?)\3""", re.IGNORECASE | re.DOTALL
)
_LABEL = re.compile(r"(phone|website|e-?mail)\s*:\s*", re.IGNORECASE)
_BREAKS = frozenset({"br", "p", "div", "li", "tr"})


def html_of(body: bytes) -> str:
    """The text of a page; bytes that are not UTF-8 become replacement characters."""
    return body.decode("utf-8", "replace")


def text_of(node: LexborNode | None) -> str | None:
    """The text of an element as one line, None if there is no element or no text."""
    if node is None:
        return None
    return _SPACES.sub(" ", node.text(deep=True)).strip() or None


@dataclass(slots=True)
class AddressLine:
    """A line of an address block.

    Attributes:
        label: in lower case, such as "phone"; "" without one.
        text: what follows it.
        href: of the first link in the line.
    """

    label: str = ""
    text: str = ""
    href: str | None = None


def address_lines(block: LexborNode) -> list[AddressLine]:
    """The lines of an address block as a browser would show them; a label begins a new one."""
    lines = [AddressLine()]
    label_depth: LexborNode | None = None
    for node in block.traverse(include_text=True):
        tag = node.tag
        if tag in _BREAKS:
            lines.append(AddressLine())
        elif tag == "abbr" and node.attributes.get("title"):
            lines.append(AddressLine(label=(node.attributes["title"] or "").strip().lower()))
            label_depth = node
        elif tag == "a":
            lines[-1].href = lines[-1].href or href_of(node)
        elif tag == "-text" and not _is_in(node, label_depth):
            lines[-1].text += node.text_content or ""
    return [line for line in map(_tidy, lines) if line.text or line.label or line.href]


def href_of(link: LexborNode) -> str | None:
    """Where a link leads, or the script that it runs."""
    attributes = link.attributes
    href = (attributes.get("href") or "").strip()
    script = attributes.get("onclick") or ""
    return script if "nospam" in script.lower() else (href or None)


def email_in(link: str) -> str | None:
    """The address that a link hides in a script or a mailto:, None if there is none."""
    plain = unquote(link)
    hidden = _NO_SPAM.search(plain)
    if hidden:
        user, domain = hidden.group(2).strip(), hidden.group(4).strip()
        return f"{user}@{domain}" if user and domain else None
    if plain.lower().startswith("mailto:"):
        return plain[7:].partition("?")[0].strip() or None
    return None


def query_of(url: str | None, name: str) -> str | None:
    """A parameter of a URL's query, decoded; None if it is missing or empty."""
    if not url:
        return None
    try:
        values = parse_qs(urlsplit(url.strip()).query, max_num_fields=100).get(name, [])
    except ValueError:
        return None
    return _SPACES.sub(" ", values[0]).strip() or None if values else None


def table_under(html: str, heading: re.Pattern[str]) -> LexborNode | None:
    """The table to which a heading belongs: the one it stands in, or the next one after it.

    Looked for in the text of the page, which takes a tenth of the time of walking its elements.

    Args:
        html: the page.
        heading: has to allow for elements between its words.
    """
    found = heading.search(html)
    if found is None:
        return None
    opened, closed = (html.rfind(tag, 0, found.start()) for tag in ("<table", "</table"))
    start = opened if opened > closed else html.find("<table", found.end())
    if start < 0:
        return None
    end = html.find("</table", max(start, found.end()))
    return LexborHTMLParser(html[start : end if end >= 0 else len(html)]).css_first("table")


def numbers_by_label(table: LexborNode, labels: Mapping[str, str]) -> dict[str, str]:
    """Cells of a table by what stands before them, or above them if the labels are a row.

    Args:
        table: to look through.
        labels: what is looked for, in lower case, and what to call it.
    """
    found: dict[str, str] = {}
    above: list[str | None] = []
    for row in table.css("tr"):
        cells = [text_of(cell) or "" for cell in row.css("td, th")]
        names = [labels.get(cell.rstrip(": ").lower()) for cell in cells]
        if sum(name is not None for name in names) > 1 and not any(c[:1].isdigit() for c in cells):
            above = names
            continue
        pairs: Iterator[tuple[str | None, str]] = zip(names, cells[1:], strict=False)
        if above and not any(names):
            pairs = zip(above, cells, strict=False)
        for name, cell in pairs:
            if name is not None:
                found.setdefault(name, cell)
        above = []
    return found


def _tidy(line: AddressLine) -> AddressLine:
    text = _SPACES.sub(" ", line.text).strip()
    written = None if line.label else _LABEL.match(text)
    if written:
        return AddressLine(written.group(1).lower(), text[written.end() :].strip(), line.href)
    if line.label:
        text = text.removeprefix(":").strip()
    return AddressLine(line.label, text.strip(","), line.href)


def _is_in(node: LexborNode, element: LexborNode | None) -> bool:
    """Whether a text is directly in an element."""
    parent = node.parent
    return element is not None and parent is not None and parent.mem_id == element.mem_id


@dataclass(slots=True)
class AddressBlock:
    """What an address block says.

    Attributes:
        plain: the lines without a label.
        labelled: the others by their label.
    """

    plain: list[str] = field(default_factory=list)
    labelled: dict[str, AddressLine] = field(default_factory=dict)


def address_block(block: LexborNode) -> AddressBlock:
    """The lines of an address block, told apart by label."""
    found = AddressBlock()
    for line in address_lines(block):
        if line.label:
            found.labelled.setdefault(line.label.replace("-", ""), line)
        elif line.text:
            found.plain.append(line.text)
    return found
