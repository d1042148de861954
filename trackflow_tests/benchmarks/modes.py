"""Travel modes: labelled people, real drives, rides and buses against the legs that are found.

Time between two points of a device counts if they are at most 60 s apart and lie in one label.
Time without a leg is wrong. `other half` is of people that a classifier fitted on the first half
(and on nothing else) has not seen, and the other way round: so is it with new people, but of the
same towns. `other town` is the same with GeoLife (Beijing) fitted and Aalto (Helsinki) judged.
`shipped` has seen both sets. Without a map, but for those that name it. The speed is that of a
million simulated points, beside that of segmentation on the same.
"""

import importlib.util
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from trackflow.categories.legs import Leg, legs_of_each
from trackflow.categories.mode_map import ModeMap, build_mode_map
from trackflow.categories.mode_model import ModeModel, model
from trackflow.categories.modes import Mode
from trackflow.geo.distance import step_m
from trackflow.geo.points import Points
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.benchmarks.accuracy import data_folder, read_drives, thin, tracks_of
from trackflow_tests.benchmarks.fit_modes import (
    CLASS_OF_LABEL,
    Examples,
    Person,
    examples,
    fitted,
    journeys_of,
    people,
)
from trackflow_tests.benchmarks.segmentation import one_by_one_s, simulate

CLASS_OF_MODE = {
    **dict.fromkeys((Mode.WALKING, Mode.RUNNING), "foot"),
    Mode.CYCLING: "bicycle",
    **dict.fromkeys((Mode.DRIVING, Mode.BUS), "road"),
    **dict.fromkeys((Mode.TRAM, Mode.TRAIN, Mode.SUBWAY), "rail"),
}
LONGEST_S = 60.0
DRIVEN_MS = 6.0
"""Some of the recordings are walks and bicycle rides, which nobody has labelled."""

SPEED_POINTS = 500_000

type Confusion = Mapping[tuple[str, str], float]


def confusion(person: Person, classifier: ModeModel, mode_map: ModeMap | None = None) -> Confusion:
    """Seconds by labelled and found class."""
    legs = [
        leg
        for of_journey in legs_of_each(
            person.journeys(), mode_map=mode_map, prior=None, classifier=classifier
        )
        for leg in of_journey
    ]
    time_us = person.points.time_us
    middle, gap_s = (time_us[1:] + time_us[:-1]) / 2, np.diff(time_us) / 1e6
    truth = np.full(len(middle), "", dtype=object)
    for start, end, mode in person.labels:
        truth[(time_us[:-1] >= start) & (time_us[1:] <= end)] = CLASS_OF_LABEL.get(mode, "")
    said = _said(legs, middle)
    found: dict[tuple[str, str], float] = defaultdict(float)
    counts = (gap_s > 0) & (gap_s <= LONGEST_S) & (truth != "")
    for label, name, seconds in zip(truth[counts], said[counts], gap_s[counts], strict=True):
        found[label, name] += seconds
    return found


def _said(legs: list[Leg], middle: np.ndarray) -> np.ndarray:
    """The class of the leg at each time."""
    found = np.full(len(middle), "none", dtype=object)
    for leg in legs:
        low, high = np.searchsorted(middle, [leg.start_us, leg.end_us])
        found[low:high] = CLASS_OF_MODE.get(leg.mode, leg.mode.value)
    return found


def figures_of(name: str, counted: Confusion) -> dict[str, float | str]:
    """Share right, macro recall, and the table in hours."""
    truths = sorted({truth for truth, _ in counted})
    total = {one: sum(v for (truth, _), v in counted.items() if truth == one) for one in truths}
    recall = {one: counted.get((one, one), 0.0) / total[one] for one in truths}
    found: dict[str, float | str] = {
        f"{name}: right": sum(counted.get((one, one), 0.0) for one in truths) / sum(total.values()),
        f"{name}: macro recall": float(np.mean(list(recall.values()))),
    }
    for one in truths:
        cells = [(said, v / 3600) for (truth, said), v in counted.items() if truth == one]
        shown = ", ".join(f"{said} {hours:.1f}" for said, hours in sorted(cells) if hours >= 0.05)
        found[f"{name}: {one}, recall {recall[one]:.2f}, h as"] = shown
    return found


