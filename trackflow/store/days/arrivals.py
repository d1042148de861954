"""Which days got points in which deliveries."""

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

    Points are not indexed by receipt, batches by their time of change are; one that was only worked
    on in that time is among them as well.
    """
    since = connection.scalar(sa.select(sa.func.min(r.received_at)).where(r.received_seq > after))
    query = sa.select(b.day).distinct().where(b.updated_at >= since).order_by(b.day)
    return list(connection.scalars(query))
