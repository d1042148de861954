"""The first day whose points are kept: by the clock or by the points, whichever is earlier.

A clock alone must not delete: a flat battery or a bad answer of a time server sets it years ahead.
So what is kept is counted back from the clock or, if that is sooner, from the newest points. A
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


def counted_from(known: RetentionBasis) -> dt.datetime:
    """The moment that the days are counted back from: now, or the end of the newest day."""
    return known.now if known.newest is None else min(known.now, midnight(known.newest + ONE_DAY))


def edge_by_clock(known: RetentionBasis) -> dt.date | None:
    """The first day that the setting keeps; None if it keeps all.

    Raises:
        SettingsError: the days at the edge would be those that are live.
    """
    if known.kept_days == 0:
        return None
    if known.kept_days < LEAST_DAYS:
        raise SettingsError(
            f"TRACKFLOW_RETENTION_DAYS={known.kept_days}: {LEAST_DAYS} is the least, as journeys "
            "of the last days are still being put together"
        )
    return (known.now - dt.timedelta(days=known.kept_days)).date()


def edge_day(known: RetentionBasis) -> dt.date | None:
    """The first day that is kept; None if all are.

    Raises:
        SettingsError: the days at the edge would be those that are live.
    """
    by_clock = edge_by_clock(known)
    if by_clock is None:
        return None
    if known.approved is not None:
        return min(by_clock, known.approved)
    return (counted_from(known) - dt.timedelta(days=known.kept_days)).date()


def lift_edge(known: RetentionBasis) -> dt.date | None:
    """The first day whose points may be accepted again; None for any age.

    By the latest time that is known: a clock that was set back must not open days again whose
    surroundings are deleted.

    Raises:
        SettingsError: the days at the edge would be those that are live.
    """
    if edge_by_clock(known) is None:
        return None
    moments = [known.now]
    if known.last is not None:
        moments.append(known.last)
    if known.newest is not None:
        moments.append(midnight(known.newest))
    return (max(moments) - dt.timedelta(days=known.kept_days)).date()


def went_by(known: RetentionBasis, edge: dt.date) -> dt.datetime:
    """The time that the next run compares with: the latest that this run counted from."""
    moments = [counted_from(known)]
    if known.approved is not None:
        kept = dt.timedelta(days=known.kept_days)
        moments.append(midnight(edge) + kept)
    elif known.last is not None:
        moments.append(known.last)
    return max(moments)


def check(known: RetentionBasis, edge: dt.date, doomed: int, total: int) -> None:
    """Check whether data older than `edge` may be deleted without an approval.

    Args:
        known: the inputs of retention.
        edge: the first day that is kept.
        doomed: days of devices that would be deleted.
        total: days of devices in all.

    Raises:
        ApprovalNeededError: it is too much at once, or the time has jumped.
    """
    if known.approved is not None:
        return
    how = (
        f"Nothing was deleted. If that is right, `trackflow retain --approve {edge}` deletes what "
        "is older than that day."
    )
    if known.last is not None and known.now < known.last - BACK:
        raise ApprovalNeededError(
            f"the clock says {known.now:%Y-%m-%d %H:%M} UTC, but the last retention went by "
            f"{known.last:%Y-%m-%d %H:%M}: set the clock right. {how}"
        )
    jump = dt.timedelta(days=max(LEAST_JUMP_DAYS, known.kept_days / 2))
    ahead = counted_from(known) - (known.last or counted_from(known))
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
