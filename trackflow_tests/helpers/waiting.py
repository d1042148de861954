"""Waiting for what will come."""

import time
from collections.abc import Callable

PATIENCE_S = 240.0
"""How long tests wait for what will come; on an idle machine all of it comes within a minute.

Machines that many share are at times five times slower. A wait that succeeds takes no longer for a
generous limit, and one that fails still ends, with its own message, before pytest's limit does.
"""


def wait_until[T](
    ask: Callable[[], T],
    why: object = "",
    *,
    pause_s: float = 0.05,
    patience_s: float = PATIENCE_S,
) -> T:
    """Ask again until the answer is true; returns it.

    Args:
        ask: what is asked; it raises where there is no hope any more.
        why: what is awaited, or a function that tells at the end how things stand, such as a log.
        pause_s: seconds between two answers.
        patience_s: for what is known to take still longer.
    """
    deadline = time.monotonic() + patience_s
    while not (found := ask()):
        if time.monotonic() >= deadline:
            said = why() if callable(why) else why
            raise AssertionError(f"not within {patience_s:g} s, last was {found!r}: {said or ask}")
        time.sleep(pause_s)
    return found
