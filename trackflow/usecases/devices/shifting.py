"""Moves points of a device in time, after its receiver's week count began anew."""

import datetime as dt
import itertools
from dataclasses import asdict, dataclass

import numpy as np

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.points import Ints
from trackflow.geo.time import DAY_US, from_us, midnight, to_us
from trackflow.sources.records import EARLIEST_US, FUTURE_SLACK_US
from trackflow.store.categories import corrections, decisions
from trackflow.store.database import Connection
from trackflow.store.days import track_notes
from trackflow.store.devices import settings, shifting
from trackflow.store.devices.moving import ORIGIN
from trackflow.store.devices.settings import lock_devices
from trackflow.store.devices.shifting import DayRange
from trackflow.store.housekeeping import retention
from trackflow.store.intake import acceptance, hidings
from trackflow.store.mileage.joins import shift_joins
from trackflow.usecases.days.notices import device_rollover

__all__ = ["DayRange", "ShiftReport", "shift_weeks"]

WEEK_US = 7 * DAY_US
MOST_WEEKS = 5_000

CHUNK = 20_000
"""Points that are moved at a time, so that the memory does not grow with a device's years."""


@dataclass(frozen=True, slots=True)
class ShiftReport:
    """The result of moving points.

    Attributes:
        device_id: the device.
        weeks: by how many weeks; negative for back in time.
        moved: points that lie elsewhere in time now.
        staying: points that stay where they are, as another point has their new time.
        first: new time of the first moved point, None if none was moved.
        last: that of the last one.
        taken_back: whether this has undone an earlier shift, and moved nothing else.
    """

    device_id: str
    weeks: int
    moved: int = 0
    staying: int = 0
    first: dt.datetime | None = None
    last: dt.datetime | None = None
    taken_back: bool = False

    def as_dict(self) -> dict[str, object]:
        """The report as JSON values."""
        return asdict(self)


def shift_weeks(context: Context, device_id: str, weeks: int, days: DayRange) -> ShiftReport:
    """Move the points of a device's days in time, in one transaction.

    They leave their days and are admitted again like new points: both days are processed anew. A
    point whose new time is taken stays where it is, so nothing is lost and the opposite shift gives
    what was there before: where it finds points of the opposite shift, it moves these back and no
    others.

    Args:
        context: the store.
        device_id: the device.
        weeks: how many; negative for back in time.
        days: the days to move; by default those that a notice reports as 1,024 weeks too early, or
            those that were moved the other way before.

    Raises:
        SettingsError: there is no such device, no days are given or found, or the new times are
            impossible: in the future, before 1990, or older than retention keeps. Nothing is moved.
    """
    if not 0 < abs(weeks) <= MOST_WEEKS:
        raise SettingsError(f"--shift-weeks {weeks}: write 1024, or -1024 to take it back")
    now = context.clock()
    with context.store.write() as connection:
        settings.known(device_id, settings.device_ids(connection))
        lock_devices(connection, [device_id])
        taken_back = shifting.moved_before(connection, device_id, days, -weeks)
        if not taken_back and days == DayRange():
            days = _days_claimed(connection, device_id, weeks)
        moved_by = -weeks if taken_back else None
        times_us = shifting.read_times(connection, device_id, days, moved_by)
        if not len(times_us):
            return ShiftReport(device_id, weeks, taken_back=taken_back)
        _check_times(connection, device_id, times_us, weeks * WEEK_US, now)
        return _move(connection, device_id, weeks, times_us, now, taken_back=taken_back)


def _days_claimed(connection: Connection, device_id: str, weeks: int) -> DayRange:
    notice = device_rollover(connection, device_id) if weeks == 1024 else None
    if notice is None:
        raise SettingsError(
            f"which days of {device_id}? Nothing says that its times lie {abs(weeks):,} weeks "
            f"{'early' if weeks > 0 else 'late'}: give --from and --to"
        )
    return DayRange(notice.first_day, notice.last_day)


