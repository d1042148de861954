"""Days that were made, by any process: for Dagster's records. Only reads."""

import datetime as dt

from trackflow.context import Context
from trackflow.store.days import made_days
from trackflow.store.days.made_days import MadeDay, Position

__all__ = ["BEGINNING", "MadeDay", "Position", "made_after"]

BEGINNING = Position(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.date.min)


def made_after(context: Context, after: Position, most: int, last: dt.date) -> list[MadeDay]:
    """The days that were worked on after a position, in the order of the last work on them.

    Args:
        context: the store.
        after: the position.
        most: days at most.
        last: no days after this one.
    """
    with context.store.read() as connection:
        return made_days.made_after(connection, after, most, last)
