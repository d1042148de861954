"""Random histories of a device, made of the things that go wrong in real ones.

A history is a seed and a list of episodes. Positions move on a grid of metres, so that shrinking
gives readable cases; times are whole seconds for the same reason, but for the 10 Hz episode.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from trackflow.geo.points import Points
from trackflow.geo.time import midnight_us
from trackflow.tracks.thresholds import Thresholds

FIRST = dt.date(2026, 3, 1)
US = 1_000_000
DEGREE_M = 111_195.0

KINDS = (
    "drive", "drive", "slow", "stay", "stay", "long_stay", "gap", "jump", "teleport", "spike",
    "spike", "spike", "zigzag", "burst", "duplicates", "poor", "midnight", "midnight", "journey",
    "journey", "sparse", "crawl", "drift", "bounce", "two_senders", "train", "jam", "circle",
    "silence", "silence", "silence", "rough", "repeated", "short_drive", "bounce", "paused",
)  # fmt: skip


@dataclass(frozen=True)
class Episode:
    kind: str
    every_s: int
    count: int
    size: int


@dataclass(frozen=True)
class History:
    """Points in a random order, and the limits to use on them."""

    points: Points
    thresholds: Thresholds
    days: int
    kinds: tuple[str, ...]


episodes = st.builds(
    Episode,
    kind=st.sampled_from(KINDS),
    every_s=st.sampled_from([1, 5, 10, 30, 60, 119, 120, 150, 299, 300, 301]),
    count=st.integers(1, 25),
    size=st.integers(1, 60),
)

limits = st.sampled_from(
    [
        Thresholds(),
        Thresholds(gap_s=120, dwell_s=120, spike_s=60, max_speed_kmh=100, dwell_radius_m=20),
        Thresholds(gap_s=3600, dwell_s=900, spike_s=600, dwell_radius_m=200, noise_m=10),
        Thresholds(gap_s=300, silence_s=2000, dwell_s=301, noise_m=0, spike_points=5),
        Thresholds(gap_s=300, silence_s=0, dwell_s=60, noise_m=30, max_speed_kmh=60),
    ]
)

starts = st.sampled_from([(24.94, 60.17), (179.999, -17.0), (-0.0005, 0.0), (15.0, 89.99)])


class Walker:
    """Moves through episodes and writes down points."""

    def __init__(self, seed: int, lon: float, lat: float, thresholds: Thresholds) -> None:
        self.random = np.random.default_rng(seed)
        self.thresholds = thresholds
        self.start_us = midnight_us(FIRST)
        # Half of the histories begin shortly before a midnight.
        self.s = float(self.random.choice([self.random.integers(0, 86_400), 86_000]))
        self.lon0, self.lat0 = lon, lat
        self.x = self.y = 0.0
        self.rows: list[tuple[float, float, float, float]] = []

    def put(self, dx: float = 0.0, dy: float = 0.0, noise_m: float = 5.0) -> None:
        accuracy = self.random.choice([np.nan, 3.0, 10.5, 30.0])
        noise = self.random.normal(0, noise_m, 2).round(1)
        self.rows.append((self.s, self.x + dx + noise[0], self.y + dy + noise[1], accuracy))

    def go(self, seconds: float, speed_ms: float, angle: float) -> None:
        self.s += seconds
        self.x += speed_ms * seconds * np.cos(angle)
        self.y += speed_ms * seconds * np.sin(angle)

    def run(self, e: Episode) -> None:
        getattr(self, e.kind)(e)

    def drive(self, e: Episode, speed_ms: float | None = None) -> None:
        angle = self.random.uniform(0, 6)
        for _ in range(e.count):
            self.go(e.every_s, e.size / 2 if speed_ms is None else speed_ms, angle)
            self.put()

    def slow(self, e: Episode) -> None:
        self.drive(e, speed_ms=e.size / 60)

    def crawl(self, e: Episode) -> None:
        """Just about as slow as a stop."""
        self.drive(e, speed_ms=self.random.choice([0.2, 0.3, 0.33, 0.35, 0.4]))

    def stay(self, e: Episode) -> None:
        noise_m = self.random.choice([0, 3, 15, 25])
        for _ in range(e.count):
            self.s += e.every_s
            self.put(noise_m=noise_m)

    def long_stay(self, e: Episode) -> None:
        """Longer than any buffer."""
        for _ in range(int(min(8 * 3600 / max(e.every_s, 60), 200))):
            self.s += max(e.every_s, 60)
            self.put(noise_m=4)

    def gap(self, e: Episode) -> None:
        self.go(self.random.choice([119, 121, 599, 600, 601, 3600, 3601, 40_000]), 0.01, 1)
        self.put()

    def jump(self, e: Episode) -> None:
        """Far in a time that is plausible: a train without reception."""
        self.go(self.random.choice([100, 290, 550]), 60, self.random.uniform(0, 6))
        self.put()

    def teleport(self, e: Episode) -> None:
        self.x += e.size * 1000
        self.drive(e)

    def spike(self, e: Episode) -> None:
        """A run of one to six points far away, some of them apart from each other as well."""
        self.drive(Episode("drive", e.every_s, 3, e.size))
        for i in range(1 + e.count % 6):
            self.go(e.every_s, 10, 1)
            self.put(dx=e.size * 500.0, dy=(e.size % 3) * i * 4000.0)
        self.drive(Episode("drive", e.every_s, 3, e.size))

    def zigzag(self, e: Episode) -> None:
        """Two places in turn: which of them is true?"""
        for i in range(e.count):
            self.go(e.every_s, 5, 1)
            away = self.random.random() < 0.5 if e.size % 2 else bool(i % 2)
            self.put(dx=40_000.0 * away)

    def burst(self, e: Episode) -> None:
        """10 Hz with jitter that looks like hundreds of km/h."""
        for _ in range(e.count * 3):
            self.go(0.1, e.size / 10, 2)
            self.put(noise_m=8)

    def duplicates(self, e: Episode) -> None:
        """Equal times: the same point again, and others with other positions and accuracies."""
        for _ in range(e.count // 4 + 1):
            self.go(e.every_s, 8, 3)
            self.put()
            self.rows.append(self.rows[-1])
            self.put(dx=float(self.random.choice([0, 30, 9000])))

    def poor(self, e: Episode) -> None:
        self.go(e.every_s, 3, 1)
        self.rows.append((self.s, self.x + 900, self.y, float(self.random.choice([500, 501, 3e3]))))

    def midnight(self, e: Episode) -> None:
        """A drive or a stay over midnight, with a point exactly there or just beside it."""
        to_go = 86_400 - self.s % 86_400
        lead = e.every_s * (e.count // 2)
        if to_go > lead:
            self.s += to_go - lead + self.random.choice([0, 0, 1, -1, e.every_s / 2])
            self.put()
        self.drive(e, speed_ms=self.random.choice([0, 0.3, 12]))

    def journey(self, e: Episode) -> None:
        """Days under way without a cut."""
        step_s = min(self.thresholds.gap_s, 1800) - e.size % 3
        speed_ms = 12.0
        for _ in range(int(self.random.integers(1, 4) * 86_400 / step_s)):
            self.go(step_s, speed_ms, 0.3)
            self.put()

    def sparse(self, e: Episode) -> None:
        """Steps longer than half a dwell time, moving or not."""
        speed_ms = self.random.choice([0, 0.1, 5])
        for _ in range(e.count):
            self.go(float(self.random.choice([100, 151, 200, 299, 400, 599])), speed_ms, 4)
            self.put(noise_m=3)

    def short_drive(self, e: Episode) -> None:
        """A rest, a way of 100 to 600 m, and a rest there, about as long as a stay."""
        every_s, rest_s = min(e.every_s, 30), self.thresholds.dwell_s * (0.8 + e.count / 25)
        for speed_ms, lasting_s in ((0, rest_s), (7, 15 + e.size), (0, rest_s)):
            for _ in range(min(int(lasting_s / every_s) + 1, 400)):
                self.go(every_s, speed_ms, 1)
                self.put(noise_m=3)

    def drift(self, e: Episode) -> None:
        """At rest, with fixes that wander about and claim what they are worth, or not."""
        error = np.zeros(2)
        noise_m = float(self.random.choice([10, 30, 45]))
        for _ in range(e.count * 4):
            self.s += e.every_s
            kept = np.exp(-e.every_s / 66)
            error = kept * error + np.sqrt(1 - kept * kept) * self.random.normal(0, noise_m, 2)
            self.put(float(error[0]), float(error[1]), noise_m=1)

    def bounce(self, e: Episode) -> None:
        """At rest, with every third fix or so at a cell tower or across the street."""
        far_m = float(self.random.choice([120, 400, 3200]))
        every_s = max(e.every_s, 30)
        for _ in range(e.count * 2):
            self.s += every_s
            away = self.random.random() < 0.3
            self.put(dx=far_m * away, noise_m=20)

    def two_senders(self, e: Episode) -> None:
        """Fixes of two devices that move in two towns, one of them more often."""
        for i in range(e.count * 2):
            self.go(e.every_s, 8, 1)
            self.put(dx=200_000.0 * bool(i % 2 or self.random.random() < 0.2))

    def train(self, e: Episode) -> None:
        """Faster than any car, with a wrong fix now and then."""
        for _ in range(e.count):
            self.go(e.every_s, 83, 2)
            self.put(dx=5000.0 * (self.random.random() < 0.05))

    def jam(self, e: Episode) -> None:
        """Stop and go, as slow as a stay."""
        for i in range(e.count * 2):
            self.go(e.every_s, 2.5 * (i % 5 == 0), 1)
            self.put(noise_m=4)

    def circle(self, e: Episode) -> None:
        """A plough in a yard, or a kart: no net way, but a speed."""
        if e.size % 2:
            self.laps(e)
            return
        start = self.x, self.y
        for i in range(e.count * 3):
            self.s += e.every_s
            angle = i * e.every_s / 10
            self.x, self.y = start[0] + 30 * np.cos(angle), start[1] + 30 * np.sin(angle)
            self.put(noise_m=3)

    def laps(self, e: Episode) -> None:
        """Round and round, around the place where it stood or past it, in up to some minutes."""
        x, y, period_s = self.x, self.y, self.random.choice([12, 20, 30, 45, 57, 80, 150])
        radius_m = (e.size % 12 + 3) * period_s / (2 * np.pi)
        aside_m, began_s = self.random.choice([0, radius_m]), self.s
        for _ in range(e.count * 6):
            self.s += min(e.every_s, 10)
            angle = 2 * np.pi * (self.s - began_s) / period_s
            self.x = x + radius_m * np.cos(angle) - aside_m
            self.y = y + radius_m * np.sin(angle)
            self.put()
        self.x, self.y = x, y

    def silence(self, e: Episode) -> None:
        """A tracker that sleeps while it is parked, a ferry, a tunnel."""
        seconds = float(self.random.choice([301, 400, 900, 2000, 3601, 7200, 10_800, 10_801]))
        way_m = float(self.random.choice([10, 60, 90, 150, 300, 400, 600, 3000, 30_000]))
        self.go(seconds, way_m / seconds, 3)
        self.put()
        self.drive(Episode("drive", min(e.every_s, 119), 8, e.size))

    def paused(self, e: Episode) -> None:
        """An app that pauses some fixes after it came to rest, and is late when it sets out."""
        every_s = min(e.every_s, 30)
        for speed_ms, fixes in ((9, 8), (0, e.count)):
            self.drive(Episode("drive", every_s, fixes, e.size), speed_ms=speed_ms)
        self.go(self.random.choice([200, 299, 301, 500, 2000, 9001]), 0, 1)
        self.go(60, float(self.random.choice([0, 0.3, 4, 12])), self.random.uniform(0, 6))
        self.put(noise_m=1)
        for speed_ms, fixes in ((0, e.count // 2), (9, 8)):
            self.drive(Episode("drive", every_s, fixes, e.size), speed_ms=speed_ms)

    def rough(self, e: Episode) -> None:
        """Fixes of cell towers that say how rough they are; unknown is written as 0 too."""
        for _ in range(e.count):
            self.go(max(e.every_s, 30), 0.2, 3)
            self.put(noise_m=float(self.random.choice([60, 60, 400])))
            accuracy = float(self.random.choice([0.0, -1.0, 40.0, 150.0, 450.0]))
            self.rows[-1] = (*self.rows[-1][:3], accuracy)

    def repeated(self, e: Episode) -> None:
        """A tracker that says its last position again, and then catches up."""
        if e.size % 2:
            self.frozen(e)
            return
        for i in range(e.count):
            self.go(5, 35, 1)
            self.put(noise_m=1)
            if i % 5 == 4:
                self.rows[-1] = (self.s, *self.rows[-2][1:])
                self.go(2, 35, 1)
                self.put(noise_m=1)

    def frozen(self, e: Episode) -> None:
        """The last position again and again in a tunnel, or of one that rests and jumps."""
        angle, every_s = self.random.uniform(0, 6), min(e.every_s, 60)
        speeds_ms = self.random.choice([0, 1.4, 15, 15, 40], 3)
        for k in range(8 + e.count * 2):
            frozen = 4 <= k < 4 + e.count * 2
            self.go(every_s, speeds_ms[0] if k < 4 else speeds_ms[1 + (not frozen)], angle)
            self.put(noise_m=1)
            if frozen:
                self.rows[-1] = (self.s, *self.rows[-2][1:])

    def points(self) -> Points:
        rows = np.array(self.rows, dtype=np.float64).reshape(-1, 4)
        time_us = self.start_us + np.rint(rows[:, 0] * US).astype(np.int64)
        lat = np.clip(self.lat0 + rows[:, 2] / DEGREE_M, -90, 90)
        squeeze = max(np.cos(np.radians(self.lat0)), 0.01)
        lon = (self.lon0 + rows[:, 1] / DEGREE_M / squeeze + 180) % 360 - 180
        return Points.of(time_us, lon, lat, rows[:, 3])


@st.composite
def histories(draw: st.DrawFn) -> History:
    chosen = draw(st.lists(episodes, min_size=4, max_size=25))
    thresholds = draw(limits)
    walker = Walker(draw(st.integers(0, 2**32 - 1)), *draw(starts), thresholds)
    for episode in chosen:
        walker.run(episode)
    points = walker.points()
    last_us = int(points.time_us.max(initial=walker.start_us))
    days = int((last_us - walker.start_us) // (86_400 * US)) + 1
    order = walker.random.permutation(len(points))
    return History(points[order], thresholds, days, tuple(e.kind for e in chosen))
