"""The inputs of `cases/tracks`, beside what is right: tracks, kilometres and the ledger of each.

Only what points alone decide; the cases of buffers and of matching are tests of their own.

    python -m trackflow_tests.benchmarks.track_cases
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from trackflow.geo.points import Points
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.benchmarks.movement_splitters import days_of, trackflow
from trackflow_tests.benchmarks.people import data_folder, microseconds


@dataclass(frozen=True, slots=True)
class Right:
    """What must come out of a case: tracks, and their kilometres within 3 %."""

    tracks: int
    km: float
    words: str


RIGHT = {
    "indoor_jumps": Right(0, 0.0, "one stay"),
    "tower_bounce": Right(0, 0.0, "one stay, the excursions in the ledger"),
    "drift30": Right(0, 0.0, "one stay"),
    "train300": Right(1, 20.0, "one track of 20 km"),
    "every600s": Right(1, 33.0, "one track of 33 km, marked as sparse"),
    "wrongway_1hz": Right(1, 1.3, "one track, here along its points"),
    "fiji": Right(1, np.nan, "one track over the antimeridian, a drive and a ferry"),
}
LENGTH_SHARE = 0.03


def cases_folder() -> Path:
    """Where the inputs are; it may not exist."""
    return data_folder().parent.parent / "cases" / "tracks"


def read(name: str) -> Points:
    """The points of a case, in order of time."""
    table = pd.read_csv(cases_folder() / f"{name}.csv")
    points = Points.of(
        microseconds(table.recorded_at), table.longitude, table.latitude, table.get("accuracy_m")
    )
    return points[np.argsort(points.time_us, kind="stable")]


def cases(out: TextIO = sys.stdout) -> dict[str, str]:
    """Print each case beside what is right; returns "right" or "wrong" by name."""
    verdicts = {}
    for name, right in RIGHT.items():
        points = read(name)
        movement = trackflow(points)
        km = float(movement.lengths_m.sum()) / 1000
        fits = np.isnan(right.km) or abs(km - right.km) <= LENGTH_SHARE * right.km
        verdicts[name] = "right" if fits and len(movement.pieces) == right.tracks else "wrong"
        print(
            f"{name:14} {verdicts[name]:6} {len(points):4} points, {len(movement.pieces):2} tracks,"
            f" {km:7.2f} km, {len(movement.stops)} stops; right: {right.words}",
            file=out,
        )
        for day in days_of(points, Thresholds()):
            counts = {k: v for k, v in day.ledger.as_dict().items() if v}
            print(f"    {day.day} {counts}", file=out)
    return verdicts


def run() -> dict[str, float | int | str]:
    """Which cases are right."""
    return dict(cases(sys.stderr))


if __name__ == "__main__":
    cases()
