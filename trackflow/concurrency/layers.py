"""Chooses how an amount of work is done: at once, by a pool of threads, or as a job."""

from enum import StrEnum

POOL_FROM = 10
"""Fewer items are done one after the other: a pool saves less than a person notices."""

JOB_FROM = 1_000
"""From here on a restart loses minutes of work, and a person wants progress and a way to cancel."""


class Layer(StrEnum):
    """How work is done; people read the values."""

    DIRECT = "direct"
    POOL = "pool"
    JOB = "job"


def layer_for(items: int) -> Layer:
    """The layer for this number of items.

    Raises:
        ValueError: the number is negative.
    """
    if items < 0:
        raise ValueError(f"a number of items cannot be negative: {items}")
    if items < POOL_FROM:
        return Layer.DIRECT
    return Layer.POOL if items < JOB_FROM else Layer.JOB
