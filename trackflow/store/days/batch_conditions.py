"""Conditions on batches, for other queries: which are due, resting or abandoned."""

import datetime as dt

import sqlalchemy as sa

from trackflow.store.clocks import is_impossible, is_over
from trackflow.store.days.batch_state import (
    LONGEST_REST_S,
)
from trackflow.store.tables import STAGES, processing_batches

b = processing_batches.c

LONGEST_LEASE_S = 86_400.0
"""The largest value of TRACKFLOW_LEASE_S."""


def done_at(stage: str) -> sa.Column[int]:
    """The generation that a stage was last done at."""
    column: sa.Column[int] = processing_batches.c[f"{stage}_generation"]
    return column


def input_of(stage: str) -> sa.Column[int]:
    """The generation that a stage has to reach."""
    return b.generation if stage == STAGES[0] else done_at(STAGES[0])


def is_due(
    stage: str, now: dt.datetime, lease_s: float = LONGEST_LEASE_S
) -> sa.ColumnElement[bool]:
    """The condition that a batch has work for `stage` now."""
    waiting = sa.and_(b.status.in_(("pending", "completed")), is_rested(now))
    undone = done_at(stage) < input_of(stage)
    return sa.and_(undone, sa.or_(waiting, is_abandoned(now, lease_s)))


def is_rested(now: dt.datetime) -> sa.ColumnElement[bool]:
    """The condition that a batch's next try is due."""
    never_set = is_impossible(b.next_try_at, now, LONGEST_REST_S)
    return sa.or_(b.next_try_at.is_(None), b.next_try_at <= now, never_set)


def is_abandoned(now: dt.datetime, lease_s: float = LONGEST_LEASE_S) -> sa.ColumnElement[bool]:
    """The condition that a batch's lease has ended, or lies impossibly far ahead."""
    return sa.and_(b.status == "processing", is_over(b.lease_until, now, lease_s))
