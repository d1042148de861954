"""Words as they are compared: without case, accents and signs; and as a shell takes them."""

import re
import shlex
import unicodedata

LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th"})
"""Letters with a stroke, which Unicode does not take apart."""


CATEGORIES = ("business", "private", "commute", "race")
"""What tracks can be for that trackflow knows; others are a person's own."""

PLACE_KINDS = ("home", "work", "customer", "race_track", "other")

_CATEGORY_OF = {name: name for name in CATEGORIES} | {
    "geschäftlich": "business",
    "privat": "private",
    "arbeitsweg": "commute",
    "rennen": "race",
}


def category_named(text: str) -> str:
    """What a person calls a category: a known one in any case, and as the German pages call it.

    "Privat" as a category of its own would show everyone where a private trip went.
    """
    return _CATEGORY_OF.get(text.strip().casefold(), text)


def folded(text: str) -> str:
    """A text for comparing: `Škodova ul. 3` becomes `skodova ul 3`."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(LETTERS))
    bare = (" " if not letter.isalnum() else letter for letter in apart if not _is_mark(letter))
    return " ".join("".join(bare).split())


def signs(text: str) -> str:
    """What `folded` leaves out of a name that is looked for by it: `Bus🚌 12` becomes `🚌`."""
    return " ".join(letter for letter in text if unicodedata.category(letter)[0] == "S")


def _is_mark(letter: str) -> bool:
    return unicodedata.combining(letter) != 0


def rank(name: str, wanted: str) -> int | None:
    """How well a name fits what is looked for, both folded; smaller is better, None for not at all.

    0 for the name itself, 1 for its beginning, 2 for the beginning of one of its words, 3 for all
    words somewhere.
    """
    if name == wanted:
        return 0
    if name.startswith(wanted):
        return 1
    if f" {wanted}" in name:
        return 2
    words = name.split()
    if all(any(word.startswith(part) for word in words) for part in wanted.split()):
        return 3
    return None


_JOINED = re.compile("(?<=[^\x00-\x7f\u200c\u200d])[\u200c\u200d](?=[^\x00-\x7f\u200c\u200d])")
"""What joins two signs of a family of emoji, or keeps two letters of a Persian word apart."""


def is_seen(text: str) -> bool:
    """Whether people see all of a text: no control characters, none that turns the order around.

    A joiner beside a plain letter counts as unseen: two names would look the same.
    """
    return text.isprintable() or _JOINED.sub("", text).isprintable()


def for_shell(text: str) -> str:
    """A text as the value of an option of a command that a message prints, with its quotes."""
    return shlex.quote(text)


def last_for_shell(*texts: str) -> str:
    """Texts as the arguments of a command, behind its options: an id may look like an option."""
    dashes = ["--"] if any(text.startswith("-") for text in texts) else []
    return shlex.join([*dashes, *texts])
