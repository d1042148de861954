"""Tables and texts as Markdown, for the pages that are generated."""

import re
from collections.abc import Iterable, Sequence

GENERATED = "<!-- Made by `make docs`; changes by hand are lost. -->"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table."""
    return [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(cell(text) for text in row) + " |" for row in rows),
    ]


def cell(text: str) -> str:
    """A text in one line, whose bars end no cell."""
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def page(*parts: Iterable[str]) -> str:
    """Parts with an empty line between them."""
    return "\n\n".join("\n".join(part).strip() for part in parts) + "\n"
