"""Simulated days of a person or a vehicle: what truly happened, second by second.

Four days of ten stays and nine trips each, and the nights between them. What trackers report of it
is in `simulated_trackers`. All trackers of one seed see the same world.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Bools, Floats, Ints

US = 1_000_000
START_US = 1_772_409_600 * US
"""2026-03-02 00:00 UTC."""

DAY_S = 86_400
DAYS, STAYS_A_DAY = 4, 10
LON, LAT = 24.94, 60.17
NIGHT, DRIVING = -2, -1

LIMITS_KMH = (30.0, 40.0, 50.0, 50.0, 60.0, 80.0, 120.0)
ACCELERATION_MS2, BRAKING_MS2 = 1.5, 2.0
CORNER_RADIUS_M = 12.0
CORNER_EVERY_M = (300.0, 2000.0)
SOFT_CURVES = 7e-5
"""So winding that the chords of 30 s and 60 s are 4 and 8 % short, as on 76 real drives."""

YARD_RADIUS_M, YARD_KMH, YARD_M = 30.0, 11.0, 1800.0


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What happened in each second. Arrays of shape (n,), unless said otherwise.

    Attributes:
        lon: longitude in degrees.
        lat: latitude in degrees.
        odometer_m: metres travelled so far.
        stay: the number of the stay, DRIVING or NIGHT.
        stays: first and last second of each stay. Shape (40, 2).
        nights: the same of each night. Shape (5, 2).
        drives: the same of each trip. Shape (36, 2).
    """

    lon: Floats
    lat: Floats
    odometer_m: Floats
    stay: Ints
    stays: Ints
    nights: Ints
    drives: Ints

    @property
    def drives_m(self) -> Floats:
        """True length of each trip."""
        length: Floats = self.odometer_m[self.drives[:, 1]] - self.odometer_m[self.drives[:, 0]]
        return length

    def odometer_at(self, time_us: Ints) -> Floats:
        """Metres travelled up to some moments."""
        seconds = (np.asarray(time_us) - START_US) / US
        return np.interp(seconds, np.arange(len(self.odometer_m)), self.odometer_m)


@dataclass(slots=True)
class _Diary:
    """The world as far as it has been written."""

    seconds: int = 0
    driven_m: float = 0.0
    heading: float = 0.0
    position: Floats = field(default_factory=lambda: np.zeros(2))
    places: list[Floats] = field(default_factory=list)
    odometers: list[Floats] = field(default_factory=list)
    labels: list[Ints] = field(default_factory=list)

    def add(self, places: Floats, odometer: Floats, label: int) -> None:
        """Write some seconds."""
        self.places.append(places)
        self.odometers.append(odometer)
        self.labels.append(np.full(len(odometer), label))
        self.seconds += len(odometer)
        self.position, self.driven_m = places[-1], float(odometer[-1])

    def stand(self, seconds: int, label: int) -> None:
        """Stay for a while."""
        self.add(np.tile(self.position, (seconds, 1)), np.full(seconds, self.driven_m), label)

    def travel(self, along_m: Floats, line: Floats) -> None:
        """Go along a line of one point per metre."""
        grid = np.arange(len(line))
        steps = np.stack([np.interp(along_m, grid, line[:, k]) for k in (0, 1)], axis=1)
        self.add(self.position + steps, self.driven_m + along_m, DRIVING)


@lru_cache(maxsize=24)
def world(seed: int, *, trips: str = "drives", jams: bool = True) -> World:
    """Four days; the stays are the same whatever the trips are.

    Args:
        seed: of everything.
        trips: "drives", "yards" (a quarter of the drives circles a yard on the way) or "walks".
        jams: whether a quarter of the drives meets a jam.
    """
    random = np.random.default_rng(seed)
    diary = _Diary()
    for day in range(DAYS):
        diary.stand(day * DAY_S + int(random.integers(18_000, 23_000)) - diary.seconds, NIGHT)
        for i in range(STAYS_A_DAY):
            number = day * STAYS_A_DAY + i
            diary.stand(int(log_uniform(random, 300, 7200)), number)
            if i < STAYS_A_DAY - 1:
                own = np.random.default_rng([seed, number])
                _trip(diary, own, number, trips=trips, jams=jams)
    diary.stand(DAYS * DAY_S - diary.seconds, NIGHT)
    labels, places = np.concatenate(diary.labels), np.concatenate(diary.places)
    lon, lat = _degrees(places[:, 0], places[:, 1])
    return World(
        lon,
        lat,
        np.concatenate(diary.odometers),
        labels,
        stays=_runs(labels >= 0, labels),
        nights=_runs(labels == NIGHT, labels),
        drives=_runs(labels == DRIVING, labels),
    )


def _trip(
    diary: _Diary, random: np.random.Generator, number: int, *, trips: str, jams: bool
) -> None:
    """One trip, of the kind that its number gives it.

    Args:
        diary: where it is written.
        random: of this trip alone, so that jams elsewhere change nothing here.
        number: of the trip.
        trips: as for `world`.
        jams: whether every fourth trip meets a jam.
    """
    yard_m = np.inf
    if trips == "walks":
        along_m = _walk(random)
        corner_every_m = (80.0, 300.0)
    else:
        length_m = float(np.clip(random.lognormal(np.log(3200), 0.7), 800, 30_000))
        if trips == "yards" and number % 4 == 3:
            yard_m = length_m * 0.4
            length_m += YARD_M
        along_m = _drive(random, length_m, jam=jams and number % 4 == 1, yard_m=yard_m)
        corner_every_m = CORNER_EVERY_M
    bends = _bends(random, int(along_m[-1]) + 2, corner_every_m)
    if yard_m < np.inf:
        bends[int(yard_m) : int(yard_m + YARD_M)] = 1 / YARD_RADIUS_M
    headings = diary.heading + np.cumsum(bends)
    steps = np.stack([np.cos(headings), np.sin(headings)], axis=1)
    diary.travel(along_m, np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)]))
    diary.heading = float(headings[-1])


