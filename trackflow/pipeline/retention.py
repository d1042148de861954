"""Retention: what is older than a person wants to keep is deleted, device by device.

Deleting never changes what is kept. Days at the edge keep all that they look at, days before it can
not be worked on any more, and their points are refused at the door from then on.
"""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

from trackflow.errors import SettingsError
from trackflow.pipeline.work import Work
from trackflow.store import retention
from trackflow.store.batches import midnight
from trackflow.store.devices import device_ids, lock_devices


@dataclass(slots=True)
class RetentionReport:
    """What was deleted.

    Attributes:
        edge: from this day on points are kept and accepted; None if everything is kept.
        lifted: devices that take older points again, as the setting allows it now.
        devices: how many devices lost something.
        rows: deleted rows by table.
    """

    edge: dt.date | None = None
    lifted: int = 0
    devices: int = 0
    rows: Counter[str] = field(default_factory=Counter)


def apply_retention(work: Work) -> RetentionReport:
    """Delete what is older than `TRACKFLOW_RETENTION_DAYS`; nothing if that is 0.

    Where more may be kept than before, older points are accepted again.

    Each device is a transaction of its own, so a run that was cut short is finished by the next.
    """
    edge = edge_day(work)
    report = RetentionReport(edge, lift_retention(work))
    if edge is None:
        return report
    with work.store.read() as connection:
        ids = device_ids(connection)
    for device_id in ids:
        with work.store.write() as connection:
            lock_devices(connection, [device_id])
            counts = retention.drop_days(
                connection, device_id, edge, work.clock(), keep_tracks=work.settings.keep_tracks
            )
        report.rows.update(counts)
        report.devices += any(counts.values())
    with work.store.write() as connection:
        report.rows.update(retention.drop_refused(connection, midnight(edge)))
    return report


def lift_retention(work: Work) -> int:
    """Accept older points again where the setting allows it now; returns of how many devices.

    Raises:
        SettingsError: the days of retention make no sense.
    """
    edge = edge_day(work)
    with work.store.read() as connection:
        ids = retention.held_back(connection, edge)
    for device_id in ids:
        with work.store.write() as connection:
            lock_devices(connection, [device_id])
            retention.lift(connection, device_id, edge, work.clock())
    return len(ids)


def edge_day(work: Work) -> dt.date | None:
    """The first day that is kept; None if all are.

    Raises:
        SettingsError: the days at the edge would be those that are live.
    """
    days = work.settings.retention_days
    if days == 0:
        return None
    if days < 3:
        raise SettingsError(
            f"TRACKFLOW_RETENTION_DAYS={days}: 3 is the least, as journeys of the last days are "
            "still being put together"
        )
    return (work.clock() - dt.timedelta(days=days)).date()
