"""Fits the classifier of travel modes and writes its numbers into the package.

    python -m trackflow_tests.benchmarks.fit_modes [--half 0|1] [--out FILE]

Needs scikit-learn and the labelled traces of `TRACKFLOW_TEST_DATA`. With `--half`, it is fitted on
every other person (or phone) only, so that the others can judge it. Each trace is shown as it is,
and thinned to one point in 30 and in 60 s: devices differ in how often they look.
"""

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from trackflow.categories.features import SLOT_US, names, slots_of
from trackflow.categories.mode_model import FILE
from trackflow.categories.modes import CLASSES
from trackflow.geo.points import Points
from trackflow_tests.benchmarks.accuracy import data_folder

SETS = {"aalto": 20.0, "geolife_a": 1.0}
"""Weight of an hour of each set: Aalto has 6 hours, GeoLife 1,800, and another town counts more."""

THINNED_S = (None, 30.0, 60.0)
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
LONGEST_GAP_S = 1200.0
TREES, LEAVES, RATE = 40, 8, 0.15
CLASS_WEIGHT = 0.25
"""Rare classes count more by this power of their rarity."""


def traces(folder: Path, name: str) -> Iterator[tuple[str, Points, list[tuple[int, int, str]]]]:
    """Each person's points, cut at long gaps, and all labels of the person."""
    frame = pd.read_csv(folder / f"{name}_points.csv.gz")
    frame["time_us"] = pd.to_datetime(frame.recorded_at, format="ISO8601").astype("int64") // 1000
    if frame.time_us.max() < 1e14:
        frame["time_us"] *= 1000
    labels: dict[str, list[tuple[int, int, str]]] = {}
    with (folder / f"{name}_labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            start, end = (int(pd.Timestamp(row[key]).timestamp() * 1e6) for key in ("start", "end"))
            labels.setdefault(row["device_id"], []).append((start, end, row["mode"]))
    for device_id, rows in frame.groupby("device_id"):
        rows = rows.sort_values("time_us").drop_duplicates("time_us")
        cuts = np.flatnonzero(np.diff(rows.time_us) > LONGEST_GAP_S * 1e6) + 1
        for part in np.split(np.arange(len(rows)), cuts):
            if len(part) > 1:
                one = rows.iloc[part]
                yield (
                    str(device_id),
                    Points.of(one.time_us, one.lon, one.lat),
                    labels.get(str(device_id), []),
                )


def thinned(points: Points, every_s: float | None) -> Points:
    """One point in so many seconds."""
    if every_s is None:
        return points
    keep = np.ones(len(points), dtype=bool)
    keep[1:] = np.diff(points.time_us // int(every_s * 1e6)) > 0
    return points[keep]


def labelled_slots(folder: Path, half: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, classes and weights of all slots with a label."""
    features, classes, weights = [], [], []
    for name, weight in SETS.items():
        found = list(traces(folder, name))
        people = sorted({device_id for device_id, _, _ in found})
        for device_id, points, labels in found:
            if half is not None and people.index(device_id) % 2 != half:
                continue
            for every_s in THINNED_S:
                some = thinned(points, every_s)
                if len(some) < 2:
                    continue
                slots = slots_of(some)
                middle = slots.start_us + SLOT_US // 2
                for start, end, mode in labels:
                    if mode in CLASS_OF_LABEL:
                        a, b = np.searchsorted(middle, [start, end])
                        features.append(slots.features[a:b])
                        classes += [CLASSES.index(CLASS_OF_LABEL[mode])] * int(b - a)
                        weights += [weight] * int(b - a)
    return np.vstack(features), np.array(classes), np.array(weights)


def fitted(folder: Path, half: int | None, version: str) -> dict[str, object]:
    """The model as JSON."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    features, classes, weights = labelled_slots(folder, half)
    share = np.bincount(classes, weights) / weights.sum()
    weights = weights * share[classes] ** -CLASS_WEIGHT
    model = HistGradientBoostingClassifier(
        max_iter=TREES,
        max_leaf_nodes=LEAVES,
        learning_rate=RATE,
        l2_regularization=10,
        min_samples_leaf=500,
        random_state=0,
    ).fit(features, classes, sample_weight=weights)
    nodes: list[list[float]] = []
    roots, class_of, depth = [], [], 0
    for trees in model._predictors:
        for number, tree in enumerate(trees):
            first = len(nodes)
            roots.append(first)
            class_of.append(number)
            for node in tree.nodes:
                is_leaf = bool(node["is_leaf"])
                nodes.append(
                    [
                        -1 if is_leaf else int(node["feature_idx"]),
                        0 if is_leaf else float(np.float32(node["num_threshold"])),
                        0 if is_leaf else first + int(node["left"]),
                        0 if is_leaf else first + int(node["right"]),
                        round(float(node["value"]), 5) if is_leaf else 0,
                    ]
                )
                depth = max(depth, int(node["depth"]))
    return {
        "version": version,
        "classes": list(CLASSES),
        "features": names(),
        "bias": [round(float(x), 5) for x in model._baseline_prediction[0]],
        "class_of": class_of,
        "roots": roots,
        "depth": depth,
        "nodes": nodes,
    }


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--version", default="1")
    args = parser.parse_args()
    found = fitted(data_folder().parents[1] / "modes", args.half, args.version)
    args.out.write_text(json.dumps(found, separators=(",", ":")), "utf-8")


if __name__ == "__main__":
    main()
