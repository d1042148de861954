"""The tokens in use, as they were within the last second.

A town of a thousand trackers sends two hundred reports a second, each with a token of its own; one
look at all tokens a second costs less than one look-up for each. The price: a token that was
revoked delivers for up to `FRESH_S` longer. So they serve deliveries only: nothing is read, changed
or deleted with a revoked token. A new one is looked up at once.
"""

import threading
import time
from collections.abc import Mapping

from trackflow.context import Context
from trackflow.usecases.access.tokens import Token, hash_of, tokens_in_use

FRESH_S = 1.0


class KnownTokens:
    """All tokens in use, by the hash of their secret; for any thread."""

    def __init__(self, context: Context) -> None:
        self._work = context
        self._found: Mapping[str, Token] = {}
        self._until = 0.0
        self._reading = threading.Lock()

    @property
    def is_fresh(self) -> bool:
        """Whether they may be gone by."""
        return time.monotonic() < self._until

    def find(self, secret: str) -> Token | None:
        """The token with this secret, if it is in use and known to be."""
        return self._found.get(hash_of(secret)) if self.is_fresh else None

    def refresh(self) -> None:
        """Read them, unless somebody does just now."""
        if self.is_fresh or not self._reading.acquire(blocking=False):
            return
        try:
            began = time.monotonic()  # what changes while they are read is seen a second later
            self._found = tokens_in_use(self._work)
            self._until = began + FRESH_S
        finally:
            self._reading.release()
