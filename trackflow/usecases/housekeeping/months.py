"""The tables of the next months, made before any point needs them."""

from trackflow.context import Context
from trackflow.store import months
from trackflow.store.transactions import write_repeatedly


def make_months_ahead(context: Context) -> int:
    """Make the partitions of this month and the next ones; returns how many were missing.

    Raises:
        StoreUnavailableError: the database cannot be reached.
    """
    today = context.clock().date()
    return write_repeatedly(context.store, lambda connection: months.make_ahead(connection, today))