def log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _runs(chosen: Bools, labels: Ints) -> Ints:
    """First and last index of every run of one label among the chosen ones."""
    turns = np.flatnonzero(np.diff(labels)) + 1
    begins, ends = np.r_[0, turns], np.r_[turns, len(labels)] - 1
    keep = chosen[begins]
    return np.stack([begins[keep], ends[keep]], axis=1)


def _degrees(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Positions whose neighbours lie as far apart as in metres, however far the way goes."""
    lat = LAT + y / METRES_PER_DEGREE
    middle = np.cos(np.radians((lat[1:] + lat[:-1]) / 2))
    lon = LON + np.r_[0.0, np.cumsum(np.diff(x) / middle)] / METRES_PER_DEGREE
    return lon, lat


def _bends(random: np.random.Generator, length_m: int, every_m: tuple[float, float]) -> Floats:
    """Change of heading in each metre: soft curves, and corners now and then."""
    bends = recalled(random.normal(0, SOFT_CURVES, (length_m, 1)), 0.995).ravel()
    at = 0
    while (at := at + int(random.uniform(*every_m))) < length_m:
        angle = random.choice([-1, 1]) * random.uniform(0.9, 1.7)
        width = max(int(CORNER_RADIUS_M * abs(angle)), 1)
        bends[at : at + width] += angle / width
    return bends


def recalled(pushes: Floats, kept: float) -> Floats:
    """Each row is `kept` times the row before plus its own push."""
    scaled = pushes.copy()
    scaled[1:] /= 1 - kept
    rows: Floats = pd.DataFrame(scaled).ewm(alpha=1 - kept, adjust=False).mean().to_numpy(copy=True)
    return rows


def _drive(random: np.random.Generator, length_m: float, *, jam: bool, yard_m: float) -> Floats:
    """Metres since the start in each second.

    Stretches of road with a limit each; between them a corner at 20 to 30 km/h, a light of 20 to
    120 s, or nothing.

    Args:
        random: of this drive.
        length_m: how long it is.
        jam: whether it meets a jam.
        yard_m: where it begins to circle a yard; infinite if it does not.
    """
    speeds: list[float] = [0.0]
    speed, done_m = 0.0, 0.0
    jam_m = random.uniform(0.2, 0.8) * length_m if jam else np.inf
    while done_m < length_m:
        limit = random.choice(LIMITS_KMH) / 3.6 * random.uniform(0.85, 1.05)
        end_m = min(done_m + random.uniform(200, 900) * (2 if limit > 20 else 1), length_m)
        kind = str(random.choice(["through", "corner", "light"], p=[0.45, 0.35, 0.2]))
        kind = "arrival" if end_m >= length_m else kind
        exit_ms = {"through": limit, "corner": random.uniform(5.5, 8.5)}.get(kind, 0.0)
        while done_m < end_m:
            braking = np.sqrt(exit_ms**2 + 2 * BRAKING_MS2 * max(end_m - done_m - speed, 0.0))
            in_yard = yard_m - 20 <= done_m < yard_m + YARD_M
            top_ms = YARD_KMH / 3.6 if in_yard else limit
            speed = max(min(speed + ACCELERATION_MS2, top_ms, braking), 1.0)
            done_m += speed
            speeds.append(speed)
        if kind == "light":
            speeds += [0.0] * int(random.uniform(20, 120))
            speed = 0.0
        if done_m >= jam_m:
            creep = _jam(random)
            speeds += creep
            done_m, jam_m, speed = done_m + sum(creep), np.inf, 0.0
    return np.cumsum([*speeds, 0.0])


def _jam(random: np.random.Generator) -> list[float]:
    """Speeds in a jam of 5 to 15 minutes: it creeps at 5 to 12 km/h and stands in between."""
    left_s = int(random.uniform(300, 900))
    going = random.uniform(0.08, 0.5)
    speeds: list[float] = []
    while left_s > 0:
        go_s = int(random.uniform(5, 30))
        stand_s = min(int(go_s * (1 - going) / going * random.uniform(0.5, 1.5)), 150)
        speeds += [random.uniform(5, 12) / 3.6] * go_s + [0.0] * stand_s
        left_s -= go_s + stand_s
    return speeds


def _walk(random: np.random.Generator) -> Floats:
    """Metres since the start in each second: 4 to 6 km/h, and pauses of up to a minute."""
    length_m = float(np.clip(random.lognormal(np.log(1000), 0.5), 400, 4000))
    speeds: list[float] = [0.0]
    done_m = 0.0
    while done_m < length_m:
        pace = random.uniform(4, 6) / 3.6
        stretch_s = int(min(random.uniform(100, 400), length_m - done_m) / pace) + 1
        speeds += [pace] * stretch_s + [0.0] * int(random.choice([0, random.uniform(10, 60)]))
        done_m += pace * stretch_s
    return np.cumsum([*speeds, 0.0])
