"""What is wrong with a document of rules, all of it at once, each with its place."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass, field

from trackflow.errors import BadInputError

MOST_SHOWN = 20


class RulesError(BadInputError):
    """A document of rules cannot be used.

    Attributes:
        problems: each names its rule, its field and what is allowed.
    """

    def __init__(self, problems: Collection[str]) -> None:
        self.problems = tuple(problems)
        shown = "; ".join(self.problems[:MOST_SHOWN])
        more = len(self.problems) - MOST_SHOWN
        super().__init__(f"{shown}; and {more} more" if more > 0 else shown)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the document something is, and the list that takes what is wrong there."""

    name: str
    problems: list[str] = field(default_factory=list)

    def at(self, key: str) -> "Place":
        """A field in it."""
        return Place(f"{self.name}.{key}" if self.name else key, self.problems)

    def report(self, problem: str) -> None:
        """Note what is wrong here."""
        self.problems.append(f"{self.name}: {problem}")

    def unknown(self, key: str, allowed: Collection[str]) -> None:
        """Note a key that means nothing here."""
        close = difflib.get_close_matches(key, allowed, 1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        self.report(f"there is no {key!r}{hint}; there are {', '.join(allowed)}")
