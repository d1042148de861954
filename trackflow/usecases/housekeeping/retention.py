"""Retention: what is older than a person wants to keep is deleted, device by device.

Deleting never changes what is kept. Days at the edge keep all that they look at, days before it can
not be worked on any more, and their points are refused at the door from then on. Which day is the
edge, and when a person is asked first: `retention_plan`.
"""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.time import midnight
from trackflow.store.database import Connection
from trackflow.store.devices.settings import device_ids, lock_devices
from trackflow.store.housekeeping import marks, retention
from trackflow.usecases.housekeeping import retention_plan
from trackflow.usecases.housekeeping.retention_plan import RetentionBasis

MARK = "retention"
"""What the last run counted the days from."""


@dataclass(slots=True)
class RetentionReport:
    """What was deleted.

    Attributes:
        edge: from this day on points are kept and accepted; None if everything is kept.
        edge_by_clock: what it would be by the clock alone; later if no points came in lately.
        lifted: devices that take older points again, as the setting allows it now.
        devices: how many devices lost something.
        rows: deleted rows by table.
    """

    edge: dt.date | None = None
    edge_by_clock: dt.date | None = None
    lifted: int = 0
    devices: int = 0
    rows: Counter[str] = field(default_factory=Counter)


def apply_retention(context: Context, approve: dt.date | None = None) -> RetentionReport:
    """Delete what is older than `TRACKFLOW_RETENTION_DAYS`; nothing if that is 0.

    Where more may be kept than before, older points are accepted again.

    Each device is a transaction of its own, so a run that was cut short is finished by the next.

    Args:
        context: the surroundings.
        approve: what is older than this day may go without further questions.

    Raises:
        SettingsError: the days of retention make no sense.
        ApprovalNeededError: it would be much at once, or the clock has jumped; nothing is changed.
    """
    with context.store.read() as connection:
        known = _known(context, connection, approve)
        edge = retention_plan.edge_day(known)
        if edge is not None:
            doomed, total = retention.days_of_devices(connection, edge)
            retention_plan.check(known, edge, doomed, total)
        ids = device_ids(connection)
    report = RetentionReport(edge, retention_plan.edge_by_clock(known), lift_retention(context))
    if edge is None:
        return report
    for device_id in ids:
        with context.store.write() as connection:
            lock_devices(connection, [device_id])
            counts = retention.drop_days(
                connection,
                device_id,
                edge,
                context.clock(),
                keep_tracks=context.settings.keep_tracks,
            )
        report.rows.update(counts)
        report.devices += any(counts.values())
    with context.store.write() as connection:
        report.rows.update(retention.drop_refused(connection, midnight(edge)))
        marks.note(connection, MARK, retention_plan.went_by(known, edge))
    return report


def lift_retention(context: Context) -> int:
    """Accept older points again where the setting allows it now; returns of how many devices.

    Raises:
        SettingsError: the days of retention make no sense.
    """
    with context.store.read() as connection:
        edge = retention_plan.lift_edge(_known(context, connection))
        ids = retention.refusing_devices(connection, edge)
    for device_id in ids:
        with context.store.write() as connection:
            lock_devices(connection, [device_id])
            retention.lift(connection, device_id, edge, context.clock())
    return len(ids)


def approved_day(text: str) -> dt.date | None:
    """The day before which a person lets everything go; None for no text.

    Raises:
        SettingsError: it is no day.
    """
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise SettingsError(f"{text!r} is not a day; write it like 2026-01-31") from None


def check_setting(context: Context) -> None:
    """See that the days of retention make sense.

    Raises:
        SettingsError: they do not.
    """
    retention_plan.edge_by_clock(
        RetentionBasis(context.clock(), None, None, context.settings.retention_days)
    )


def _known(
    context: Context, connection: Connection, approve: dt.date | None = None
) -> RetentionBasis:
    return RetentionBasis(
        now=context.clock(),
        newest=retention.newest_day(connection, retention_plan.SUPPORT),
        last=marks.noted(connection, MARK),
        kept_days=context.settings.retention_days,
        approved=approve,
    )
