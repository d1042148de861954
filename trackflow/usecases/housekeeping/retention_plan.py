"""The first day whose points are kept: by the clock or by the points, whichever is earlier.

A clock alone must not delete: a flat battery or a bad answer of a time server sets it years ahead.
So the days are counted back from the clock or, if that is earlier, from the newest points. A
device whose own clock runs ahead must not decide either: of all days of devices with points, the
third newest counts, which one or two false ones do not move.

Deleting needs an approval where it would be much at once, or where the time that is counted from
has jumped since the last run.
"""

import datetime as dt
from dataclasses import dataclass

from trackflow.errors import ApprovalNeededError, SettingsError
from trackflow.geo.time import ONE_DAY, midnight

LEAST_DAYS = 3
"""Journeys of the last days are still being put together."""

SUPPORT = 3
"""The rank of the device-day that counts as the newest: one device with a wrong clock does not make
so many at once."""

MOST_SHARE = 0.5
"""Share of all device-days; passing time alone does not delete more at once."""

LEAST_JUMP_DAYS = 7
BACK = ONE_DAY
"""A clock further behind the time that the last run counted from was set back."""


@dataclass(frozen=True, slots=True)
class RetentionBasis:
    """The inputs of retention.

    Attributes:
        now: by this machine's clock.
        newest: the `SUPPORT`-newest day on which a device has points, the oldest if there are
            fewer; None if there are none.
        last: the time that the last run counted from; None before the first run.
        kept_days: the setting; 0 keeps everything.
        approved: a person allowed to delete data older than this day, in any case.
    """

    now: dt.datetime
    newest: dt.date | None
    last: dt.datetime | None
    kept_days: int
    approved: dt.date | None = None


def counted_from(basis: RetentionBasis) -> dt.datetime:
    """The moment that the days are counted back from: now, or the end of the newest day."""
    return basis.now if basis.newest is None else min(basis.now, midnight(basis.newest + ONE_DAY))


def edge_by_clock(basis: RetentionBasis) -> dt.date | None:
    """The first day that the setting keeps; None if it keeps all.

    Raises:
        SettingsError: the days at the edge would be those that are live.
    """
    if basis.kept_days == 0:
        return None
    if basis.kept_days < LEAST_DAYS:
        raise SettingsError(
            f"TRACKFLOW_RETENTION_DAYS={basis.kept_days}: {LEAST_DAYS} is the least, as journeys "
            "of the last days are still being put together"
        )
    return (basis.now - dt.timedelta(days=basis.kept_days)).date()


def edge_day(basis: RetentionBasis) -> dt.date | None:
    """The first day that is kept; None if all are.

    Raises:
        SettingsError: the days at the edge would be those that are live.
    """
    by_clock = edge_by_clock(basis)
    if by_clock is None:
        return None
    if basis.approved is not None:
        return min(by_clock, basis.approved)
    return (counted_from(basis) - dt.timedelta(days=basis.kept_days)).date()


def lift_edge(basis: RetentionBasis) -> dt.date | None:
    """The first day whose points may be accepted again; None for any age.

    It goes by the latest known time: a clock that was set back must not reopen days whose buffer is
    deleted.

    Raises:
        SettingsError: the days at the edge would be those that are live.
    """
    if edge_by_clock(basis) is None:
        return None
    moments = [basis.now]
    if basis.last is not None:
        moments.append(basis.last)
    if basis.newest is not None:
        moments.append(midnight(basis.newest))
    return (max(moments) - dt.timedelta(days=basis.kept_days)).date()


def counted_time(basis: RetentionBasis, edge: dt.date) -> dt.datetime:
    """The time that the next run compares with: the latest that this run counted from."""
    moments = [counted_from(basis)]
    if basis.approved is not None:
        kept = dt.timedelta(days=basis.kept_days)
        moments.append(midnight(edge) + kept)
    elif basis.last is not None:
        moments.append(basis.last)
    return max(moments)


def check(basis: RetentionBasis, edge: dt.date, doomed: int, total: int) -> None:
    """Check whether data older than `edge` may be deleted without an approval.

    Args:
        basis: the inputs of retention.
        edge: the first day that is kept.
        doomed: days of devices that would be deleted.
        total: days of devices in all.

    Raises:
        ApprovalNeededError: it is too much at once, or the time has jumped.
    """
    if basis.approved is not None:
        return
    how = (
        f"Nothing was deleted. If that is right, `trackflow retain --approve {edge}` deletes what "
        "is older than that day."
    )
    if basis.last is not None and basis.now < basis.last - BACK:
        raise ApprovalNeededError(
            f"the clock says {basis.now:%Y-%m-%d %H:%M} UTC, but the last retention went by "
            f"{basis.last:%Y-%m-%d %H:%M}: set the clock right. {how}"
        )
    jump = dt.timedelta(days=max(LEAST_JUMP_DAYS, basis.kept_days / 2))
    ahead = counted_from(basis) - (basis.last or counted_from(basis))
    if doomed and ahead > jump:
        raise ApprovalNeededError(
            f"{ahead.days} days have passed by the clock and the points since the last retention, "
            f"more than {jump.days}: is the clock right? {how}"
        )
    if doomed > MOST_SHARE * total:
        raise ApprovalNeededError(
            f"retention would delete {doomed:,} of {total:,} days of devices, everything before "
            f"{edge}, more than {MOST_SHARE:.0%} at once. {how}"
        )
