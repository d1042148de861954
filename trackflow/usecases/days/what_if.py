"""What other thresholds would do to a device's tracks of some days. Nothing is written.

Both sides are computed from the points in memory by the rules that make tracks, and both lengths
are measured along the points: matching the new tracks to roads would take minutes.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.periods import check_days
from trackflow.geo.time import ONE_DAY, midnight_us
from trackflow.store.database import Connection
from trackflow.store.devices import settings
from trackflow.store.intake import points
from trackflow.tracks.lengths import measure
from trackflow.tracks.merging import is_short, joined_points, merge
from trackflow.tracks.segments import Segment, segment_days
from trackflow.tracks.thresholds import Thresholds
from trackflow.tracks.what_if import ChangeKind, SpanChange, TrackSpan, compare

MOST_DAYS = 366
"""Days of one question: its answer is awaited."""

MOST_POINTS = 1_000_000
"""Points of one question: all of their tracks are in memory at once, some 450 MB."""

PART_DAYS = 31
"""Days that are read at a time."""

LONGEST_JOURNEY_DAYS = 31
"""A journey that reaches into the range is followed for so many days beyond it."""


@dataclass(slots=True)
class WhatIfReport:
    """What would change.

    Attributes:
        device_id: the device.
        first: the first day.
        last: the last day, included.
        changes: groups of overlapping tracks that differ, in order of time.
        counts: number of groups by kind, those without a difference among them.
        tracks_before: number of tracks now.
        tracks_after: number of tracks with the other thresholds.
        distance_m_before: their length now, along their points.
        distance_m_after: their length with the other thresholds, along their points.
    """

    device_id: str
    first: dt.date
    last: dt.date
    changes: list[SpanChange] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    tracks_before: int = 0
    tracks_after: int = 0
    distance_m_before: float = 0.0
    distance_m_after: float = 0.0


def what_if(
    context: Context,
    device_id: str,
    first: dt.date,
    last: dt.date,
    changes: Mapping[str, float | None],
    preset: str | None = None,
) -> WhatIfReport:
    """Compare the tracks that touch some days with those of other thresholds.

    Args:
        context: the store.
        device_id: the device.
        first: the first day, UTC.
        last: the last day, included.
        changes: the other thresholds by name; None takes the device's own one back. All else stays
            as the device has it.
        preset: the other preset; "" for the defaults, None for the device's own.

    Raises:
        SettingsError: there is no such device, a threshold makes no sense, or the days or their
            points are too many.
        BadInputError: the days make no sense.
    """
    check_days(first, last)
    if (days := (last - first).days + 1) > MOST_DAYS:
        raise SettingsError(f"these are {days:,} days: ask for at most {MOST_DAYS}")
    if not changes and preset is None:
        raise SettingsError("name a preset or at least one threshold, such as gap_s=600")
    with context.store.read() as connection:
        settings.known(device_id, settings.device_ids(connection))
        device = settings.read_device(connection, device_id)
        current, other = device.thresholds, device.changed(changes, preset).thresholds
        settings.buffer_us(other)  # refuse what no day can be cut with
        span_us = midnight_us(first), midnight_us(last + ONE_DAY)
        if (count := points.count_points(connection, device_id, *span_us)) > MOST_POINTS:
            raise SettingsError(
                f"these days have {count:,} points, and at most {MOST_POINTS:,} can be compared: "
                "ask for fewer days"
            )
        before, after = _spans(connection, device_id, (first, last), (current, other))
    return _report(device_id, first, last, compare(before, after))


def _report(
    device_id: str, first: dt.date, last: dt.date, groups: Sequence[SpanChange]
) -> WhatIfReport:
    """Count the groups that touch the days.

    Args:
        device_id: the device.
        first: the first day.
        last: the last day, included.
        groups: of overlapping tracks, in order of time.
    """
    start_us, end_us = midnight_us(first), midnight_us(last + ONE_DAY)
    report = WhatIfReport(device_id, first, last)
    millimetres = [0, 0]
    for group in groups:
        spans = group.before + group.after
        if not any(span.end_us >= start_us and span.start_us < end_us for span in spans):
            continue
        report.counts[group.kind.value] += 1
        report.tracks_before += len(group.before)
        report.tracks_after += len(group.after)
        for side, tracks in enumerate((group.before, group.after)):
            millimetres[side] += sum(span.distance_mm for span in tracks)
        if group.kind is not ChangeKind.SAME:
            report.changes.append(group)
    report.distance_m_before, report.distance_m_after = (one / 1000 for one in millimetres)
    return report


def _spans(
    connection: Connection,
    device_id: str,
    days: tuple[dt.date, dt.date],
    choices: Sequence[Thresholds],
) -> list[list[TrackSpan]]:
    """The tracks of some days by each of some thresholds, with whole journeys at both ends.

    All are computed for the same days: a journey of one may be several tracks of the other.

    Args:
        connection: to the store.
        device_id: the device.
        days: the first and the last day.
        choices: where to cut.
    """
    first, last = days
    parts = [_segments(connection, device_id, first, last, one) for one in choices]
    for _ in range(LONGEST_JOURNEY_DAYS):
        if not any(found and found[0].open_start for found in parts):
            break
        first -= ONE_DAY
        for found, one in zip(parts, choices, strict=True):
            found[:0] = _segments(connection, device_id, first, first, one)
    for _ in range(LONGEST_JOURNEY_DAYS):
        if not any(found and found[-1].open_end for found in parts):
            break
        last += ONE_DAY
        for found, one in zip(parts, choices, strict=True):
            found += _segments(connection, device_id, last, last, one)
    return [_merged(found, one) for found, one in zip(parts, choices, strict=True)]


def _merged(parts: Sequence[Segment], thresholds: Thresholds) -> list[TrackSpan]:
    """The tracks of segments, without those that are too short."""
    found = []
    for track in merge(parts):
        if not is_short(track, thresholds):
            way = measure(joined_points(parts, track)).way
            length_mm = round(float(way.along_mm[-1])) + track.lead_mm
            found.append(TrackSpan(track.start_us, track.end_us, length_mm, track.points))
    return found


def _segments(
    connection: Connection,
    device_id: str,
    first: dt.date,
    last: dt.date,
    thresholds: Thresholds,
) -> list[Segment]:
    """The segments of days, in order of time.

    Args:
        connection: to the store.
        device_id: the device.
        first: the first day.
        last: the last day, included.
        thresholds: where to cut.
    """
    buffer_us = settings.buffer_us(thresholds)
    found: list[Segment] = []
    day = first
    while day <= last:
        until = min(last, day + (PART_DAYS - 1) * ONE_DAY)
        start_us, end_us = midnight_us(day) - buffer_us, midnight_us(until + ONE_DAY) + buffer_us
        visible, hidden = points.read_split(connection, device_id, start_us, end_us)
        for one in segment_days(visible, day, until, thresholds, hidden.time_us):
            found += one.segments
        day = until + ONE_DAY
    return found
