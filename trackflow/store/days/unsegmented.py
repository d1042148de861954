"""Device-days whose points have not been cut yet: what is stored of them is of an earlier state."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import processing_batches


def unsegmented(connection: Connection, first: dt.date, last: dt.date) -> set[tuple[str, dt.date]]:
    """Batches of these days that wait for their segments, are at work or have failed there."""
    b = processing_batches.c
    rows = connection.execute(
        sa.select(b.device_id, b.day).where(
            b.day.between(first, last), b.segmented_generation < b.generation
        )
    )
    return {(row.device_id, row.day) for row in rows}
