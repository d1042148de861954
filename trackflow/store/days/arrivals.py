"""The days that recent deliveries have changed."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import processing_batches, receipts

r, b = receipts.c, processing_batches.c


def newest_receipt(connection: Connection) -> int:
    """The number of the last delivery, 0 before the first."""
    return connection.scalar(sa.select(sa.func.max(r.received_seq))) or 0


def days_since_receipt(connection: Connection, after: int) -> list[dt.date]:
    """The days whose batches have changed since the first delivery after receipt `after`.

    Batches are read because points have no index on the receipt; batches that were only processed
    since then are included as well.
    """
    since = connection.scalar(sa.select(sa.func.min(r.received_at)).where(r.received_seq > after))
    query = sa.select(b.day).distinct().where(b.updated_at >= since).order_by(b.day)
    return list(connection.scalars(query))
