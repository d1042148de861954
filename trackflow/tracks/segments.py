"""Days of segments: the part of each track that lies in one day, and the day's ledger."""

import datetime as dt
import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import Self

import numpy as np

from trackflow.geo.points import Ints, Points, e7
from trackflow.geo.time import DAY_US, midnight_us
from trackflow.tracks.blobs import points_from_bytes, points_to_bytes
from trackflow.tracks.cleaning import NO_TIMES
from trackflow.tracks.decisions import Decisions, EndReason, decide
from trackflow.tracks.ranges import counted, distinct, flat_ranges, runs, totals, united
from trackflow.tracks.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a track within one day.

    Attributes:
        points: the kept points, in order; at least two, or one beside a midnight.
        distance_mm: length along the points. Whole millimetres add up the same in any order.
        link_mm: length from the last point of the day before, if open at its start; else from
            where the device stood unseen, if it set out unseen; 0 otherwise.
        began: why it begins; MIDNIGHT if it is open at its start.
        ended: why it ends; MIDNIGHT if it is open at its end.
    """

    points: Points
    distance_mm: int
    link_mm: int
    began: EndReason
    ended: EndReason

    @property
    def start_us(self) -> int:
        """Time of the first point."""
        return int(self.points.time_us[0])

    @property
    def end_us(self) -> int:
        """Time of the last point."""
        return int(self.points.time_us[-1])

    @property
    def open_start(self) -> bool:
        """Whether the track began before this day."""
        return self.began is EndReason.MIDNIGHT

    @property
    def open_end(self) -> bool:
        """Whether the track goes on in the day after."""
        return self.ended is EndReason.MIDNIGHT

    @property
    def content_hash(self) -> str:
        """Hash of everything that is stored of the segment; worked out anew on every call."""
        # The values of NaN differ in bits that mean nothing.
        accuracy = np.where(np.isnan(self.points.accuracy_m), np.nan, self.points.accuracy_m)
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.began}|{self.ended}|".encode())
        digest.update(struct.pack("<3q", self.distance_mm, self.link_mm, len(self.points)))
        for column in (self.points.time_us, e7(self.points.lon), e7(self.points.lat)):
            digest.update(column.astype("<i8").tobytes())
        digest.update(accuracy.astype("<f8").tobytes())
        return digest.hexdigest()

    def to_bytes(self) -> bytes:
        """The points as a compact blob; the other attributes are columns of their own."""
        return points_to_bytes(self.points)

    @classmethod
    def from_bytes(
        cls, blob: bytes, *, distance_mm: int, link_mm: int, began: EndReason, ended: EndReason
    ) -> Self:
        """A segment from its stored blob and columns.

        Args:
            blob: the points, as `to_bytes` writes them.
            distance_mm: length along the points, in millimetres.
            link_mm: the way to the first point, in millimetres, as in the attributes.
            began: why the segment begins.
            ended: why it ends.

        Raises:
            BadInputError: the blob is damaged.
        """
        return cls(
            points_from_bytes(blob), distance_mm, link_mm, EndReason(began), EndReason(ended)
        )


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where the points of a device's day went; every point is in exactly one class.

    Attributes:
        points: how many points were accepted, counted independently of the classes.
        track: part of a track.
        short: part of a track that was too short once it was merged.
        stop: part of a stop, beyond the points where tracks end and begin.
        excursion: within a stop, at a place where the device claimed to be and was not.
        spike: dropped, as no speed explains them.
        inaccurate: dropped, as they claim too low an accuracy.
        duplicate: another point of the same time was kept.
        mixed: among the points of two senders under one id, or of a clock that jumps.
        lone: kept, but cut off on both sides.
        hidden: left out by a person.
    """

    points: int = 0
    track: int = 0
    short: int = 0
    stop: int = 0
    excursion: int = 0
    spike: int = 0
    inaccurate: int = 0
    duplicate: int = 0
    mixed: int = 0
    lone: int = 0
    hidden: int = 0

    @property
    def anomaly(self) -> int:
        """Points dropped because they cannot be true."""
        return self.spike + self.inaccurate

    @property
    def balanced(self) -> bool:
        """Whether the classes add up to the accepted points."""
        standing = self.stop + self.excursion
        classes = self.track + self.short + standing + self.anomaly + self.duplicate
        return classes + self.mixed + self.lone + self.hidden == self.points

    def shorten(self, points: int) -> Self:
        """The ledger with `points` moved from track to short."""
        return replace(self, track=self.track - points, short=self.short + points)

    def as_dict(self) -> dict[str, int]:
        """All counts by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class DaySegments:
    """The segments of a device's day, in order of time, and its ledger."""

    day: dt.date
    segments: tuple[Segment, ...]
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Span:
    """Days of a device on the axis of time on which its points were decided about.

    Attributes:
        first: the first day.
        last: the last day.
        shift_us: how much later a moment is on that axis.
    """

    first: dt.date
    last: dt.date
    shift_us: int = 0

    @property
    def start_us(self) -> int:
        """The begin of the first day, on the axis."""
        return midnight_us(self.first) + self.shift_us

    @property
    def end_us(self) -> int:
        """The end of the last day, on the axis."""
        return midnight_us(self.last) + DAY_US + self.shift_us

    @property
    def days(self) -> list[dt.date]:
        """All days, in order."""
        first, last = self.first.toordinal(), self.last.toordinal()
        return [dt.date.fromordinal(day) for day in range(first, last + 1)]


