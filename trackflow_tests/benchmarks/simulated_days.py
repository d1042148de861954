"""Simulated days of a person or a vehicle, with the truth beside them.

A `World` is what happened, second by second: four days of ten stays and nine drives each, and the
nights between them. `observe` says what a tracker reported of it: sampling, drift, outliers,
claimed accuracies, silence while parked. All trackers of one seed see the same world.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Bools, Floats, Ints, Points

US = 1_000_000
START_US = 1_772_409_600 * US
"""2026-03-02 00:00 UTC."""

DAY_S = 86_400
DAYS, STAYS_A_DAY = 4, 10
LON, LAT = 24.94, 60.17
NIGHT, DRIVING = -2, -1

LIMITS_KMH = (30.0, 40.0, 50.0, 50.0, 60.0, 80.0, 120.0)
ACCELERATION_MS2, BRAKING_MS2, CORNER_MS2 = 1.5, 2.0, 2.0
CORNER_RADIUS_M = 12.0
CORNER_EVERY_M = (300.0, 2000.0)
SOFT_CURVES = 7e-5
"""So winding that the chords of 30 s and 60 s are 4 and 8 % short, as on 76 real drives."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What happened in each second. Arrays of shape (n,), unless said otherwise.

    Attributes:
        lon: longitude in degrees.
        lat: latitude in degrees.
        odometer_m: metres driven so far.
        stay: the number of the stay, DRIVING or NIGHT.
        stays: first and last second of each stay. Shape (40, 2).
        nights: the same of each night. Shape (5, 2).
        drives: the same of each drive. Shape (36, 2).
        in_jam: whether the drive stands in a jam.
    """

    lon: Floats
    lat: Floats
    odometer_m: Floats
    stay: Ints
    stays: Ints
    nights: Ints
    drives: Ints
    in_jam: Bools

    @property
    def drives_m(self) -> Floats:
        """True length of each drive."""
        length: Floats = self.odometer_m[self.drives[:, 1]] - self.odometer_m[self.drives[:, 0]]
        return length

    def odometer_at(self, time_us: Ints) -> Floats:
        """Metres driven up to some moments."""
        seconds = (np.asarray(time_us) - START_US) / US
        return np.interp(seconds, np.arange(len(self.odometer_m)), self.odometer_m)


@dataclass(frozen=True, slots=True)
class Tracker:
    """How a device reports.

    Attributes:
        sampling_s: seconds from one fix to the next while it reports.
        drift_m: standard deviation of indoor fixes, each way.
        white: indoor fixes err independently; otherwise their error drifts over minutes.
        outliers: one in a hundred indoor fixes is 60 to 180 m off.
        jams: a quarter of the drives meets a jam.
        accuracies: fixes claim an accuracy.
        nights: it reports at night too.
        silent: it reports on drives only; "wake" means that the first fix is still at the stay.
        heartbeat_s: a silent tracker reports this often while parked; 0 means never.
    """

    sampling_s: int
    drift_m: float
    white: bool = False
    outliers: bool = True
    jams: bool = True
    accuracies: bool = True
    nights: bool = False
    silent: str = ""
    heartbeat_s: int = 0


@lru_cache(maxsize=16)
def world(seed: int, *, jams: bool = True) -> World:
    """Four days; the same with and without jams, except for the jams."""
    random = np.random.default_rng(seed)
    x, y, odometer, stay, jam = [], [], [], [], []
    position, heading, driven = np.zeros(2), 0.0, 0.0
    number = 0

    def stand(seconds: int, label: int) -> None:
        x.append(np.full(seconds, position[0]))
        y.append(np.full(seconds, position[1]))
        odometer.append(np.full(seconds, driven))
        stay.append(np.full(seconds, label))
        jam.append(np.zeros(seconds, dtype=np.bool_))

    drive_number = 0
    for day in range(DAYS):
        start_s = day * DAY_S + int(random.integers(18_000, 23_000))
        stand(start_s - sum(map(len, x)), NIGHT)
        for i in range(STAYS_A_DAY):
            stand(int(_log_uniform(random, 300, 7200)), number)
            number += 1
            if i == STAYS_A_DAY - 1:
                break
            own = np.random.default_rng([seed, drive_number])
            along, in_jam = _drive(own, jam=jams and drive_number % 4 == 1)
            drive_number += 1
            line, heading = _route(
                np.random.default_rng([seed, drive_number, 1]), int(along[-1]) + 2, heading
            )
            grid = np.arange(len(line))
            for values, column in ((x, 0), (y, 1)):
                values.append(position[column] + np.interp(along, grid, line[:, column]))
            position = np.array([x[-1][-1], y[-1][-1]])
            odometer.append(driven + along)
            driven += float(along[-1])
            stay.append(np.full(len(along), DRIVING))
            jam.append(in_jam)
    stand(DAYS * DAY_S - sum(map(len, x)), NIGHT)
    labels = np.concatenate(stay)
    lon, lat = _degrees(np.concatenate(x), np.concatenate(y))
    return World(
        lon,
        lat,
        np.concatenate(odometer),
        labels,
        stays=_runs(labels >= 0, labels),
        nights=_runs(labels == NIGHT, labels),
        drives=_runs(labels == DRIVING, labels),
        in_jam=np.concatenate(jam),
    )


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
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


def _route(random: np.random.Generator, length_m: int, heading: float) -> tuple[Floats, float]:
    """A way in steps of a metre: soft curves, and corners every few hundred metres."""
    soft = _recalled(random.normal(0, SOFT_CURVES, (length_m, 1)), 0.995).ravel()
    corners = np.zeros(length_m)
    at = 0
    while (at := at + int(random.uniform(*CORNER_EVERY_M))) < length_m:
        angle = random.choice([-1, 1]) * random.uniform(0.9, 1.7)
        width = max(int(CORNER_RADIUS_M * abs(angle)), 1)
        corners[at : at + width] = angle / width
    headings = heading + np.cumsum(soft + corners)
    steps = np.stack([np.cos(headings), np.sin(headings)], axis=1)
    line = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    return line, float(headings[-1])


def _drive(random: np.random.Generator, *, jam: bool) -> tuple[Floats, Bools]:
    """Metres since the start in each second, and whether it is in a jam then.

    Stretches of road with a limit each; between them a corner at 20 to 30 km/h, a light, or
    nothing. The jam creeps at 5 to 12 km/h and stands in between.
    """
    length_m = float(np.clip(random.lognormal(np.log(3200), 0.7), 800, 30_000))
    speeds: list[float] = [0.0]
    jams: list[bool] = [False]
    speed, done = 0.0, 0.0
    jam_at = random.uniform(0.2, 0.8) * length_m if jam else np.inf
    while done < length_m:
        limit = random.choice(LIMITS_KMH) / 3.6 * random.uniform(0.85, 1.05)
        end = min(done + random.uniform(200, 900) * (2 if limit > 20 else 1), length_m)
        kind = str(random.choice(["through", "corner", "light"], p=[0.45, 0.35, 0.2]))
        if end >= length_m:
            kind = "arrival"
        exit_ms = {"through": limit, "corner": random.uniform(5.5, 8.5)}.get(kind, 0.0)
        while done < end:
            braking = np.sqrt(exit_ms**2 + 2 * BRAKING_MS2 * max(end - done - speed, 0.0))
            speed = max(min(speed + ACCELERATION_MS2, limit, braking), 1.0)
            done += speed
            speeds.append(speed)
            jams.append(False)
        if kind == "light":
            wait = int(random.uniform(20, 120))
            speeds += [0.0] * wait
            jams += [False] * wait
            speed = 0.0
        if done >= jam_at:
            creep = _jam(random)
            speeds += creep
            jams += [True] * len(creep)
            done += sum(creep)
            jam_at, speed = np.inf, 0.0
    speeds.append(0.0)
    jams.append(False)
    return np.cumsum(speeds), np.array(jams)


def _jam(random: np.random.Generator) -> list[float]:
    """Speeds in a jam of 5 to 15 minutes."""
    left = int(random.uniform(300, 900))
    going = random.uniform(0.08, 0.5)
    speeds: list[float] = []
    while left > 0:
        go = int(random.uniform(5, 30))
        stand = min(int(go * (1 - going) / going * random.uniform(0.5, 1.5)), 150)
        speeds += [random.uniform(5, 12) / 3.6] * go + [0.0] * stand
        left -= go + stand
    return speeds


def observe(world: World, tracker: Tracker, seed: int) -> Points:
    """The fixes of a tracker, in order of time."""
    random = np.random.default_rng([seed, 7])
    error = _errors_m(world, tracker, random)
    rows = _reported(world, tracker, random)
    indoors = world.stay[rows] != DRIVING
    accuracy = np.where(
        indoors,
        np.clip(tracker.drift_m * random.uniform(0.7, 1.6, len(rows)), 10, 70),
        random.uniform(5, 15, len(rows)),
    )
    error = error[rows]
    if tracker.white:
        error[indoors] = random.normal(0, tracker.drift_m, (len(rows), 2))[indoors]
    if tracker.outliers:
        _throw(error, accuracy, indoors, random)
    lat = world.lat[rows] + error[:, 1] / METRES_PER_DEGREE
    lon = world.lon[rows] + error[:, 0] / METRES_PER_DEGREE / np.cos(np.radians(lat))
    time_us = START_US + rows * US
    return Points.of(time_us, lon, lat, accuracy if tracker.accuracies else None)


def _errors_m(world: World, tracker: Tracker, random: np.random.Generator) -> Floats:
    """East and north errors in each second: 3 to 6 m on drives, slow drift at stays."""
    n = len(world.lon)
    outdoors = 0.8 * _drifting(random, n, 20.0) + 0.6 * random.normal(0, 1, (n, 2))
    error = outdoors * random.uniform(3, 6)
    for begin, end in np.concatenate([world.stays, world.nights]).tolist():
        size = end - begin + 1
        error[begin : end + 1] = tracker.drift_m * _drifting(
            random, size, _log_uniform(random, 60, 300)
        ) + random.normal(0, 2, (size, 2))
    return error


def _drifting(random: np.random.Generator, size: int, constant_s: float) -> Floats:
    """An Ornstein-Uhlenbeck process of unit variance in steps of 1 s. Shape (size, 2)."""
    kept = np.exp(-1 / constant_s)
    pushes = random.normal(0, 1, (size, 2))
    pushes[1:] *= np.sqrt(1 - kept**2)
    return _recalled(pushes, kept)


def _recalled(pushes: Floats, kept: float) -> Floats:
    """Each row is `kept` times the row before plus its own push."""
    scaled = pushes.copy()
    scaled[1:] /= 1 - kept
    recalled: Floats = pd.DataFrame(scaled).ewm(alpha=1 - kept, adjust=False).mean().to_numpy()
    return recalled


def _reported(world: World, tracker: Tracker, random: np.random.Generator) -> Ints:
    """The seconds in which there is a fix."""
    n, step = len(world.lon), tracker.sampling_s
    jitter = step // 20
    clock = np.arange(int(random.integers(0, step)), n, step)
    clock = np.unique(np.clip(clock + random.integers(-jitter, jitter + 1, len(clock)), 0, n - 1))
    if not tracker.silent:
        return clock if tracker.nights else clock[world.stay[clock] != NIGHT]
    parts = []
    for begin, end in world.drives.tolist():
        first = begin if tracker.silent == "wake" else begin + int(random.uniform(5, 40))
        parts.append(np.arange(first, end + int(random.uniform(0, 30)), step))
    if tracker.heartbeat_s:
        beats = np.arange(int(random.integers(0, tracker.heartbeat_s)), n, tracker.heartbeat_s)
        parts.append(beats[world.stay[beats] != DRIVING])
    return np.unique(np.concatenate(parts))


def _throw(error: Floats, accuracy: Floats, indoors: Bools, random: np.random.Generator) -> None:
    """Throw one in a hundred indoor fixes 60 to 180 m away, alone or up to three in a row."""
    rows = np.flatnonzero(indoors)
    first = rows[random.random(len(rows)) < 0.01 / 1.5]
    runs = random.choice([1, 2, 3], len(first), p=[0.65, 0.2, 0.15])
    for row, run in zip(first.tolist(), runs.tolist(), strict=True):
        angle, away = random.uniform(0, 2 * np.pi), random.uniform(60, 180)
        for k in range(row, min(row + run, len(error))):
            if indoors[k]:
                error[k] = np.array([np.cos(angle), np.sin(angle)]) * away + random.normal(0, 5, 2)
                accuracy[k] = random.uniform(50, 150)
