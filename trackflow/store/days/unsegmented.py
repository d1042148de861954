"""Device-days whose points have not been cut yet: their stored segments may be outdated."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import processing_batches


def unsegmented(connection: Connection, first: dt.date, last: dt.date) -> set[tuple[str, dt.date]]:
    """Device-days of a range whose segments are pending, in progress or failed."""
    b = processing_batches.c
    rows = connection.execute(
        sa.select(b.device_id, b.day).where(
            b.day.between(first, last), b.segmented_generation < b.generation
        )
    )
    return {(row.device_id, row.day) for row in rows}
