"""What pytest says of failures, short enough for the end of CI's record."""

from typing import Any

LONGEST_MESSAGE = 3_000


def shorten(failure: Any) -> None:
    """Cut the messages of a failure: in CI pytest shows them whole, a log of megabytes as well.

    Args:
        failure: a report's `longrepr`; what is no chain of exceptions stays as it is.
    """
    for traceback, crash, _ in getattr(failure, "chain", ()):
        for entry in traceback.reprentries:
            said = [k for k, line in enumerate(entry.lines) if line.startswith("E ")]
            if said:
                message = shortened("\n".join(entry.lines[said[0] :]))
                entry.lines = [*entry.lines[: said[0]], *message.split("\n")]
        if crash is not None:
            crash.message = shortened(crash.message)


def shortened(text: str) -> str:
    """The begin and the end of a long text."""
    half = LONGEST_MESSAGE // 2
    if len(text) <= 2 * half:
        return text
    return f"{text[:half]}\nE   [{len(text) - 2 * half} more characters]\n{text[-half:]}"
