"""How tracks and stops share out the time of a person who labelled legs; `people` has the rules."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from trackflow.geo.distance import haversine_m, step_m
from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.benchmarks.movement_scores import Movement
from trackflow_tests.benchmarks.movement_splitters import US, united

LONGEST_US = 60 * US
SILENCE_US = 1200 * US
SAME_DAY_US = 12 * 3600 * US
NEAR_M = 150.0
HALF_WINDOW_US = 150 * US
STAND_KMH = 1.0
BORDER_US = 120 * US
DWELL_US = int(Thresholds().dwell_s * US)


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """The points and the labelled legs of one device.

    Attributes:
        device_id: who.
        points: in order of time.
        legs: start and end of each leg. Shape (k, 2).
        trips: legs joined over less than the dwell time. Shape (m, 2).
        steps: start and end of every step that is not too long. Shape (s, 2).
        lengths_m: length of each step. Shape (s,).
        stands: which steps belong to a stand. Shape (s,).
        silent: start and end of steps that are too long, up to 20 minutes. Shape (t, 2).
        still: start and end of silences of at least the dwell time with near ends. Shape (u, 2).
    """

    device_id: str
    points: Points
    legs: Ints
    trips: Ints
    steps: Ints
    lengths_m: Floats
    stands: Bools
    silent: Ints
    still: Ints


@dataclass(frozen=True, slots=True)
class Times:
    """Sums over persons, in seconds unless said otherwise.

    Attributes:
        leg_s: time in legs.
        leg_track_s: of this in tracks.
        inner_s: time in legs without their borders.
        inner_track_s: of this in tracks.
        silent_s: time in legs with silences.
        silent_track_s: of this in tracks.
        wait_s: time in legs that is a stand.
        stand_s: time of stands between trips.
        stand_stop_s: of this in stops.
        stand_track_s: of this in tracks.
        stand_track_m: length of tracks in this, in metres.
        still_s: silences of the dwell time or longer between trips whose ends lie near each other.
        still_stop_s: of this in stops.
        pieces: tracks that share a minute with a trip, summed over trips.
        trips: trips with points.
        tracks: tracks that share a minute with any trip.
        breaks: interruptions between two tracks of a trip in which there was no stand, and no
            silence of the dwell time with near ends.
    """

    leg_s: float = 0
    leg_track_s: float = 0
    inner_s: float = 0
    inner_track_s: float = 0
    silent_s: float = 0
    silent_track_s: float = 0
    wait_s: float = 0
    stand_s: float = 0
    stand_stop_s: float = 0
    stand_track_s: float = 0
    stand_track_m: float = 0
    still_s: float = 0
    still_stop_s: float = 0
    pieces: float = 0
    trips: float = 0
    tracks: float = 0
    breaks: float = 0

    def __add__(self, other: "Times") -> "Times":
        return Times(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Times)))


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A time at which splitter and labels differ."""

    device_id: str
    start_us: int
    end_us: int
    kind: str

    @property
    def minutes(self) -> float:
        """How long."""
        return (self.end_us - self.start_us) / US / 60

    def __str__(self) -> str:
        start, end = (
            dt.datetime.fromtimestamp(t / US, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
            for t in (self.start_us, self.end_us)
        )
        return f"{self.device_id:14} {start} to {end} {self.minutes:7.1f} min  {self.kind}"


def person(device_id: str, points: Points, legs: Ints) -> Person:
    """What can be said of a person without any splitter."""
    legs = united(legs[legs[:, 1] > legs[:, 0]])
    wide = legs + np.array([0, DWELL_US])
    trips = united(wide) - np.array([0, DWELL_US])
    spans = np.stack([points.time_us[:-1], points.time_us[1:]], axis=1)
    took_us = np.diff(spans, axis=1).ravel()
    near = took_us <= LONGEST_US
    lengths_m = step_m(points.lon, points.lat)
    stands = _stands(points)
    both = stands[:-1] & stands[1:] & near
    return Person(
        device_id,
        points,
        legs,
        trips,
        steps=spans[near],
        lengths_m=lengths_m[near],
        stands=_long_enough(spans[near], both[near]),
        silent=spans[(took_us > LONGEST_US) & (took_us <= SILENCE_US)],
        still=spans[(took_us >= DWELL_US) & (lengths_m <= NEAR_M)],
    )


def _stands(points: Points) -> Bools:
    """At which points the medians of before and after agree; three fixes at least on both sides."""
    frame = pd.DataFrame({"lon": points.lon, "lat": points.lat})
    before = _medians_until(frame, points.time_us)
    after = _medians_until(frame.iloc[::-1], (points.time_us[-1] - points.time_us)[::-1])[::-1]
    apart_m = haversine_m(before[:, 0], before[:, 1], after[:, 0], after[:, 1])
    stands: Bools = apart_m / (HALF_WINDOW_US / US) * 3.6 < STAND_KMH  # never of NaN
    return stands


def _medians_until(frame: pd.DataFrame, time_us: Ints) -> Floats:
    """Medians over the time before each row; NaN if there are fewer than three. Shape (n, 2)."""
    frame = frame.set_axis(pd.to_datetime(time_us, unit="us"), axis=0)
    window = pd.Timedelta(microseconds=HALF_WINDOW_US)
    medians: Floats = frame.rolling(window, min_periods=3).median().to_numpy()
    return medians


def _long_enough(steps: Ints, stands: Bools) -> Bools:
    """The stands that last for the dwell time without a silence."""
    out = np.zeros(len(steps), dtype=np.bool_)
    for begin, end in _runs(steps, stands):
        out[begin:end] = steps[end - 1, 1] - steps[begin, 0] >= DWELL_US
    return out


def _runs(steps: Ints, chosen: Bools) -> Iterator[tuple[int, int]]:
    """Ranges of chosen steps that follow each other directly."""
    rows = np.flatnonzero(chosen)
    if len(rows):
        apart = (np.diff(rows) > 1) | (steps[rows[1:], 0] != steps[rows[:-1], 1])
        for part in np.split(rows, np.flatnonzero(apart) + 1):
            yield int(part[0]), int(part[-1]) + 1


def covered_us(spans: Ints, steps: Ints) -> Floats:
    """Time of each step that lies in spans that do not overlap. Shape of steps."""
    if not len(spans):
        return np.zeros(len(steps))
    at = spans.ravel()
    sums = np.cumsum(np.diff(spans, axis=1).ravel())
    total = np.stack([np.r_[0, sums[:-1]], sums], axis=1).ravel()
    covered: Floats = np.diff(np.interp(steps, at, total), axis=1).ravel()
    return covered


def within(spans: Ints, steps: Ints) -> Bools:
    """Which steps lie whole in one of the spans."""
    took_us = np.diff(steps, axis=1).ravel()
    inside: Bools = (covered_us(spans, steps) >= took_us - 1) & (took_us > 0)
    return inside


def between_trips(one: Person) -> Ints:
    """The times between two trips of one day."""
    gaps: Ints = np.stack([one.trips[:-1, 1], one.trips[1:, 0]], axis=1)
    return gaps[np.diff(gaps, axis=1).ravel() <= SAME_DAY_US]


def score(one: Person, movement: Movement) -> Times:
    """How the times of a person are shared out."""
    tracks = _spans(movement)
    stops = united(movement.stops)
    in_leg = within(one.legs, one.steps)
    inner = within(_shrunk(one.legs), one.steps)
    silent = within(one.legs, one.silent)
    stand = within(between_trips(one), one.steps) & one.stands
    in_tracks = covered_us(tracks, one.steps) / US
    lasted = np.diff(one.steps, axis=1).ravel() / US
    still = one.still[within(between_trips(one), one.still)]
    pieces, trips, used, breaks = _pieces(one, tracks, in_leg)
    return Times(
        leg_s=lasted[in_leg].sum(),
        leg_track_s=in_tracks[in_leg].sum(),
        inner_s=lasted[inner].sum(),
        inner_track_s=in_tracks[inner].sum(),
        silent_s=lasted[in_leg].sum() + np.diff(one.silent[silent], axis=1).sum() / US,
        silent_track_s=in_tracks[in_leg].sum() + covered_us(tracks, one.silent[silent]).sum() / US,
        wait_s=lasted[in_leg & one.stands].sum(),
        stand_s=lasted[stand].sum(),
        stand_stop_s=covered_us(stops, one.steps[stand]).sum() / US,
        stand_track_s=in_tracks[stand].sum(),
        stand_track_m=one.lengths_m[stand & (in_tracks > 0)].sum(),
        still_s=np.diff(still, axis=1).sum() / US,
        still_stop_s=covered_us(stops, still).sum() / US,
        pieces=pieces,
        trips=trips,
        tracks=used,
        breaks=breaks,
    )


def _spans(movement: Movement) -> Ints:
    spans = [(int(p.time_us[0]), int(p.time_us[-1])) for p in movement.pieces]
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


def _shrunk(legs: Ints) -> Ints:
    inner = legs + np.array([BORDER_US, -BORDER_US])
    longer: Ints = inner[inner[:, 1] > inner[:, 0]]
    return longer


def _pieces(one: Person, tracks: Ints, in_leg: Bools) -> tuple[int, int, int, int]:
    """Tracks of trips, trips with points, tracks of any trip, interruptions without a stand."""
    shared, used, trips, breaks = 0, set[int](), 0, 0
    rests = united(np.concatenate([one.steps[one.stands], one.still]))
    seen = one.steps[in_leg]
    seen_us = covered_us(united(seen), one.trips) if len(seen) else np.zeros(len(one.trips))
    for begin, end in one.trips[seen_us >= LONGEST_US].tolist():
        first = np.searchsorted(tracks[:, 1], begin)
        after = np.searchsorted(tracks[:, 0], end)
        rows = np.arange(first, after)
        lasts = np.minimum(tracks[rows, 1], end) - np.maximum(tracks[rows, 0], begin)
        hits = rows[lasts >= LONGEST_US]
        shared, trips = shared + len(hits), trips + 1
        used |= set(hits.tolist())
        between = np.stack([tracks[hits[:-1], 1], tracks[hits[1:], 0]], axis=1)
        breaks += int((covered_us(rests, between) == 0).sum())
    return shared, trips, len(used), breaks


def disagreements(one: Person, movement: Movement) -> list[Disagreement]:
    """Every time at which splitter and labels differ, the longest first."""
    in_tracks = covered_us(_spans(movement), one.steps) > 0
    in_stops = covered_us(united(movement.stops), one.steps) > 0
    in_leg = within(one.legs, one.steps)
    stand = within(between_trips(one), one.steps) & one.stands
    kinds = {
        "leg in a stop": in_leg & ~in_tracks & in_stops & ~one.stands,
        "wait of a leg in a stop": in_leg & ~in_tracks & in_stops & one.stands,
        "leg in nothing": in_leg & ~in_tracks & ~in_stops,
        "stand in a track": stand & in_tracks,
        "stand in nothing": stand & ~in_tracks & ~in_stops,
    }
    found = [
        Disagreement(one.device_id, int(one.steps[a, 0]), int(one.steps[b - 1, 1]), kind)
        for kind, chosen in kinds.items()
        for a, b in _runs(one.steps, chosen)
    ]
    return sorted(found, key=lambda d: d.start_us - d.end_us)
