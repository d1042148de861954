"""GPS week rollovers: times that lie 1,024 weeks before others of the same device."""

import datetime as dt
from collections.abc import Mapping, Sequence

from trackflow.tracks.notices import FEWEST_POINTS, Notice, NoticeKind
from trackflow.words import last_for_shell

ROLLOVER = dt.timedelta(weeks=1024)
"""GPS counts weeks in ten bits. Old receivers begin anew after so many."""

ROLLOVER_WITHIN = dt.timedelta(weeks=1)
"""A receiver that lost its week goes on within days; so much may lie between."""

APART = dt.timedelta(days=365)
"""Days further apart than this are two groups of days."""


def rollover_notice(
    device_id: str, days: Mapping[dt.date, int], received: dt.date | None = None
) -> Notice | None:
    """The notice that times of a device lie 1,024 weeks before others, None if none do.

    Days more than a year apart are groups. A group is suspected if 1,024 weeks later it would lie
    within a week of another group, or, being the device's newest, of the day of its receipt.

    Args:
        device_id: the device.
        days: its days with their numbers of points.
        received: the day on which its newest points were received, None if unknown.
    """
    groups = _groups(sorted(days))
    late = []
    for k, (first, last) in enumerate(groups):
        near = [other for other in groups[k + 1 :] if _meets((first, last), other)]
        if not near and k == len(groups) - 1 and received is not None:
            near = [(received, received)] if _meets((last, last), (received, received)) else []
        if near:
            late.append((first, last))
    if not late:
        return None
    concerned = [day for day in days if any(first <= day <= last for first, last in late)]
    points, span = sum(days[day] for day in concerned), (min(concerned), max(concerned))
    if points < FEWEST_POINTS:
        return None
    text = (
        f"times jump by 1,024 weeks: {points:,} of {sum(days.values()):,} points, from {span[0]} "
        f"to {span[1]}, lie that long before the others or before receipt; the receiver's GPS "
        "week began anew"
    )
    advice = (
        f"`trackflow device --shift-weeks 1024 --from {span[0]} --to {span[1]} "
        f"{last_for_shell(device_id)}` moves them; --shift-weeks -1024 takes it back"
    )
    total = sum(days.values())
    return Notice(
        device_id, NoticeKind.ROLLOVER, *span, len(concerned), points, total, text, advice
    )


def _groups(days: Sequence[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """First and last days of groups of days that lie more than a year apart."""
    found: list[tuple[dt.date, dt.date]] = []
    for day in days:
        if found and day - found[-1][1] <= APART:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def _meets(early: tuple[dt.date, dt.date], other: tuple[dt.date, dt.date]) -> bool:
    """Whether a group would lie beside or among another one, 1,024 weeks later."""
    first, last = (day + ROLLOVER for day in early)
    return first <= other[1] + ROLLOVER_WITHIN and last >= other[0] - ROLLOVER_WITHIN
