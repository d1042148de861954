"""Which days have been worked on since a moment, and which stages of them are done."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.days.batch_conditions import done_at, input_of
from trackflow.store.tables import STAGES, processing_batches

b = processing_batches.c


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the list of days in the order in which they were worked on, UTC."""

    moment: dt.datetime
    day: dt.date


@dataclass(frozen=True, slots=True)
class MadeDay:
    """A day, with the state of each stage that is done.

    Attributes:
        day: the day.
        position: in the order of the last work on any of its batches.
        done: a text for each done stage that differs when the stage was done for other input.
    """

    day: dt.date
    position: Position
    done: dict[str, str]


def made_after(connection: Connection, after: Position, most: int, last: dt.date) -> list[MadeDay]:
    """The days that were worked on after a position, in this order.

    A stage is done when it is for every batch of the day, but for those that wait for a road
    network or engine, if it is for one of them.

    Args:
        connection: to the store.
        after: the position.
        most: days at most.
        last: no days after this one.
    """
    waits = sa.and_(b.status == "pending", b.error_message.is_not(None), b.retry_count == 0)
    columns: list[sa.ColumnElement[Any]] = []
    for stage in STAGES:
        is_done = sa.and_(
            done_at(STAGES[0]) >= input_of(STAGES[0]), done_at(stage) >= input_of(stage)
        )
        columns += [
            sa.func.min(sa.case((sa.or_(is_done, waits), 1), else_=0)),
            sa.func.sum(sa.case((is_done, 1), else_=0)),
            sa.func.sum(done_at(stage)),
        ]
    moment = sa.func.max(b.updated_at)
    # grouped are the few days of which a batch was worked on, by the index on days
    changed = sa.select(b.day).where(b.updated_at >= after.moment)
    query = (
        sa.select(b.day, moment, *columns)
        .where(b.day <= last, b.day.in_(changed))
        .group_by(b.day)
        .having(sa.or_(moment > after.moment, sa.and_(moment == after.moment, b.day > after.day)))
        .order_by(moment, b.day)
        .limit(most)
    )
    return [_made(*row) for row in connection.execute(query)]


def _made(day: dt.date, moment: dt.datetime, *sums: int) -> MadeDay:
    done = {}
    for stage, (complete, count, generations) in zip(
        STAGES, zip(sums[::3], sums[1::3], sums[2::3], strict=True), strict=True
    ):
        if complete and count:
            done[stage] = f"{count}-{generations}"
    return MadeDay(day, Position(moment, day), done)
