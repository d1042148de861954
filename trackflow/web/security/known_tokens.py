"""The tokens in use, as they were within the last second.

A town of a thousand trackers sends two hundred reports a second, each with a token of its own;
reading all tokens once a second costs less than one look-up for each. The price: a token that was
revoked delivers for up to `FRESH_S` longer. So they serve deliveries only: nothing is read, changed
or deleted with a revoked token. A new one is looked up at once.
"""

import asyncio
import time
from collections.abc import Mapping

from fastapi.concurrency import run_in_threadpool

from trackflow.context import Context
from trackflow.usecases.access.tokens import Token, hash_of, tokens_in_use

FRESH_S = 1.0


class KnownTokens:
    """All tokens in use, by the hash of their secret."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._found: Mapping[str, Token] = {}
        self._until = 0.0
        self._refresh: asyncio.Task[None] | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether they are recent enough to decide by."""
        return time.monotonic() < self._until

    def find(self, secret: str) -> Token | None:
        """The token with this secret, if it is in use and known to be."""
        return self._found.get(hash_of(secret)) if self.is_fresh else None

    async def renew(self) -> None:
        """Read them unless they are fresh; concurrent callers wait for the same read.

        Otherwise each of a thousand trackers would read its own token from the store whenever the
        tokens are a second old.

        Raises:
            StoreUnavailableError: the database is away.
        """
        if self.is_fresh:
            return
        loop = asyncio.get_running_loop()
        if self._refresh is None or self._refresh.done() or self._refresh.get_loop() is not loop:
            self._refresh = loop.create_task(run_in_threadpool(self._read))
            # no request may be left to receive its error
            self._refresh.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._refresh)

    def _read(self) -> None:
        began = time.monotonic()  # a change during the read is seen a second later
        self._found = tokens_in_use(self._context)
        self._until = began + FRESH_S
