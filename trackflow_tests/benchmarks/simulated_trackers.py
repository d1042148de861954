"""What trackers report of a simulated world: sampling, drift, outliers, silences, claims."""

from dataclasses import dataclass

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow_tests.benchmarks.simulated_days import (
    DRIVING,
    NIGHT,
    START_US,
    US,
    World,
    log_uniform,
    recalled,
)
from trackflow_tests.benchmarks.simulated_days import world as simulate


@dataclass(frozen=True, slots=True)
class Tracker:
    """How a device reports, and what it lives through.

    Attributes:
        sampling_s: seconds from one fix to the next while it reports.
        drift_m: standard deviation of indoor fixes, each way.
        white: indoor fixes err independently; otherwise their error drifts over minutes.
        outliers: one in a hundred indoor fixes is 60 to 180 m off.
        jams: a quarter of the drives meets a jam.
        accuracies: "honest", "absent" or "zero".
        nights: it reports at night too.
        silent: it reports on drives only; "wake" means that the first fix is still at the stay.
        heartbeat_s: a silent tracker reports this often while parked; 0 means never.
        towers: at every third stay a quarter of the fixes is at a cell tower 1.5 to 4 km away.
        tunnels: a quarter of the drives has no fix for a third of its time.
        repeats: a fifth of the fixes says the position before again.
        trips: "drives", "yards" or "walks".
    """

    sampling_s: int
    drift_m: float
    white: bool = False
    outliers: bool = True
    jams: bool = True
    accuracies: str = "honest"
    nights: bool = False
    silent: str = ""
    heartbeat_s: int = 0
    towers: bool = False
    tunnels: bool = False
    repeats: bool = False
    trips: str = "drives"

    def world(self, seed: int) -> World:
        """The world that it lives in."""
        return simulate(seed, trips=self.trips, jams=self.jams)


def observe(world: World, tracker: Tracker, seed: int) -> Points:
    """The fixes of a tracker, in order of time."""
    random = np.random.default_rng([seed, 7])
    error_m = _errors_m(world, tracker, random)
    rows = _reported(world, tracker, random)
    indoors = world.stay[rows] != DRIVING
    accuracy_m = np.where(
        indoors,
        np.clip(tracker.drift_m * random.uniform(0.7, 1.6, len(rows)), 10, 70),
        random.uniform(5, 15, len(rows)),
    )
    error_m = error_m[rows]
    if tracker.white:
        error_m[indoors] = random.normal(0, tracker.drift_m, (len(rows), 2))[indoors]
    if tracker.outliers:
        _throw(error_m, accuracy_m, indoors, random)
    if tracker.towers:
        _bounce(error_m, accuracy_m, world.stay[rows], random)
    lat = world.lat[rows] + error_m[:, 1] / METRES_PER_DEGREE
    lon = world.lon[rows] + error_m[:, 0] / METRES_PER_DEGREE / np.cos(np.radians(lat))
    if tracker.repeats:
        again = np.flatnonzero(random.random(len(rows) - 1) < 0.2) + 1
        lon[again], lat[again] = lon[again - 1], lat[again - 1]
    claims = {"honest": accuracy_m, "absent": None, "zero": np.zeros(len(rows))}
    return Points.of(START_US + rows * US, lon, lat, claims[tracker.accuracies])


def _errors_m(world: World, tracker: Tracker, random: np.random.Generator) -> Floats:
    """East and north errors in each second: 3 to 6 m on drives, slow drift at stays."""
    n = len(world.lon)
    outdoors = 0.8 * _drifting(random, n, 20.0) + 0.6 * random.normal(0, 1, (n, 2))
    error_m = outdoors * random.uniform(3, 6)
    for begin, end in np.concatenate([world.stays, world.nights]).tolist():
        size = end - begin + 1
        drift = _drifting(random, size, log_uniform(random, 60, 300))
        error_m[begin : end + 1] = tracker.drift_m * drift + random.normal(0, 2, (size, 2))
    return error_m


