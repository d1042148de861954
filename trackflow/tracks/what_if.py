"""Compares the tracks of two sets of thresholds: which are added, removed, split or merged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """How tracks of other thresholds differ."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    SPLIT = "split"
    MERGED = "merged"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class TrackSpan:
    """A track's time in microseconds since 1970, both ends included, and its length."""

    start_us: int
    end_us: int
    distance_mm: int
    points: int


@dataclass(frozen=True, slots=True)
class SpanChange:
    """Tracks that overlap each other, before and after.

    Attributes:
        kind: `SPLIT` is one into several, `MERGED` several into one, `CHANGED` any other mixture
            of both, or one track with other ends or points.
        before: tracks with the thresholds in use.
        after: tracks with the other thresholds.
    """

    kind: ChangeKind
    before: tuple[TrackSpan, ...]
    after: tuple[TrackSpan, ...]


def compare(before: Sequence[TrackSpan], after: Sequence[TrackSpan]) -> list[SpanChange]:
    """Groups of overlapping tracks with how they change, in order of time; equal ones are `SAME`.

    Args:
        before: in order of time, none overlapping another.
        after: in order of time, none overlapping another.
    """
    return [SpanChange(_kind(old, new), old, new) for old, new in _groups(before, after)]


def _groups(
    before: Sequence[TrackSpan], after: Sequence[TrackSpan]
) -> Iterator[tuple[tuple[TrackSpan, ...], tuple[TrackSpan, ...]]]:
    tagged = [(span, 0) for span in before] + [(span, 1) for span in after]
    tagged.sort(key=lambda one: (one[0].start_us, one[0].end_us, one[1]))
    group: tuple[list[TrackSpan], list[TrackSpan]] = ([], [])
    reach_us: int | None = None
    for span, side in tagged:
        if reach_us is not None and span.start_us > reach_us:
            yield tuple(group[0]), tuple(group[1])
            group, reach_us = ([], []), None
        group[side].append(span)
        reach_us = span.end_us if reach_us is None else max(reach_us, span.end_us)
    if reach_us is not None:
        yield tuple(group[0]), tuple(group[1])


def _kind(before: Sequence[TrackSpan], after: Sequence[TrackSpan]) -> ChangeKind:
    if before == after:
        return ChangeKind.SAME
    match len(before), len(after):
        case 0, _:
            return ChangeKind.ADDED
        case _, 0:
            return ChangeKind.REMOVED
        case 1, many if many > 1:
            return ChangeKind.SPLIT
        case many, 1 if many > 1:
            return ChangeKind.MERGED
    return ChangeKind.CHANGED
