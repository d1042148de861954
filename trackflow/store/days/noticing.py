"""Reads the facts for notices: odd days, days of devices, refused input."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import ONE_DAY, midnight
from trackflow.sources.ahead import CLOCK_BEHIND
from trackflow.store.days.queries import Devices, of_days, of_devices
from trackflow.store.housekeeping.retention import TOO_OLD
from trackflow.store.intake.conflicts import EQUAL_TIME
from trackflow.store.tables import day_ledgers, devices, gps_points, quarantined_points, receipts
from trackflow.tracks.notices import LOST, MIXED_SHARE, ODD, SHARE
from trackflow.tracks.rollovers import ROLLOVER, ROLLOVER_WITHIN
from trackflow.tracks.segments import Ledger

c, d = day_ledgers.c, devices.c


def odd_ledgers(
    connection: Connection,
    device_ids: Devices,
    first: dt.date | None,
    last: dt.date | None,
) -> dict[str, dict[dt.date, Ledger]]:
    """Ledgers of the days that may deserve a notice, by device; ordinary days are not read.

    Args:
        connection: to the store.
        device_ids: the devices, None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    lost = sum((c[kind] for kind in LOST[1:]), start=c[LOST[0]])
    shares = [(lost, SHARE), *((c[kind], SHARE) for kind in ODD), (c.mixed, MIXED_SHARE)]
    odd = [sa.and_(count > 0, count >= share * c.points) for count, share in shares]
    query = sa.select(day_ledgers).where(sa.or_(*odd), *of_devices(c.device_id, device_ids))
    query = query.where(*of_days(c.day, first, last))
    found: dict[str, dict[dt.date, Ledger]] = defaultdict(dict)
    for row in connection.execute(query.order_by(c.device_id, c.day)).mappings():
        values = dict(row)
        device_id, day = values.pop("device_id"), values.pop("day")
        found[device_id][day] = Ledger(**values)
    return found


def long_ago(connection: Connection, device_ids: Devices, today: dt.date) -> list[str]:
    """Devices whose first day is so old that their times may be 1,024 weeks early."""
    first = sa.select(sa.func.min(c.day)).where(c.device_id == d.device_id).scalar_subquery()
    query = sa.select(d.device_id).where(
        first <= today - ROLLOVER + ROLLOVER_WITHIN, *of_devices(d.device_id, device_ids)
    )
    return list(connection.scalars(query.order_by(d.device_id)))


def points_by_day(connection: Connection, device_id: str) -> dict[dt.date, int]:
    """The days of a device with their numbers of points."""
    query = sa.select(c.day, c.points).where(c.device_id == device_id).order_by(c.day)
    return {row.day: row.points for row in connection.execute(query)}


def received_day(connection: Connection, device_id: str, day: dt.date) -> dt.date | None:
    """The day on which the last point of a day arrived."""
    p = gps_points.c
    received: dt.datetime | None = connection.scalar(
        sa.select(receipts.c.received_at)
        .join(gps_points, p.received_seq == receipts.c.received_seq)
        .where(
            p.device_id == device_id,
            p.recorded_at >= midnight(day),
            p.recorded_at < midnight(day + ONE_DAY),
        )
        .order_by(p.recorded_at.desc())
        .limit(1)
    )
    return None if received is None else received.date()


def refused(connection: Connection, device_ids: Devices) -> dict[str, dict[str, int]]:
    """How much input was refused, by device (empty if it names none) and reason.

    Not counted are points that retention refuses, as that is a setting; points that lost against
    one of equal time, as the ledgers count them; and points that wait for this machine's clock, as
    that is no device's fault.
    """
    q = quarantined_points.c
    rows = connection.execute(
        sa.select(q.device_id, q.reason, sa.func.count())
        .where(
            q.reason.not_in((EQUAL_TIME, TOO_OLD, CLOCK_BEHIND)),
            *of_devices(q.device_id, device_ids),
        )
        .group_by(q.device_id, q.reason)
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for device_id, reason, count in rows:
        found[device_id or ""][reason] = found[device_id or ""].get(reason, 0) + count
    return found


def points_of(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """How many points devices have on the days that were segmented."""
    found = {}
    for device_id in ids:  # a range of the index each; the devices are few
        total = connection.scalar(sa.select(sa.func.sum(c.points)).where(c.device_id == device_id))
        found[device_id] = int(total or 0)
    return found


def without_preset(connection: Connection, most: int) -> list[str]:
    """The first devices that have no preset, in order."""
    query = sa.select(d.device_id).where(d.preset.is_(None)).order_by(d.device_id)
    return list(connection.scalars(query.limit(most)))