def _drifting(random: np.random.Generator, size: int, constant_s: float) -> Floats:
    """An Ornstein-Uhlenbeck process of unit variance in steps of 1 s. Shape (size, 2)."""
    kept = np.exp(-1 / constant_s)
    pushes = random.normal(0, 1, (size, 2))
    pushes[1:] *= np.sqrt(1 - kept**2)
    return recalled(pushes, kept)


def _reported(world: World, tracker: Tracker, random: np.random.Generator) -> Ints:
    """The seconds in which there is a fix."""
    n, step = len(world.lon), tracker.sampling_s
    jitter = step // 20
    clock = np.arange(int(random.integers(0, step)), n, step)
    clock = np.unique(np.clip(clock + random.integers(-jitter, jitter + 1, len(clock)), 0, n - 1))
    if tracker.silent:
        clock = _on_drives(world, tracker, random)
    elif not tracker.nights:
        clock = clock[world.stay[clock] != NIGHT]
    if tracker.tunnels:
        for begin, end in world.drives[2::4].tolist():
            third = (end - begin) // 3
            clock = clock[(clock < begin + third) | (clock > begin + 2 * third)]
    return clock


def _on_drives(world: World, tracker: Tracker, random: np.random.Generator) -> Ints:
    """The seconds in which a tracker reports that is silent while parked."""
    parts = []
    for begin, end in world.drives.tolist():
        first = begin if tracker.silent == "wake" else begin + int(random.uniform(5, 40))
        parts.append(np.arange(first, end + int(random.uniform(0, 30)), tracker.sampling_s))
    if tracker.heartbeat_s:
        first = int(random.integers(0, tracker.heartbeat_s))
        beats = np.arange(first, len(world.lon), tracker.heartbeat_s)
        parts.append(beats[world.stay[beats] != DRIVING])
    return np.unique(np.concatenate(parts))


def _throw(
    error_m: Floats, accuracy_m: Floats, indoors: Bools, random: np.random.Generator
) -> None:
    """Throw one in a hundred indoor fixes 60 to 180 m away, alone or up to three in a row.

    Args:
        error_m: east and north errors of the fixes, changed here. Shape (n, 2).
        accuracy_m: claimed accuracies, changed here. Shape (n,).
        indoors: which fixes may be thrown. Shape (n,).
        random: of this tracker.
    """
    rows = np.flatnonzero(indoors)
    first = rows[random.random(len(rows)) < 0.01 / 1.5]
    runs = random.choice([1, 2, 3], len(first), p=[0.65, 0.2, 0.15])
    for row, run in zip(first.tolist(), runs.tolist(), strict=True):
        angle, away_m = random.uniform(0, 2 * np.pi), random.uniform(60, 180)
        direction = np.array([np.cos(angle), np.sin(angle)])
        for k in range(row, min(row + run, len(error_m))):
            if indoors[k]:
                error_m[k] = direction * away_m + random.normal(0, 5, 2)
                accuracy_m[k] = random.uniform(50, 150)


def _bounce(error_m: Floats, accuracy_m: Floats, stay: Ints, random: np.random.Generator) -> None:
    """Put a quarter of the fixes of every third stay at a tower.

    Args:
        error_m: east and north errors of the fixes, changed here. Shape (n, 2).
        accuracy_m: claimed accuracies, changed here. Shape (n,).
        stay: the number of the stay of each fix. Shape (n,).
        random: of this tracker.
    """
    for number in range(0, int(stay.max()) + 1, 3):
        rows = np.flatnonzero(stay == number)
        rows = rows[random.random(len(rows)) < 0.25]
        angle, away_m = random.uniform(0, 2 * np.pi), random.uniform(1500, 4000)
        tower = away_m * np.array([np.cos(angle), np.sin(angle)])
        error_m[rows] = tower + random.normal(0, 30, (len(rows), 2))
        accuracy_m[rows] = random.uniform(500, 2000, len(rows))
