"""Retention: data older than the setting is deleted, device by device.

Deleting never changes the data that is kept. Days at the edge keep all points in their buffer. Days
before the edge cannot be processed any more, and their points are refused from then on. The edge,
and when a person has to approve: `retention_plan`.
"""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

from trackflow.concurrency.faults import Fault, fault_of
from trackflow.context import Context
from trackflow.errors import StoreUnavailableError
from trackflow.geo.periods import day_named
from trackflow.geo.time import midnight
from trackflow.store import months
from trackflow.store.database import Connection
from trackflow.store.devices.settings import device_ids, lock_devices
from trackflow.store.housekeeping import marks, retention
from trackflow.store.migrations.copies import KEPT_FOR, remove_copies
from trackflow.store.months import Partition, Table
from trackflow.store.transactions import write_repeatedly
from trackflow.usecases.housekeeping import retention_plan
from trackflow.usecases.housekeeping.retention_plan import RetentionBasis

MARK = "retention"
"""Name of the stored time that the last run counted from."""


@dataclass(slots=True)
class RetentionReport:
    """The result of a run of retention.

    Attributes:
        edge: from this day on points are kept and accepted; None if everything is kept.
        edge_by_clock: the edge by the clock alone; later than `edge` if no points arrived lately.
        lifted: devices that take older points again, as the setting allows it now.
        devices: how many devices lost something.
        rows: deleted rows by table.
        months_dropped: months of points and of lines that were dropped whole (PostgreSQL).
        months_left: months that the next run drops, as they were being read or got late points.
    """

    edge: dt.date | None = None
    edge_by_clock: dt.date | None = None
    lifted: int = 0
    devices: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    months_dropped: int = 0
    months_left: int = 0


def apply_retention(context: Context, approve: dt.date | None = None) -> RetentionReport:
    """Delete data older than `TRACKFLOW_RETENTION_DAYS`; nothing if that is 0.

    Where more may be kept than before, older points are accepted again. Copies of the database from
    before an upgrade go after a week, whatever is set.

    Each device is a transaction of its own, so the next run finishes an interrupted one.

    Args:
        context: the store, the settings and the clock.
        approve: data older than this day may be deleted without a question.

    Raises:
        SettingsError: the days of retention make no sense.
        ApprovalNeededError: it would be much at once, or the clock has jumped; nothing is changed.
    """
    remove_copies(context.store.engine, context.clock() - KEPT_FOR)
    with context.store.read() as connection:
        basis = _basis(context, connection, approve)
        edge = retention_plan.edge_day(basis)
        if edge is not None:
            doomed, total = retention.days_of_devices(connection, edge)
            retention_plan.check(basis, edge, doomed, total)
        ids = device_ids(connection)
        old = [] if edge is None else retention.droppable_months(connection, ids, edge)
    report = RetentionReport(edge, retention_plan.edge_by_clock(basis), lift_retention(context))
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
                months_end={table.name: partition.end for table, partition in old},
            )
        report.rows.update(counts)
        report.devices += any(counts.values())
    for table, partition in old:
        _drop_month(context, table, partition, report)
    with context.store.write() as connection:
        report.rows.update(retention.drop_refused(connection, midnight(edge)))
        marks.note(connection, MARK, retention_plan.counted_time(basis, edge))
    return report


def _drop_month(
    context: Context, table: Table, partition: Partition, report: RetentionReport
) -> None:
    """Drop a month that is over for all devices; the next run does it where readers hold it."""
    with context.store.read() as connection:
        rows = months.count_rows(connection, partition)
    try:
        is_gone = write_repeatedly(
            context.store, lambda connection: months.drop(connection, table, partition)
        )
    except StoreUnavailableError as error:
        if error.__cause__ is None or fault_of(error.__cause__) is not Fault.BUSY:
            raise
        is_gone = False
    if is_gone:
        report.months_dropped += 1
        report.rows[table.name] += rows
    else:
        report.months_left += 1


def lift_retention(context: Context) -> int:
    """Accept older points again where the setting allows it now; returns the number of devices.

    Raises:
        SettingsError: the days of retention make no sense.
    """
    with context.store.read() as connection:
        edge = retention_plan.lift_edge(_basis(context, connection))
        ids = retention.refusing_devices(connection, edge)
    for device_id in ids:
        with context.store.write() as connection:
            lock_devices(connection, [device_id])
            retention.lift(connection, device_id, edge, context.clock())
    return len(ids)


def approved_day(text: str) -> dt.date | None:
    """The day before which a person allows to delete all data; None for no text.

    Raises:
        BadInputError: it is no day.
    """
    return day_named(text) if text else None


def check_setting(context: Context) -> None:
    """Check that the days of retention make sense.

    Raises:
        SettingsError: they make no sense.
    """
    retention_plan.edge_by_clock(
        RetentionBasis(context.clock(), None, None, context.settings.retention_days)
    )


def _basis(
    context: Context, connection: Connection, approve: dt.date | None = None
) -> RetentionBasis:
    return RetentionBasis(
        now=context.clock(),
        newest=retention.newest_day(connection, retention_plan.SUPPORT),
        last=marks.noted(connection, MARK),
        kept_days=context.settings.retention_days,
        approved=approve,
    )
