"""What follows a failed try of a mesh: another one after a rest, or none."""

import datetime as dt

FIRST_RETRY_S = 15.0
"""Rest before the second try; it doubles with every try."""

LONGEST_REST_S = 3600.0

MOST_TRIES = {"unavailable": 5, "storage": 5, "fetch": 5, "service": 3, "unexpected": 3, "died": 3}
"""Tries by the kind of the last failure; every other kind has one, as no retry helps."""

BATCH_CANCELLED = "batch cancelled"
"""Kind of the end of meshes whose batch was cancelled; resuming it makes them."""


def is_worth_a_try(error_kind: str | None) -> bool:
    """Whether a failure of this kind may pass."""
    return error_kind in MOST_TRIES


def next_try(tries: int, error_kind: str, now: dt.datetime) -> dt.datetime | None:
    """When a mesh is tried again; None if it is given up.

    Args:
        tries: failed ones, with the last one.
        error_kind: of the last failure.
        now: the time, UTC.
    """
    if tries >= MOST_TRIES.get(error_kind, 1):
        return None
    return now + dt.timedelta(seconds=min(FIRST_RETRY_S * 2 ** (tries - 1), LONGEST_REST_S))
