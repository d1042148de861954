"""Scores of what a splitter says about movement, against the truth of simulated days."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trackflow.geo.distance import step_m
from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow_tests.benchmarks.simulated_days import DRIVING, START_US, US, World

MARGIN_M = 100.0
"""True metres that tell a trip from a twitch, and the inside of a drive from its ends."""

MOST_BESIDE_S = 60
"""How far beside a silent stay the fixes may be that show it."""


@dataclass(frozen=True, slots=True, eq=False)
class Movement:
    """What a splitter says.

    Attributes:
        pieces: the points of each piece of movement, in order of time; two points or more each.
        stops: first and last moment of each stop. Shape (m, 2).
        lengths_m: the splitter's own length of each piece. Shape of pieces.
    """

    pieces: Sequence[Points]
    stops: Ints
    lengths_m: Floats


@dataclass(frozen=True, slots=True)
class DayScores:
    """Counts against the truth of one world.

    Attributes:
        stays: true stays.
        observable: stays of which a perfect detector sees the dwell time: by fixes in the stay, or
            as the silence between two drives.
        found: stays of which half lies in stops.
        whole: found stays with no phantom trip within.
        drives: true drives.
        cuts: places inside true drives where the movement is interrupted.
        lost: drives of which less than half the time lies in pieces.
        trips: pieces that share 100 true metres with a drive, summed over the drives.
        phantoms: pieces in which nothing moved.
        phantom_m: their length.
        stay_m: length of all steps between fixes of one stay, in phantoms and in trips.
        true_m: length of the drives.
        length_m: length of all pieces along their points.
        own_m: length of all pieces as the splitter itself says.
        perfect_m: length along noise-free fixes of a perfect detector of the same sampling.
    """

    stays: int
    observable: int
    found: int
    whole: int
    drives: int
    cuts: int
    lost: int
    trips: int
    phantoms: int
    phantom_m: float
    stay_m: float
    true_m: float
    length_m: float
    own_m: float
    perfect_m: float


def length_m(points: Points) -> float:
    """Length along the points."""
    return float(step_m(points.lon, points.lat).sum())


def score_days(world: World, points: Points, movement: Movement, dwell_s: float) -> DayScores:
    """What is right and wrong in `movement`.

    Args:
        world: the truth.
        points: the fixes that were given to the splitter.
        movement: what it made of them.
        dwell_s: how long a stay lasts at least, in seconds.
    """
    spans = np.array([[p.time_us[0], p.time_us[-1]] for p in movement.pieces], dtype=np.int64)
    spans = spans.reshape(-1, 2)
    moved_m = np.diff(world.odometer_at(spans), axis=1).ravel()
    lengths = np.array([length_m(p) for p in movement.pieces])
    phantom = moved_m < MARGIN_M
    drives_us = START_US + world.drives * US
    stays_us = START_US + world.stays * US
    found = _found(world, stays_us, movement.stops)
    trips, cuts, lost = _drives(world, spans, drives_us)
    return DayScores(
        stays=len(stays_us),
        observable=int(_observable(world, points, dwell_s).sum()),
        found=int(found.sum()),
        whole=int((found & ~_with_phantom(stays_us, spans[phantom])).sum()),
        drives=len(drives_us),
        cuts=cuts,
        lost=lost,
        trips=trips,
        phantoms=int(phantom.sum()),
        phantom_m=float(lengths[phantom].sum()),
        stay_m=sum(_stay_m(world, p) for p in movement.pieces),
        true_m=float(world.drives_m.sum()),
        length_m=float(lengths.sum()),
        own_m=float(np.sum(movement.lengths_m)),
        perfect_m=_perfect_m(world, points, drives_us),
    )


def _observable(world: World, points: Points, dwell_s: float) -> Bools:
    """Of which stays the fixes show half, and the dwell time of the device standing.

    A device stands from one drive to the next, nights included. Where a tracker falls silent when
    it parks, the last fix of a drive and the first of the next one show the stay.
    """
    turns = np.flatnonzero(np.diff(world.stay != DRIVING, prepend=False, append=False))
    standing = turns.reshape(-1, 2)
    own = standing[np.searchsorted(standing[:, 0], world.stays[:, 0], side="right") - 1]
    own_us = START_US + own * US
    usual_us = float(np.median(np.diff(points.time_us)))
    inside = np.diff(np.searchsorted(points.time_us, own_us), axis=1).ravel()
    silent = (usual_us <= MOST_BESIDE_S * US) & (inside * usual_us * 2 < np.diff(own_us).ravel())
    own_us += np.outer(silent, [-MOST_BESIDE_S * US, MOST_BESIDE_S * US])
    first, after = np.searchsorted(points.time_us, own_us).T
    ends = points.time_us[np.stack([np.minimum(first, len(points) - 1), after - 1], axis=1)]
    seconds = (ends - START_US) / US
    shared = np.minimum(seconds[:, 1], world.stays[:, 1]) - np.maximum(
        seconds[:, 0], world.stays[:, 0]
    )
    observable: Bools = (np.diff(seconds, axis=1).ravel() >= dwell_s) & (
        shared * 2 >= np.diff(world.stays, axis=1).ravel()
    )
    return observable


def overlap_us(spans: Ints, others: Ints) -> Ints:
    """Time shared by each of `spans` with each of `others`. Shape (n, m)."""
    first = np.maximum(spans[:, None, 0], others[None, :, 0])
    last = np.minimum(spans[:, None, 1], others[None, :, 1])
    shared: Ints = np.maximum(last - first, 0)
    return shared


def _found(world: World, stays_us: Ints, stops: Ints) -> Bools:
    """Of which stays half lies in stops; a stop that swallows a drive is none."""
    stops = stops.reshape(-1, 2)
    driven_m = np.diff(world.odometer_at(stops), axis=1).ravel()
    stops = stops[driven_m < 5 * MARGIN_M]
    shared = overlap_us(stays_us, stops).sum(axis=1)
    found: Bools = shared * 2 >= np.diff(stays_us, axis=1).ravel()
    return found


def _with_phantom(stays_us: Ints, phantoms: Ints) -> Bools:
    """Which stays a phantom trip disturbs."""
    middle = phantoms.mean(axis=1)[None, :]
    disturbed: Bools = ((middle > stays_us[:, :1]) & (middle < stays_us[:, 1:])).any(axis=1)
    return disturbed


def _drives(world: World, spans: Ints, drives_us: Ints) -> tuple[int, int, int]:
    """Trips, cuts and lost drives."""
    odometer = world.odometer_at(spans)
    trips = cuts = lost = 0
    for begin, end in drives_us.tolist():
        first_m, last_m = world.odometer_at(np.array([begin, end])).tolist()
        shared_m = np.minimum(odometer[:, 1], last_m) - np.maximum(odometer[:, 0], first_m)
        trips += int((shared_m >= MARGIN_M).sum())
        covered = overlap_us(np.array([[begin, end]]), spans).sum()
        lost += int(covered * 2 < end - begin)
        ends_inside = odometer[:-1, 1] - first_m >= MARGIN_M
        goes_on = last_m - odometer[1:, 0] >= MARGIN_M
        within = (spans[:-1, 1] > begin) & (spans[1:, 0] < end)
        cuts += int((ends_inside & goes_on & within).sum())
    return trips, cuts, lost


def _second(time_us: Ints) -> Ints:
    rows: Ints = (time_us - START_US) // US
    return rows


def _stay_m(world: World, piece: Points) -> float:
    """Length of the steps between two fixes of one stay or night."""
    where = world.stay[_second(piece.time_us)]
    still = (where[1:] == where[:-1]) & (where[1:] != DRIVING)
    return float(step_m(piece.lon, piece.lat)[still].sum())


def _perfect_m(world: World, points: Points, drives_us: Ints) -> float:
    """Noise-free length from the last fix before each drive to the first one after it."""
    total = 0.0
    for begin, end in drives_us.tolist():
        first = max(int(np.searchsorted(points.time_us, begin, side="right")) - 1, 0)
        last = int(np.searchsorted(points.time_us, end))
        rows = _second(points.time_us[first : last + 1])
        total += float(step_m(world.lon[rows], world.lat[rows]).sum())
    return total
