"""Digits of other scripts as those of ASCII, with the marks that stand between them."""

import re

_ZEROS = "\u0660\u06f0\u0966\u09e6\u0e50\uff10"
"""Arabic, Persian, Devanagari, Bengali, Thai and full-width ones."""

_MARKS = {
    "\u066b": ".", "\u066c": "", "\u060c": ",", "\uff0c": ",", "\uff0e": ".", "\uff0d": "-",
    "\uff1a": ":", "\uff0b": "+", "\u200e": "", "\u200f": "", "\u2212": "-", "\ufeff": "",
    "\u061c": "",
}  # fmt: skip
"""Points and commas of numbers; marks of the direction of writing are nothing."""

_DIGITS = {chr(ord(zero) + digit): str(digit) for zero in _ZEROS for digit in range(10)}
_ASCII = str.maketrans(_DIGITS | _MARKS)
_ANY = re.compile(f"[{''.join(_DIGITS | _MARKS)}]")
"""Nearly all texts beyond ASCII have none, only a degree sign: translating them costs far more."""


def ascii_digits(text: str) -> str:
    """A text with the digits of ASCII; all else stays."""
    return text if text.isascii() or not _ANY.search(text) else text.translate(_ASCII)
