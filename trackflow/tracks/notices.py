"""Notices: which of a device's points need a person's attention, and what to do about them.

Made from the ledgers of its days, so they are as true as the ledgers: nothing is estimated. A day
counts if at least a quarter of its points belong to one odd class; a notice is made if these are at
least ten points over all days. One wrong fix in a drive needs no notice.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from trackflow.geo.points import Ints, Points
from trackflow.tracks.cleaning import NO_TIMES
from trackflow.tracks.decisions import EndReason, decide
from trackflow.tracks.segments import Ledger
from trackflow.tracks.thresholds import Thresholds
from trackflow.words import for_shell, last_for_shell

FEWEST_POINTS = 10
"""Fewer odd points are an accident, not a fault of the device or a wrong setting."""

SHARE = 0.25
"""Of a day's points. Below this, what is left shows the day well enough."""

MIXED_SHARE = 0.05
"""Of a day's points, for mixtures: no sound device has any, and they cut what lies around them."""


class NoticeKind(StrEnum):
    """What a notice is about. The values are part of the API."""

    LONE = "lone"
    SPIKE = "spike"
    INACCURATE = "inaccurate"
    MIXED = "mixed"
    DUPLICATE = "duplicate"
    SHORT = "short"
    EXCURSION = "excursion"
    ROLLOVER = "rollover"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that needs a person's attention.

    Attributes:
        device_id: whose points; empty for input that names no device.
        kind: what it is about.
        first_day: the first day concerned; None if it is not a matter of days.
        last_day: the last one.
        days: how many days.
        points: how many points are concerned.
        of_points: of so many of these days.
        text: what was found, in plain words.
        advice: what to do about it.
    """

    device_id: str
    kind: NoticeKind
    first_day: dt.date | None
    last_day: dt.date | None
    days: int
    points: int
    of_points: int
    text: str
    advice: str

    def __str__(self) -> str:
        return f"{self.device_id or 'no device'}: {self.text}"


LOST = (
    NoticeKind.LONE,
    NoticeKind.SPIKE,
    NoticeKind.INACCURATE,
    NoticeKind.MIXED,
    NoticeKind.SHORT,
)
"""The classes of points that belong to neither a track nor a stop."""

ODD = (NoticeKind.EXCURSION, NoticeKind.DUPLICATE)
"""Classes whose points are accounted for, but show that something is odd."""


class NoticeText(NamedTuple):
    """What happened, and what to do about it."""

    what: str
    advice: str


WORDS: Mapping[NoticeKind, NoticeText] = {
    NoticeKind.SPIKE: NoticeText(
        "are spikes, which no speed explains",
        "see the day on the map or with `trackflow explain {arguments} TIME`: a broken receiver, "
        "or latitude and longitude that change places",
    ),
    NoticeKind.INACCURATE: NoticeText(
        "claim too low an accuracy ({max_accuracy_m:g} m is the limit)",
        "allow the app to use precise positions, or raise the limit: `trackflow device --set "
        "max_accuracy_m=METRES {arguments}`",
    ),
    NoticeKind.MIXED: NoticeText(
        "interleave two ways: two senders under one id, or a clock that jumps?",
        "give each sender an id of its own (`trackflow token create NAME --scope ingest --device "
        "ID` binds one), or mend the clock; then purge and import again",
    ),
    NoticeKind.SHORT: NoticeText(
        "belong to tracks that are too short (under {min_track_m:g} m or {min_track_points:g} "
        "points)",
        "if these were real ways, lower the limit: `trackflow device --set min_track_m=METRES "
        "{arguments}`",
    ),
    NoticeKind.EXCURSION: NoticeText(
        "claim to be elsewhere while the device rested: fixes from cell towers?",
        "nothing to mend here, the stay is whole; the device would send better ones if it may use "
        "precise positions",
    ),
    NoticeKind.DUPLICATE: NoticeText(
        "have the time of another point at another place: two senders under one id?",
        "give each sender an id of its own (`trackflow token create NAME --scope ingest --device "
        "ID` binds one); if times are rounded to minutes, export them in seconds",
    ),
}
"""What happened and what to do, by class; `lone` has its own by cause."""

LONE_WORDS: Mapping[EndReason, NoticeText] = {
    EndReason.SPEED: NoticeText(
        "belong to no track (too fast: nothing moves from one to the next like that)",
        "`trackflow explain {arguments} TIME` shows the speeds; two senders under one id, a broken "
        "receiver, or latitude and longitude that change places",
    ),
    EndReason.GAP: NoticeText(
        "belong to no track (too far apart in time: over {longest_h:g} h without a point)",
        "if the device reports rarely: `trackflow device --preset asset {arguments}`",
    ),
    EndReason.MIXED: WORDS[NoticeKind.MIXED],
    EndReason.HIDDEN: NoticeText(
        "belong to no track (the points beside them are hidden)",
        "`trackflow points list --device {device}` shows what is hidden, and restores it",
    ),
}
BETTER_THAN_SILENCE = (EndReason.SPEED, EndReason.MIXED, EndReason.HIDDEN)
LONE_UNKNOWN = NoticeText(
    "belong to no track: each is alone",
    "`trackflow explain {arguments} TIME` says why",
)


def ledger_notices(
    device_id: str,
    ledgers: Mapping[dt.date, Ledger],
    thresholds: Thresholds,
    lone_because: Mapping[EndReason, int] | None = None,
) -> list[Notice]:
    """Notices of a device's days.

    A day whose lost points are a quarter of it is reported by the class with most of them.

    Args:
        device_id: the device.
        ledgers: of its days; those without anything odd may be left out.
        thresholds: that hold for it; they are named in the texts.
        lone_because: why lone points are alone, counted on a sample; None if not examined.
    """
    days_of: dict[NoticeKind, list[dt.date]] = {}
    for day, ledger in sorted(ledgers.items()):
        for kind in odd_classes(ledger):
            days_of.setdefault(kind, []).append(day)
    found = []
    for kind in (*LOST, *ODD):
        days = days_of.get(kind, [])
        points = sum(ledgers[day].as_dict()[kind] for day in days)
        others = _others(kind, [ledgers[day] for day in days])
        if points + others >= FEWEST_POINTS:
            what, advice = _words(kind, device_id, thresholds, lone_because)
            of = sum(ledgers[day].points for day in days)
            text = f"{points:,} of {of:,} points {what}"
            if others:
                text += f"; {others:,} more are in neither a track nor a stop"
            span = (days[0], days[-1])
            found.append(Notice(device_id, kind, *span, len(days), points, of, text, advice))
    return found


def odd_classes(ledger: Ledger) -> list[NoticeKind]:
    """The classes by which a day is reported; none for an ordinary one."""
    counts = ledger.as_dict()
    found = [kind for kind in ODD if counts[kind] >= max(SHARE * ledger.points, 1)]
    if (main := _main_class(ledger)) is not None:
        found.append(main)
    if main is not NoticeKind.MIXED and ledger.mixed >= max(MIXED_SHARE * ledger.points, 1):
        found.append(NoticeKind.MIXED)
    return found


def _main_class(ledger: Ledger) -> NoticeKind | None:
    """The class that holds most of the lost points, if these are a quarter of the day."""
    if _lost(ledger) < max(SHARE * ledger.points, 1):
        return None
    counts = ledger.as_dict()
    return max(LOST, key=lambda kind: counts[kind])


def _others(kind: NoticeKind, ledgers: Sequence[Ledger]) -> int:
    """Lost points of other classes, on the days on which `kind` holds most of them."""
    return sum(_lost(one) - one.as_dict()[kind] for one in ledgers if _main_class(one) is kind)


def _lost(ledger: Ledger) -> int:
    counts = ledger.as_dict()
    return sum(counts[kind] for kind in LOST)


def _words(
    kind: NoticeKind,
    device_id: str,
    thresholds: Thresholds,
    lone_because: Mapping[EndReason, int] | None,
) -> tuple[str, str]:
    if kind is NoticeKind.LONE:
        causes = Counter({r: n for r, n in (lone_because or {}).items() if r in LONE_WORDS})
        what, advice = LONE_WORDS[causes.most_common(1)[0][0]] if causes else LONE_UNKNOWN
    else:
        what, advice = WORDS[kind]
    values = thresholds.as_dict() | {
        "longest_h": round(max(thresholds.gap_s, thresholds.silence_s) / 3600, 2)
    }
    device, arguments = for_shell(device_id), last_for_shell(device_id)
    return what.format(**values), advice.format(device=device, arguments=arguments)


def lone_reasons(
    points: Points, start_us: int, end_us: int, thresholds: Thresholds, hidden_us: Ints = NO_TIMES
) -> Counter[EndReason]:
    """Why the lone points of a time are alone: the cuts beside them, counted.

    Args:
        points: of one device, from `thresholds.reach_s` before the time to as much after it.
        start_us: begin of the time.
        end_us: its end, not included.
        thresholds: the limits.
        hidden_us: times of the hidden points around, in any order.
    """
    decisions = decide(points, thresholds, hidden_us)
    time_us = decisions.cleaned.points.time_us
    lone = ~(decisions.on_track | decisions.stopped | decisions.away | decisions.is_mixed)
    lone &= (time_us >= start_us) & (time_us < end_us)
    found: Counter[EndReason] = Counter()
    at = np.flatnonzero(lone)
    for beside in zip(*decisions.reasons(at - 1, at), strict=True):
        # a silence needs no explanation if the other side has a better reason
        found[next((r for r in BETTER_THAN_SILENCE if r in beside), EndReason.GAP)] += 1
    return found


def quarantine_notice(device_id: str, reasons: Mapping[str, int], points: int) -> Notice | None:
    """The notice that much of a device's input was refused, None if little was.

    Args:
        device_id: the device; empty for input that names none.
        reasons: how many rows were refused, by reason.
        points: how many points of the device were accepted.
    """
    refused = sum(reasons.values())
    if refused < FEWEST_POINTS or refused < SHARE * (refused + points):
        return None
    listed = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{count:,} {reason}" for reason, count in listed)
    text = f"{refused:,} of {refused + points:,} rows were refused ({named})"
    advice = "`trackflow quarantine list` shows them, by sender, with what to set right"
    return Notice(
        device_id, NoticeKind.QUARANTINED, None, None, 0, refused, refused + points, text, advice
    )


def by_urgency(notices: Iterable[Notice]) -> list[Notice]:
    """Notices in the order in which they are shown: the most points first."""
    return sorted(notices, key=lambda n: (-n.points, n.device_id, n.kind))