def _move(
    connection: Connection,
    device_id: str,
    weeks: int,
    times_us: Ints,
    now: dt.datetime,
    *,
    taken_back: bool,
) -> ShiftReport:
    """Move points.

    Args:
        connection: in a transaction for writing; the device is locked.
        device_id: the device.
        weeks: how many; negative for back in time.
        times_us: of its points, in order; at least one.
        now: the time.
        taken_back: whether this takes an earlier shift back.
    """
    shift_us = weeks * WEEK_US
    going = _free(connection, device_id, times_us, shift_us)
    starts = range(0, len(going), CHUNK)
    # a point may get the time of one that goes as well, which has to be gone by then
    for start in reversed(starts) if weeks > 0 else starts:
        some = going[start : start + CHUNK]
        _move_some(connection, device_id, weeks, some, now, taken_back=taken_back)
    if len(going):
        between = from_us(int(going[0])), from_us(int(going[-1]))
        shift_by = dt.timedelta(weeks=weeks)
        decisions.shift(connection, device_id, between, shift_by)
        corrections.shift(connection, device_id, between, shift_by)
        shift_joins(connection, device_id, between, shift_by)
        track_notes.shift(connection, device_id, between, shift_by)
        hidings.shift(connection, device_id, between, shift_by, now)
    return ShiftReport(
        device_id,
        weeks,
        moved=len(going),
        staying=len(times_us) - len(going),
        first=from_us(int(going[0]) + shift_us) if len(going) else None,
        last=from_us(int(going[-1]) + shift_us) if len(going) else None,
        taken_back=taken_back,
    )


def _move_some(
    connection: Connection,
    device_id: str,
    weeks: int,
    times_us: Ints,
    now: dt.datetime,
    *,
    taken_back: bool,
) -> None:
    """Move points whose new times are free; the arguments are those of `_move`."""
    shift_us = weeks * WEEK_US
    rows = shifting.read_rows(connection, device_id, times_us)
    shifting.take_out(connection, device_id, times_us, now)
    # each point keeps its file and import
    in_order = sorted(rows, key=lambda row: (*ORIGIN(row), row["time_us"]))
    for (source, import_id), part in itertools.groupby(in_order, key=ORIGIN):
        named = source + shifting.mark_of(weeks)
        if taken_back:
            named = source.removesuffix(shifting.mark_of(-weeks))
        batch = shifting.batch_of(device_id, list(part), shift_us)
        acceptance.accept(connection, batch, [], named, now, import_id=import_id)
    shifting.move_conflicts(connection, device_id, times_us, shift_us, now)


def _free(connection: Connection, device_id: str, times_us: Ints, shift_us: int) -> Ints:
    """Times of points whose new time is free, or that of a point that moves as well."""
    occupied = shifting.taken(connection, device_id, times_us + shift_us)
    going = times_us
    while True:
        new_us = going + shift_us
        is_free = ~np.isin(new_us, occupied) | np.isin(new_us, going)
        if is_free.all():
            return going
        going = going[is_free]


def _check_times(
    connection: Connection,
    device_id: str,
    times_us: Ints,
    shift_us: int,
    now: dt.datetime,
) -> None:
    first_us, last_us = (int(times_us[k]) + shift_us for k in (0, -1))
    if last_us > to_us(now) + FUTURE_SLACK_US:
        raise SettingsError("nothing is moved: points would lie in the future")
    if first_us < EARLIEST_US:
        raise SettingsError("nothing is moved: points would lie before 1990")
    kept_from = retention.edges(connection, [device_id]).get(device_id)
    oldest_us = min(first_us, int(times_us[0]))
    if kept_from is not None and oldest_us < to_us(midnight(kept_from)):
        raise SettingsError(
            f"nothing is moved: days before {kept_from} are not kept (TRACKFLOW_RETENTION_DAYS) "
            "and do not change any more"
        )
