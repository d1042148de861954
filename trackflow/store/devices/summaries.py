"""What is stored of each device, in numbers. Costly: reads all points."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import devices, gps_points, receipts

d, g, r = devices.c, gps_points.c, receipts.c


def summaries(connection: Connection) -> list[dict[str, Any]]:
    """All devices with settings, number of points, first and last one, and the last report."""
    of_points = (
        sa.select(
            g.device_id,
            sa.func.count().label("points"),
            sa.func.min(g.recorded_at).label("first"),
            sa.func.max(g.recorded_at).label("last"),
            sa.func.max(r.received_at).label("last_report"),
        )
        .outerjoin(receipts, r.received_seq == g.received_seq)
        .group_by(g.device_id)
        .subquery()
    )
    query = (
        sa.select(
            d.device_id,
            sa.func.coalesce(of_points.c.points, 0).label("points"),
            of_points.c.first,
            of_points.c.last,
            d.profile,
            d.preset,
            of_points.c.last_report,
        )
        .outerjoin(of_points, of_points.c.device_id == d.device_id)
        .order_by(d.device_id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]
