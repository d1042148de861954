"""What persons say about which tracks are one trip."""

import datetime as dt
import uuid
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import BadInputError, NotFoundError
from trackflow.store.devices.settings import device_ids, known, lock_devices
from trackflow.store.mileage import joins


def join_trips(
    context: Context, device_id: str, start: dt.datetime, end: dt.datetime, *, decided_by: str
) -> uuid.UUID:
    """Count all tracks of a device in a time as one trip; returns the join's id.

    Args:
        context: the store.
        device_id: the device.
        start: aware.
        end: aware.
        decided_by: the person.

    Raises:
        SettingsError: there is no such device.
        BadInputError: the time ends before it begins.
    """
    if end <= start:
        raise BadInputError("a time ends after it begins")
    with context.store.write() as connection:
        known(device_id, device_ids(connection))
        lock_devices(connection, [device_id])
        now = context.clock()
        return joins.add_join(connection, device_id, start, end, decided_by, now)


@dataclass(frozen=True, slots=True)
class Join:
    """A time in which all tracks of a device are one trip.

    Attributes:
        join_id: its id.
        device_id: the device.
        start_time: UTC.
        end_time: UTC.
        decided_by: the person.
        decided_at: UTC.
    """

    join_id: uuid.UUID
    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime
    decided_by: str
    decided_at: dt.datetime


def list_joins(context: Context, device_id: str | None = None) -> list[Join]:
    """Joins that count, in the order in which they were decided; None for all devices."""
    with context.store.read() as connection:
        rows = joins.read_joins(connection, device_id)
    return [
        Join(**{name: row._mapping[name] for name in Join.__dataclass_fields__}) for row in rows
    ]


def undo_join(context: Context, join_id: uuid.UUID) -> None:
    """Let a join count no more.

    Raises:
        NotFoundError: there is none.
    """
    with context.store.write() as connection:
        if not joins.undo_join(connection, join_id, context.clock()):
            raise NotFoundError(
                f"there is no join {join_id} that counts; see `trackflow logbook joins`"
            )
