"""Points from metres and seconds, for examples that one can read."""

import numpy as np

from trackflow.geo.points import Bools, Points
from trackflow.tracks.decisions import Decisions
from trackflow_tests.helpers.histories import DEGREE_M, US

START_US = 1_772_366_400_000_000
"""2026-03-01 12:00 UTC."""


def at_metres(t_s, x_m, y_m=0.0, accuracy_m=None) -> Points:
    """Points on the equator, east and north of a place."""
    t_s, x_m = np.asarray(t_s, dtype=float), np.asarray(x_m, dtype=float)
    y_m = np.broadcast_to(np.asarray(y_m, dtype=float), x_m.shape)
    time_us = START_US + np.rint(t_s * US).astype(np.int64)
    return Points.of(time_us, x_m / DEGREE_M, y_m / DEGREE_M, accuracy_m)


def drifting(seed: int, count: int, every_s: float, noise_m: float, memory_s: float = 66.0):
    """East and north error of fixes at rest, which forget their error within minutes."""
    random = np.random.default_rng(seed)
    kept = np.exp(-every_s / memory_s)
    error = random.normal(0, noise_m, (count, 2))
    for i in range(1, count):
        error[i] = kept * error[i - 1] + np.sqrt(1 - kept * kept) * error[i]
    return error.T


def classes(decisions: Decisions) -> str:
    """One letter for each kept point: track, stop, excursion, mixed, lone."""
    letters = np.full(len(decisions.cleaned.points), "l")
    for letter, of in (
        ("m", decisions.is_mixed), ("s", decisions.stopped), ("e", decisions.away),
        ("t", decisions.on_track),
    ):  # fmt: skip
        letters[of] = letter
    return "".join(letters)


def share(of: Bools) -> float:
    return float(np.count_nonzero(of)) / len(of)
