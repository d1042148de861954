"""Days whose lines were made without roads, or on another road network than the one in use."""

import datetime as dt
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.days import batch_marks
from trackflow.store.devices.settings import lock_devices
from trackflow.store.tables import devices, processing_batches

b = processing_batches.c

type NetworkVersions = Mapping[str, Sequence[str] | None]
"""The versions of the networks in use by profile; None where only the engine knows it.

A profile that is not named has no network: its lines stay, as there is nothing better.
"""


def count_outdated(connection: Connection, versions: NetworkVersions) -> dict[str, int]:
    """How many days of each device have lines that would be matched differently now."""
    query = sa.select(b.device_id, sa.func.count()).where(_is_outdated(versions))
    rows = connection.execute(query.group_by(b.device_id))
    return {device_id: count for device_id, count in rows}  # noqa: C416


def match_outdated_again(
    connection: Connection, device_id: str, versions: NetworkVersions, now: dt.datetime
) -> int:
    """Mark the outdated days of a device to be matched again; returns how many.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        versions: of the networks in use.
        now: the time, UTC.
    """
    lock_devices(connection, [device_id])
    return batch_marks.match_again(connection, device_id, _is_outdated(versions), now)


def _is_outdated(versions: NetworkVersions) -> sa.ColumnElement[bool]:
    return sa.or_(
        sa.false(),
        *(
            sa.and_(
                b.device_id.in_(sa.select(devices.c.device_id).where(devices.c.profile == profile)),
                batch_marks.matched_on_other(known),
            )
            for profile, known in versions.items()
        ),
    )
