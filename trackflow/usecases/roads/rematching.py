"""Lines that were made without roads, or on roads that are in use no more, are made again.

Matching may be switched off for a while, a road network may be removed and built again while it
is: the days that were worked on meanwhile are complete, and yet not what they would be now.
"""

import sqlalchemy as sa

from trackflow.context import Context
from trackflow.matching.networks import PROFILES
from trackflow.store.database import Connection
from trackflow.store.days import batches
from trackflow.store.devices.settings import lock_devices
from trackflow.store.tables import devices, processing_batches, road_networks

b = processing_batches.c


def outdated_days(context: Context, connection: Connection) -> dict[str, int]:
    """How many days of each device have lines that the road engine of now would make otherwise."""
    stale = _stale(context, connection)
    rows = connection.execute(
        sa.select(b.device_id, sa.func.count()).where(stale).group_by(b.device_id)
    )
    return {device_id: count for device_id, count in rows}  # noqa: C416


def match_outdated_again(context: Context) -> int:
    """Mark those days to be matched again; returns how many there were."""
    if not context.matches:
        return 0
    with context.store.read() as connection:
        found = outdated_days(context, connection)
    marked = 0
    for device_id in sorted(found):
        with context.store.write() as connection:
            lock_devices(connection, [device_id])
            stale = _stale(context, connection)
            marked += batches.match_again(connection, device_id, stale, context.clock())
    return marked


def _stale(context: Context, connection: Connection) -> batches.Stale:
    """Without a road network for its profile a batch stays as it is: there is nothing better."""
    if not context.matches:
        return sa.false()
    versions: dict[str, str | None] = dict.fromkeys(PROFILES)
    if not context.settings.engine_url:
        c = road_networks.c
        versions = {row[0]: row[1] for row in connection.execute(sa.select(c.profile, c.version))}
    return sa.or_(
        sa.false(),
        *(
            sa.and_(
                b.device_id.in_(sa.select(devices.c.device_id).where(devices.c.profile == profile)),
                batches.matched_on_other(version),
            )
            for profile, version in versions.items()
        ),
    )
