"""Environment variables: how each is read, and its text in the reference."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from trackflow.errors import SettingsError

PREFIX = "TRACKFLOW_"


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable of a setting.

    Attributes:
        name: with its prefix.
        meaning: for people, in Markdown.
        unset: the default in words.
        parse: makes the value from its text; a ValueError's message names the mistake.
        is_secret: its text holds passwords and is never shown.
        from_machine: gives the default where this depends on the machine.
    """

    name: str
    meaning: str
    unset: str
    parse: Callable[[str], Any] = str
    is_secret: bool = False
    from_machine: Callable[[], Any] | None = None

    def read(self, text: str) -> Any:
        """The value of a text.

        Raises:
            SettingsError: it has none.
        """
        try:
            return self.parse(text)
        except ValueError as error:
            shown = "" if self.is_secret else f"={text!r}"
            raise SettingsError(f"{self.name}{shown} {error}") from None


def set_by(name: str, default: Any, meaning: str, **more: Any) -> Any:
    """A field of a dataclass that an environment variable sets.

    Args:
        name: of the variable, without its prefix.
        default: of the field.
        meaning: for people, in Markdown.
        more: the other fields of `Variable`; without `unset` the default itself is shown.
    """
    unset = more.pop("unset", None) or f"{default:g}"
    variable = Variable(PREFIX + name, meaning, unset, **more)
    return field(default=default, repr=not variable.is_secret, metadata={"variable": variable})


def whole_number(smallest: int, largest: int) -> Callable[[str], int]:
    """A parser of whole numbers within bounds."""

    def parse(text: str) -> int:
        value = number(smallest, largest)(text)
        if value != int(value):
            raise ValueError("is not a whole number")
        return int(value)

    return parse


def number(smallest: float, largest: float) -> Callable[[str], float]:
    """A parser of numbers within bounds."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError("is not a number") from None
        if not smallest <= value <= largest:
            raise ValueError(f"must lie between {smallest:g} and {largest:g}")
        return value

    return parse


def words(text: str) -> tuple[str, ...]:
    """The words of a text, split at blanks."""
    return tuple(text.split())
