"""Repeats whole transactions that the database broke off: a lost connection, a dead lock."""

from collections.abc import Callable

from sqlalchemy.engine import Connection

from trackflow.concurrency.deadline import NEVER, Deadline
from trackflow.concurrency.retrying import Retry
from trackflow.errors import StoreUnavailableError
from trackflow.store.database import Store

TRANSACTION_RETRY = Retry(
    attempts=4,
    wait_first_s=0.1,
    wait_most_s=2.0,
    jitter_s=0.2,
    only=StoreUnavailableError,
    name="transactions",
)
"""Short waits: a dead lock is gone at once, and a restarted server is back within seconds.

Work of several transactions is repeated by its `call`, if it is idempotent.
"""

MOST_DAYS = 31
"""Days of a device in one transaction: it may block writers for a second, not for a minute."""


def write_repeatedly[R](
    store: Store,
    function: Callable[[Connection], R],
    deadline: Deadline = NEVER,
    retry: Retry = TRANSACTION_RETRY,
) -> R:
    """The result of `function` in one transaction for writing, repeated whole when broken off.

    The connection may break after the commit and before its answer: the function then runs again
    although its writes are stored. It must therefore be idempotent.

    Args:
        store: the database.
        function: does all of its reads and writes with the connection that it is given.
        deadline: no try begins after it.
        retry: how many tries, and the waits between them in seconds.

    Raises:
        StoreUnavailableError: the last try failed too.
    """

    def once() -> R:
        with store.write() as connection:
            return function(connection)

    return retry.call(once, deadline)
