"""Fits the classifier of travel modes and writes its numbers into the package.

    python -m trackflow_tests.benchmarks.fit_modes --version 2

Needs scikit-learn and the labelled traces of `TRACKFLOW_TEST_DATA`. Each trace is shown as it is,
and thinned to one point in 15, 30 and 60 s: devices differ in how often they look. The benchmark
`modes` fits it on half of the people to judge it by the others.
"""

import argparse
import csv
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from trackflow.categories.features import SLOT_US, names, slots_of
from trackflow.categories.journeys import Journeys
from trackflow.categories.legs import PAUSE_S
from trackflow.categories.mode_model import FILE, FURTHEST, HIDDEN_STEPS, STEPS, WEIGHT_STEPS
from trackflow.categories.modes import CLASSES
from trackflow.geo.points import Points
from trackflow_tests.benchmarks.accuracy import data_folder, tracks_of

SETS = {"aalto": 20.0, "geolife_a": 1.0}
"""Weight of an hour of each set: Aalto has 6 hours, GeoLife 1,800, and another town counts more."""

THINNED_S = (None, 15.0, 30.0, 60.0)
EVERY = {"aalto": 1, "geolife_a": 6}
"""One slot in so many is shown: neighbours share most of their windows."""

CLASS_OF_LABEL = {
    "walk": "foot",
    "run": "foot",
    "bike": "bicycle",
    "car": "road",
    "taxi": "road",
    "bus": "road",
    "train": "rail",
    "subway": "rail",
    "tram": "rail",
}
HIDDEN, WEIGHT_DECAY, EPOCHS, BATCH = 32, 1.0, 12, 1024
CLASS_WEIGHT = 0.5
"""Rare classes count more by this power of their rarity."""


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A person (or phone) of a labelled set.

    Attributes:
        device_id: the name.
        set_name: of the set.
        points: all, in order of time.
        tracks: what the product makes of them.
        labels: start and end in UTC microseconds, and the mode.
    """

    device_id: str
    set_name: str
    points: Points
    tracks: list[Points]
    labels: list[tuple[int, int, str]]

    def journeys(self) -> list[list[Points]]:
        """What the product takes together."""
        return journeys_of(self.tracks)


def journeys_of(tracks: list[Points]) -> list[list[Points]]:
    """The tracks, those with short pauses between them together."""
    found: list[list[Points]] = []
    for track in tracks:
        if found and track.time_us[0] - found[-1][-1].time_us[-1] <= PAUSE_S * 1e6:
            found[-1].append(track)
        else:
            found.append([track])
    return found


def modes_folder() -> Path:
    """Where the labelled traces are."""
    return data_folder().parents[1] / "modes"


def people(name: str, half: int | None = None) -> Iterator[Person]:
    """The people of a set with labels; of half 0 or 1 only every other one of them."""
    folder = modes_folder()
    frame = pd.read_csv(folder / f"{name}_points.csv.gz")
    times = pd.to_datetime(frame.recorded_at, format="ISO8601").to_numpy("datetime64[us]")
    frame["time_us"] = times.astype("int64")
    labels: dict[str, list[tuple[int, int, str]]] = {}
    with (folder / f"{name}_labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            start, end = (int(pd.Timestamp(row[key]).timestamp() * 1e6) for key in ("start", "end"))
            labels.setdefault(row["device_id"], []).append((start, end, row["mode"]))
    for number, (device_id, rows) in enumerate(sorted(frame.groupby("device_id"))):
        if half is None or number % 2 == half:
            one = rows.sort_values("time_us").drop_duplicates("time_us")
            points = Points.of(one.time_us, one.lon, one.lat)
            known = labels.get(str(device_id), [])
            yield Person(str(device_id), name, points, tracks_of(points), known)


def thinned(points: Points, every_s: float | None) -> Points:
    """One point in so many seconds."""
    if every_s is None:
        return points
    keep = np.ones(len(points), dtype=bool)
    keep[1:] = np.diff(points.time_us // int(every_s * 1e6)) > 0
    return points[keep]


type Examples = tuple[np.ndarray, np.ndarray, np.ndarray]


def examples(person: Person) -> Examples:
    """Features, classes and weights of slots with a label."""
    every = EVERY[person.set_name]
    features, classes = [], []
    for every_s in THINNED_S:
        some = [[thinned(Points.concat(journey), every_s)] for journey in person.journeys()]
        journeys = Journeys.of(some)
        if not len(journeys.numbers):
            continue
        slots = slots_of(journeys)
        middle, known = slots.start_us + SLOT_US // 2, np.full(len(slots), -1)
        for start, end, mode in person.labels:
            if mode in CLASS_OF_LABEL:
                known[(middle >= start) & (middle < end)] = CLASSES.index(CLASS_OF_LABEL[mode])
        features.append(slots.features[known >= 0][::every])
        classes.append(known[known >= 0][::every])
    if not features:
        return np.zeros((0, len(names())), np.float32), np.zeros(0, int), np.zeros(0)
    of_class = np.concatenate(classes)
    return np.vstack(features), of_class, np.full(len(of_class), SETS[person.set_name] * every)


def fitted(shown: list[Examples], version: str) -> dict[str, object]:
    """The model as JSON.

    Args:
        shown: of each person.
        version: of the model.
    """
    from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]

    features, classes, weights = (np.concatenate(parts) for parts in zip(*shown, strict=True))
    share = np.bincount(classes, weights) / weights.sum()
    weights = weights * share[classes] ** -CLASS_WEIGHT
    mean, deviation = features.mean(axis=0), np.maximum(features.std(axis=0), 0.02)
    steps = np.clip(np.rint((features - mean) / deviation * STEPS), -FURTHEST, FURTHEST)
    network = MLPClassifier(
        (HIDDEN,),
        alpha=WEIGHT_DECAY,
        max_iter=EPOCHS,
        batch_size=BATCH,
        learning_rate_init=2e-3,
        random_state=0,
    )
    with warnings.catch_warnings():
        # it stops after the epochs, as it should
        warnings.simplefilter("ignore")
        network.fit(steps / STEPS, classes, sample_weight=weights / weights.mean())
    (first, second), (first_bias, second_bias) = network.coefs_, network.intercepts_
    return {
        "version": version,
        "classes": list(CLASSES),
        "features": names(),
        "mean": [round(float(x), 5) for x in mean],
        "deviation": [round(float(x), 5) for x in deviation],
        "first": np.rint(first * WEIGHT_STEPS).astype(int).tolist(),
        "first_bias": np.rint(first_bias * WEIGHT_STEPS * STEPS).astype(int).tolist(),
        "second": np.rint(second * WEIGHT_STEPS).astype(int).tolist(),
        "second_bias": np.rint(second_bias * WEIGHT_STEPS * HIDDEN_STEPS).astype(int).tolist(),
    }


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--version", required=True)
    args = parser.parse_args()
    shown = [examples(person) for name in SETS for person in people(name)]
    text = json.dumps(fitted(shown, args.version), separators=(",", ":"))
    args.out.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
