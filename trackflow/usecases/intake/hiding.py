"""Hides points of a device by time and area, and restores them.

A hiding is a rule for points whenever they arrive, late ones as well. The days that it changes are
marked, so that the next run makes them anew without its points, or with them again.
"""

import datetime as dt
import math
import uuid
from dataclasses import dataclass, replace

from trackflow.context import Context
from trackflow.errors import BadInputError, NotFoundError, SettingsError
from trackflow.geo.bbox import Bbox, wrapped
from trackflow.geo.time import midnight
from trackflow.store.database import Connection
from trackflow.store.devices.settings import device_ids, known, lock_devices
from trackflow.store.housekeeping import retention
from trackflow.store.intake import hidings
from trackflow.store.intake.hidings import StoredHiding as StoredHiding

__all__ = ["HidingReport", "StoredHiding", "hide_points", "list_hidings", "restore_points"]


@dataclass(frozen=True, slots=True)
class HidingReport:
    """What hiding or restoring points has changed.

    Attributes:
        hiding: the hiding, as it is now.
        points: how many stored points it is about; 0 if nothing was left to do.
        days: on how many days they lie.
    """

    hiding: StoredHiding
    points: int = 0
    days: int = 0


def hide_points(
    context: Context,
    device_id: str,
    start: dt.datetime | None,
    end: dt.datetime | None,
    area: Bbox | None,
    *,
    hidden_by: str,
) -> HidingReport:
    """Hide the points of a device that lie within all given limits.

    A hiding with the same limits that counts already is answered as it is: asking twice changes
    nothing.

    Args:
        context: the store.
        device_id: the device.
        start: from when, aware; None for no limit.
        end: until when, aware, not included; None for no limit.
        area: in degrees, `west` greater than `east` across the antimeridian; None for anywhere.
        hidden_by: name of the person.

    Raises:
        SettingsError: there is no such device, or its days in that time do not change any more.
        BadInputError: there is no limit, or a limit makes no sense.
    """
    if start is None and end is None and area is None:
        raise BadInputError("say from when, until when or where points are hidden")
    if start is not None and end is not None and end <= start:
        raise BadInputError("the time of hidden points ends after it begins")
    area = None if area is None else _checked(area)
    now = context.clock()
    with context.store.write() as connection:
        known(device_id, device_ids(connection))
        lock_devices(connection, [device_id])
        start = _open_start(connection, device_id, start, end)
        one = StoredHiding(uuid.uuid4(), device_id, start, end, area, hidden_by, now)
        for other in hidings.read(connection, device_id):
            if other.rule == one.rule:
                return HidingReport(other)
        hidings.add(connection, one)
        points, days = hidings.mark_touched(connection, one, now)
    return HidingReport(one, points, days)


def restore_points(context: Context, hiding_id: uuid.UUID, *, restored_by: str) -> HidingReport:
    """Restore the points of a hiding; restoring them again changes nothing.

    Where retention has closed a part of its days, points of that part stay hidden, by a hiding of
    their own: these days are not made again.

    Args:
        context: the store.
        hiding_id: the hiding.
        restored_by: name of the person.

    Raises:
        NotFoundError: there is no such hiding.
        SettingsError: none of its days changes any more.
    """
    now = context.clock()
    with context.store.write() as connection:
        lock_devices(connection, [_found(connection, hiding_id).device_id])
        one = _found(connection, hiding_id)  # as it is under the lock
        if one.restored_at is not None:
            return HidingReport(one)
        start = _open_start(connection, one.device_id, one.start_time, one.end_time)
        if start != one.start_time:
            hidings.add(connection, replace(one, hiding_id=uuid.uuid4(), end_time=start))
            hidings.set_times(connection, one := replace(one, start_time=start))
        hidings.set_restored(connection, hiding_id, restored_by, now)
        points, days = hidings.mark_touched(connection, one, now)
    return HidingReport(replace(one, restored_by=restored_by, restored_at=now), points, days)


def list_hidings(
    context: Context, device_id: str | None = None, *, with_restored: bool = False
) -> list[StoredHiding]:
    """Hidings of one device or of all, in the order in which they were made.

    Args:
        context: the store.
        device_id: the device; None for all.
        with_restored: whether those that count no more are among them.
    """
    with context.store.read() as connection:
        return hidings.read(connection, device_id, with_restored=with_restored)


def _found(connection: Connection, hiding_id: uuid.UUID) -> StoredHiding:
    one = hidings.read_one(connection, hiding_id)
    if one is None:
        raise NotFoundError(f"there is no hiding {hiding_id}; see `trackflow points list`")
    return one


def _open_start(
    connection: Connection, device_id: str, start: dt.datetime | None, end: dt.datetime | None
) -> dt.datetime | None:
    """The begin of the part of a time whose days can still change.

    Raises:
        SettingsError: no part can.
    """
    kept_from = retention.edges(connection, [device_id])[device_id]
    if kept_from is None:
        return start
    first_day = retention.first_open_day(kept_from)
    edge = midnight(first_day)
    if end is not None and end <= edge:
        raise SettingsError(
            f"days of {device_id} before {first_day} do not change any more "
            "(TRACKFLOW_RETENTION_DAYS): choose later ones"
        )
    return edge if start is None or start < edge else start


def _checked(area: Bbox) -> Bbox:
    """An area whose longitudes lie within 180 degrees.

    Raises:
        BadInputError: it is none.
    """
    if not all(map(math.isfinite, area)) or not -90 <= area.south <= area.north <= 90:
        raise BadInputError("an area is west,south,east,north in degrees, with south below north")
    if area.east - area.west >= 360:
        return area._replace(west=-180.0, east=180.0)
    return area._replace(west=wrapped(area.west), east=wrapped(area.east))