def summed(
    some: Iterable[Person], classifier: ModeModel, mode_map: ModeMap | None = None
) -> Confusion:
    """The confusion of several people."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for person in some:
        for key, seconds in confusion(person, classifier, mode_map).items():
            found[key] += seconds
    return found


def halves() -> dict[str, float | str]:
    """Each half of GeoLife judged by a classifier that was fitted on the other one."""
    geolife, aalto = list(people("geolife_a")), list(people("aalto"))
    shown = [examples(person) for person in geolife]
    found: dict[str, float | str] = {}
    for half in (0, 1):
        classifier = _classifier(shown[half::2])
        found |= figures_of(
            f"GeoLife, other half {half}", summed(geolife[1 - half :: 2], classifier)
        )
    classifier = _classifier(shown)
    found |= figures_of("Aalto, other town", summed(aalto, classifier))
    mode_map = helsinki_map()
    return found | figures_of("Aalto, other town, map", summed(aalto, classifier, mode_map))


def _classifier(shown: list[Examples]) -> ModeModel:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        path.write_text(json.dumps(fitted(shown, "half")), "utf-8")
        return ModeModel.load(path)


def helsinki_map() -> ModeMap:
    """The map of the centre of Helsinki."""
    extract = data_folder().parents[1] / "osm_extracts" / "helsinki_centre.osm.pbf"
    with tempfile.TemporaryDirectory() as folder:
        build_mode_map(extract, Path(folder) / "map", "1")
        return ModeMap.load(Path(folder) / "map")


def share_of(points: Iterable[Points], wanted: set[Mode]) -> float:
    """Share of the legs' time that is in one of these modes."""
    journeys = [journey for one in points for journey in journeys_of(tracks_of(one))]
    legs = [leg for of_one in legs_of_each(journeys) for leg in of_one]
    all_us = sum(leg.end_us - leg.start_us for leg in legs)
    return sum(leg.end_us - leg.start_us for leg in legs if leg.mode in wanted) / all_us


def others() -> dict[str, float]:
    """Drives, a ride and buses that were not used to fit."""
    shared = data_folder().parents[1]
    ride = pd.read_csv(
        shared / "itinero_belgium" / "fiets_gent_2018-12-19.tsv",
        sep="\t", names=["time", "lat", "lon", "hdop"], skiprows=1,
    )  # fmt: skip
    buses = pd.read_csv(shared / "liverpool_bus" / "route14_outbound.csv")
    by_bus = [rows for _, rows in buses.groupby("vehicle_id")]
    road = {Mode.DRIVING, Mode.BUS}
    drives = [drive.points for drive in read_drives(data_folder())]
    return {
        "recordings (kubicka): on roads": share_of(drives, road),
        "those faster than any walk or ride: on roads": share_of(
            [points for points in drives if _fast_ms(points) > DRIVEN_MS], road
        ),
        "ride (Ghent): cycling": share_of([_of_rows(ride, "time")], {Mode.CYCLING}),
        "buses (Liverpool): on roads": share_of(
            (_of_rows(rows, "timestamp", "latitude", "longitude") for rows in by_bus), road
        ),
    }


def _fast_ms(points: Points) -> float:
    """Median speed while it moves, from points 10 s apart."""
    some = thin(points, 10)
    speed_ms = step_m(some.lon, some.lat) / np.diff(some.time_us) * 1e6
    return float(np.median(speed_ms[speed_ms > 1.0]))


def _of_rows(rows: pd.DataFrame, time_: str, lat: str = "lat", lon: str = "lon") -> Points:
    time_us = pd.to_datetime(rows[time_], utc=True).dt.tz_localize(None)
    sorted_rows = rows.assign(us=time_us.to_numpy("datetime64[us]").astype("int64"))
    sorted_rows = sorted_rows.sort_values("us").drop_duplicates("us")
    return Points.of(sorted_rows.us, sorted_rows[lon], sorted_rows[lat])


def speed() -> dict[str, float]:
    """Processor seconds per million points: legs, and segmentation of the same devices."""
    devices = simulate(SPEED_POINTS)
    segmentation_s, _ = one_by_one_s(devices, Thresholds())
    journeys = [[[track] for track in tracks_of(points)] for points in devices]
    best_s = min(_legs_s(journeys) for _ in range(3))
    per_million = 1e6 / SPEED_POINTS
    return {
        "legs, share of segmentation's speed": segmentation_s / best_s,
        "legs, processor s per million points": best_s * per_million,
        "segmentation, processor s per million points": segmentation_s * per_million,
    }


def _legs_s(devices: list[list[list[Points]]]) -> float:
    begin = time.thread_time()
    for journeys in devices:
        legs_of_each(journeys)
    return time.thread_time() - begin


def run() -> dict[str, float | int | str]:
    found: dict[str, float | int | str] = {}
    shipped = model()
    for name in ("geolife_a", "aalto"):
        found |= figures_of(f"{name}, shipped", summed(people(name), shipped))
    found |= figures_of("Aalto, shipped, map", summed(people("aalto"), shipped, helsinki_map()))
    if importlib.util.find_spec("sklearn"):
        found |= halves()
    return found | others() | speed()
