"""What other thresholds would do to tracks."""

import datetime as dt
from typing import TypedDict

from trackflow.geo.time import from_us
from trackflow.tracks.what_if import ChangeKind, SpanChange, TrackSpan
from trackflow.usecases.days.what_if import WhatIfReport
from trackflow.web.answers.describing import described, shows


@described
class TrackSpanAnswer(TypedDict):
    """A track, as it is or as it would be."""

    start_time: dt.datetime
    end_time: dt.datetime
    distance_m: float
    """Along its points."""
    points: int


@described
class SpanChangeAnswer(TypedDict):
    """Tracks of the same time, as they are and as they would be."""

    kind: str
    """added, removed, split, merged or changed."""
    before: list[TrackSpanAnswer]
    after: list[TrackSpanAnswer]


@described
class WhatIfAnswer(TypedDict):
    """What other thresholds would do."""

    device_id: str
    counts: dict[str, int]
    """Number of changes by kind; `same` is the tracks that stay."""
    tracks_before: int
    before_m: float
    """Their length along the points."""
    tracks_after: int
    after_m: float
    """Their length along the points."""
    changes: list[SpanChangeAnswer]
    """In order of time."""


def what_if_answer(report: WhatIfReport) -> WhatIfAnswer:
    """What other thresholds would do."""
    return {
        "device_id": report.device_id,
        "counts": dict(report.counts),
        "tracks_before": report.tracks_before,
        "before_m": report.distance_m_before,
        "tracks_after": report.tracks_after,
        "after_m": report.distance_m_after,
        "changes": [_span_change(change) for change in report.changes],
    }


def _span_change(change: SpanChange) -> SpanChangeAnswer:
    return {
        "kind": change.kind.value,
        "before": [_span(span) for span in change.before],
        "after": [_span(span) for span in change.after],
    }


def _span(span: TrackSpan) -> TrackSpanAnswer:
    return {
        "start_time": from_us(span.start_us),
        "end_time": from_us(span.end_us),
        "distance_m": span.distance_mm / 1000,
        "points": span.points,
    }


_DAY = dt.date(2026, 9, 1)
_BEGIN_US = 1_788_250_000_000_000


def _what_if() -> WhatIfReport:
    def span(first_s: int, last_s: int) -> TrackSpan:
        at = [_BEGIN_US + second * 1_000_000 for second in (first_s, last_s)]
        return TrackSpan(at[0], at[1], (last_s - first_s) * 10_000, (last_s - first_s) // 5)

    report = WhatIfReport("van", _DAY, _DAY)
    change = SpanChange(ChangeKind.SPLIT, (span(0, 900),), (span(0, 300), span(500, 900)))
    report.changes.append(change)
    report.counts.update({"same": 11, "split": 1})
    report.tracks_before, report.tracks_after = 12, 13
    report.distance_m_before, report.distance_m_after = 120_000.0, 118_000.0
    return report


WHAT_IF = shows(WhatIfAnswer, what_if_answer(_what_if()))
