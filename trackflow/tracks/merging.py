"""Tracks from segments: pieces are joined across midnight, and nowhere else."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trackflow.geo.bbox import Bbox
from trackflow.geo.points import Points
from trackflow.geo.steps import steps_mm, unwrapped
from trackflow.geo.time import DAY_US
from trackflow.tracks.decisions import EndReason
from trackflow.tracks.segments import Segment
from trackflow.tracks.thresholds import Thresholds

NAMESPACE = uuid.UUID("6f6e4f1c-6a0b-5c1e-9c57-3a4be1b6c0d4")
"""Of all track ids. Never change it: links to tracks would die."""

UNSEEN_US = 120_000_000
"""The way of a step that takes longer than two minutes is unknown; it is at least its length."""


@dataclass(frozen=True, slots=True)
class Track:
    """A movement between two cuts, however many days it crosses.

    Attributes:
        segments: which of the merged segments it consists of, a range of their indices.
        points: number of points.
        start_us: time of the first point.
        end_us: time of the last point.
        distance_mm: length along all points, midnights and an unseen begin included.
        lead_mm: of it, the unobserved way before the first point.
        unobserved_mm: of it, the lead and the steps that took longer than `UNSEEN_US`.
        bbox: west, south, east, north in degrees; west is greater than east if it crosses the
            antimeridian.
        began: why it begins; MIDNIGHT only if the segment before it was not among those merged.
        ended: why it ends; MIDNIGHT only if the segment after it was not among those merged.
    """

    segments: range
    points: int
    start_us: int
    end_us: int
    distance_mm: int
    lead_mm: int
    unobserved_mm: int
    bbox: Bbox
    began: EndReason
    ended: EndReason

    @property
    def distance_m(self) -> float:
        """Length in metres."""
        return self.distance_mm / 1000

    @property
    def duration_s(self) -> float:
        """Time from the first to the last point."""
        return (self.end_us - self.start_us) / 1e6


def merge(segments: Sequence[Segment]) -> list[Track]:
    """Tracks of one device from its segments in order of time, of any number of days."""
    return [_track(segments, indices) for indices in _chains(segments)]


def is_short(track: Track, thresholds: Thresholds) -> bool:
    """Whether a merged track is too short to be one."""
    return (
        track.points < thresholds.min_track_points
        or track.distance_mm < thresholds.min_track_m * 1000
    )


def track_id(device_id: str, start_us: int) -> uuid.UUID:
    """The id of the track of a device that begins at a moment: the same on every run."""
    return uuid.uuid5(NAMESPACE, f"{device_id}\n{start_us}")


def joined_points(segments: Sequence[Segment], track: Track) -> Points:
    """All points of a track, in order."""
    return Points.concat([segments[i].points for i in track.segments])


def _chains(segments: Sequence[Segment]) -> Iterator[range]:
    """Ranges of segments that belong together."""
    begin = 0
    for i in range(1, len(segments) + 1):
        if i == len(segments) or not _continues(segments[i - 1], segments[i]):
            yield range(begin, i)
            begin = i


def _continues(segment: Segment, later: Segment) -> bool:
    # Both sides must be open and in neighbouring days: a day that is missing among the segments
    # must not be bridged.
    days_apart = later.start_us // DAY_US - segment.end_us // DAY_US
    return segment.open_end and later.open_start and days_apart == 1


def _track(segments: Sequence[Segment], indices: range) -> Track:
    parts = [segments[i] for i in indices]
    points = Points.concat([part.points for part in parts])
    # The way over midnight to a day that is not among the segments is no part of this track.
    lead_mm = 0 if parts[0].open_start else parts[0].link_mm
    unseen = np.diff(points.time_us) > UNSEEN_US
    return Track(
        segments=indices,
        points=len(points),
        start_us=parts[0].start_us,
        end_us=parts[-1].end_us,
        distance_mm=lead_mm + sum(p.distance_mm for p in parts) + sum(p.link_mm for p in parts[1:]),
        lead_mm=lead_mm,
        unobserved_mm=lead_mm + int(steps_mm(points.lon, points.lat)[unseen].sum()),
        bbox=bbox(points),
        began=parts[0].began,
        ended=parts[-1].ended,
    )


def bbox(points: Points) -> Bbox:
    """West, south, east and north of points in order, the short way round the Earth."""
    lon = unwrapped(points.lon)
    west, east = float(lon.min()), float(lon.max())
    if lon is not points.lon:
        west, east = (round((x + 180) % 360 - 180, 7) for x in (west, east))
    return Bbox(west, float(points.lat.min()), east, float(points.lat.max()))