def segment_days(
    points: Points,
    first: dt.date,
    last: dt.date,
    thresholds: Thresholds,
    hidden_us: Ints = NO_TIMES,
) -> list[DaySegments]:
    """Segments and ledgers of the days from `first` to `last`, both included.

    Args:
        points: all points of one device from the first day's start less a buffer to the last day's
            end plus a buffer, in any order, without those that are hidden. The buffer must be
            longer than `thresholds.reach_s`: then the result equals that of any other division into
            days, bit for bit.
        first: the first day.
        last: the last day.
        thresholds: the limits.
        hidden_us: times of the hidden points, of days and buffer, in any order.
    """
    decisions = decide(points, thresholds, hidden_us)
    times = points.time_us, hidden_us
    return days_of(decisions, times, decisions.cleaned.points, [Span(first, last)])[0]


def days_of(
    decisions: Decisions, times: tuple[Ints, Ints], kept: Points, spans: Sequence[Span]
) -> list[list[DaySegments]]:
    """The segments and ledgers of spans of days, by span.

    Args:
        decisions: about points on an axis of time.
        times: of all accepted points that are not hidden, and of those that are; on that axis, in
            any order.
        kept: the points that were kept, with the times that their segments shall have.
        spans: in order of their place on the axis; they do not overlap.
    """
    days = [span.days for span in spans]
    counts = np.array([len(of_span) + 1 for of_span in days])
    edges_us = np.array([span.start_us for span in spans]).repeat(counts)
    edges_us += flat_ranges(np.zeros_like(counts), counts) * DAY_US
    edges = decisions.cleaned.points.time_us.searchsorted(edges_us)
    begins, ends = _stretches(decisions, edges)
    owners = begins.searchsorted(edges)
    after = counts.cumsum()  # the edge after each span's
    inside = np.ones(len(edges) - 1, dtype=np.bool_)
    inside[after[:-1] - 1] = False  # from one span to the next lies no day
    at = inside.nonzero()[0]
    rows = flat_ranges(owners[at], owners[at + 1])
    segments = iter(_segments(decisions, kept, begins[rows], ends[rows]))
    held = (owners[at + 1] - owners[at]).tolist()
    on_track = counted(begins, ends + 1, edges)
    ledgers = zip(held, _ledgers(times, decisions, edges, edges_us, on_track, at), strict=True)
    return [
        [
            DaySegments(day, tuple(islice(segments, count)), ledger)
            for day, (count, ledger) in zip(of_span, ledgers)  # noqa: B905  they go on in the next
        ]
        for of_span in days
    ]


def _stretches(decisions: Decisions, edges: Ints) -> tuple[Ints, Ints]:
    """First and last points of all stretches of moving steps, divided at midnights."""
    moving = decisions.moving
    begins, ends = runs(moving)
    crossed = distinct(edges[moving[edges]])
    return united(begins - 1, crossed), united(ends - 1, crossed - 1)


def _segments(decisions: Decisions, kept: Points, begins: Ints, ends: Ints) -> list[Segment]:
    """The segments of stretches from their first to their last points."""
    step_mm = decisions.cleaned.step_mm
    began, ended = decisions.reasons(begins - 1, ends)
    stretches = zip(
        begins.tolist(),
        ends.tolist(),
        decisions.moving[begins].tolist(),  # whether it is open at its start
        decisions.moving[ends + 1].tolist(),  # and at its end
        began,
        ended,
        totals(step_mm, begins, ends).astype(np.int64).tolist(),
        decisions.unseen_mm(begins - 1).tolist(),
        strict=True,
    )
    return [
        Segment(
            points=kept[begin : end + 1],
            distance_mm=distance_mm,
            link_mm=int(step_mm[begin - 1]) if open_start else unseen_mm,
            began=EndReason.MIDNIGHT if open_start else began,
            ended=EndReason.MIDNIGHT if open_end else ended,
        )
        for begin, end, open_start, open_end, began, ended, distance_mm, unseen_mm in stretches
    ]


def _ledgers(
    times: tuple[Ints, Ints],
    decisions: Decisions,
    edges: Ints,
    edges_us: Ints,
    on_track: Ints,
    at: Ints,
) -> Iterator[Ledger]:
    """The ledgers of days; the accepted points are counted apart from their classes.

    Args:
        times: of all accepted points that are not hidden, and of those that are, in any order.
        decisions: about these points.
        edges: the first kept point of each day or after it. Shape (n,).
        edges_us: when the days begin and end. Shape (n,).
        on_track: how many points of tracks lie before each edge. Shape (n,).
        at: which edges are the begin of a day. The next one is its end.
    """
    time_us, hidden_us = (
        np.sort(found) if (found[1:] < found[:-1]).any() else found for found in times
    )
    cleaned, moving, (first, last) = decisions.cleaned, decisions.moving, decisions.stays
    # Of a stay, only its ends may be part of a track.
    standing = counted(first + moving[first], last + 1 - moving[last + 1], edges)
    away = decisions.away.nonzero()[0]
    away = away[~(moving[away] | moving[away + 1])]
    excursions, mixed = (
        rows.searchsorted(edges) for rows in (away, decisions.is_mixed.nonzero()[0])
    )
    dropped_us = (cleaned.spike_us, cleaned.inaccurate_us, cleaned.duplicate_us, hidden_us)
    before = (times.searchsorted(edges_us) for times in (time_us, *dropped_us))
    of_stays = (standing - excursions, excursions, mixed, edges)
    counts = ((index[at + 1] - index[at]).tolist() for index in (*before, on_track, *of_stays))
    rows = zip(*counts, strict=True)
    for received, spike, inaccurate, duplicate, hidden, track, stop, excursion, mixed, kept in rows:
        yield Ledger(
            points=received + hidden,
            track=track,
            stop=stop,
            excursion=excursion,
            spike=spike,
            inaccurate=inaccurate,
            duplicate=duplicate,
            mixed=mixed,
            lone=kept - track - stop - excursion - mixed,
            hidden=hidden,
        )
