"""Tracks and stops of real people who wrote down when they travelled, and how.

The data are `modes/*` of the test data: points, and labelled legs. Labels' borders are minutes off,
and many legs have no points, so time counts between two points at most 60 s apart:

- `legs`: of the time within labelled legs, the share in tracks. `inner` leaves out two minutes at
  both ends of each leg; `silent` counts silences of up to 20 minutes within a leg too.
- `stands`: of the time between two trips at most 12 h apart at which the person stood, the share in
  stops, and `moving` the share in tracks (it may be in neither). A person stood where the median
  positions of the 150 s before and after a point lie less than 42 m apart (1 km/h), for at least
  300 s on end. Medians bear outliers, and this looks at no box, no dwell radius, no accuracy.
- `stills`: the same for silences of at least 300 s whose ends lie at most 150 m apart.
- `pieces`: tracks that share a minute with a trip, per trip; legs with less than 300 s between them
  are one trip. `breaks`: of the interruptions between them, those in which the person neither stood
  nor was silent in one place, per trip. `trips/track`: trips per track, of those tracks.
- `waits`: the share of leg time that is such a stand: what no splitter can have both ways.

    python -m trackflow_tests.benchmarks.people [--libraries] [--list N] [--device ID]
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from trackflow.geo.points import Ints, Points
from trackflow_tests.benchmarks.movement_scores import Movement
from trackflow_tests.benchmarks.movement_splitters import (
    Limits,
    movingpandas,
    trackflow,
    trackintel,
)
from trackflow_tests.benchmarks.people_scores import (
    Disagreement,
    Person,
    Times,
    disagreements,
    person,
    score,
)

DATA_SETS = ("aalto", "geolife_a")
ROOT = Path(__file__).parents[2]

type Splitter = Callable[[Points], Movement]


def data_folder() -> Path:
    """Where the labelled traces are; it may not exist."""
    default = ROOT.parent / "shared" / "data"
    return Path(os.environ.get("TRACKFLOW_TEST_DATA", default)) / "modes"


def people(data_set: str) -> Iterator[Person]:
    """All persons of a data set who have points and labels."""
    folder = data_folder()
    points = pd.read_csv(folder / f"{data_set}_points.csv.gz")
    labels = pd.read_csv(folder / f"{data_set}_labels.csv")
    points["us"], labels["first"], labels["last"] = (
        microseconds(points.recorded_at),
        microseconds(labels.start),
        microseconds(labels.end),
    )
    of_device = dict(iter(labels.groupby("device_id")))
    for device_id, rows in points.groupby("device_id"):
        if device_id in of_device and len(rows) > 1:
            legs = of_device[device_id][["first", "last"]].to_numpy()
            accuracy = rows.get("accuracy_m")
            found = Points.of(rows.us, rows.lon, rows.lat, accuracy)
            yield person(str(device_id), found[np.argsort(found.time_us, kind="stable")], legs)


def microseconds(times: "pd.Series[str]") -> Ints:
    """Times in ISO 8601 as microseconds since 1970."""
    parsed = pd.to_datetime(times, utc=True, format="ISO8601").dt.tz_localize(None)
    return np.array(parsed, dtype="datetime64[us]").astype(np.int64)


HEAD = (
    f"{'':37} {'leg h':>7} {'legs':>6} {'inner':>6} {'silent':>6} {'waits':>6} {'stand h':>8}"
    f" {'stands':>6} {'moving':>6} {'km':>7} {'still h':>7} {'stills':>6} {'trips':>6}"
    f" {'pieces':>6} {'breaks':>6} {'trips/track':>11}"
)


def line(name: str, t: Times) -> str:
    """One row of the table."""

    def share(part: float, whole: float) -> str:
        return f"{part / whole:6.3f}" if whole else "     -"

    return (
        f"{name:37} {t.leg_s / 3600:7.1f} {share(t.leg_track_s, t.leg_s)}"
        f" {share(t.inner_track_s, t.inner_s)} {share(t.silent_track_s, t.silent_s)}"
        f" {share(t.wait_s, t.leg_s)} {t.stand_s / 3600:8.1f} {share(t.stand_stop_s, t.stand_s)}"
        f" {share(t.stand_track_s, t.stand_s)} {t.stand_track_m / 1000:7.1f}"
        f" {t.still_s / 3600:7.1f} {share(t.still_stop_s, t.still_s)} {t.trips:6.0f}"
        f" {share(t.pieces, t.trips)} {share(t.breaks, t.trips)} {share(t.pieces, t.tracks):>11}"
    )


LIBRARIES: dict[str, Splitter] = {
    f"{name} {limits}": partial(library, limits=limits)
    for name, library in (("trackintel", trackintel), ("movingpandas", movingpandas))
    for limits in (Limits(), Limits(gap_min=60), Limits(50), Limits(200))
}


def compare(
    data_set: str,
    *,
    libraries: bool = False,
    listed: int = 0,
    device: str = "",
    out: TextIO = sys.stdout,
) -> dict[str, Times]:
    """Print a data set's table; returns the sums of each splitter.

    Args:
        data_set: which one.
        libraries: also run trackintel and movingpandas (many minutes for GeoLife).
        listed: how many disagreements to list.
        device: only devices whose id has this in it.
        out: where the table goes.
    """
    chosen = [p for p in people(data_set) if device in p.device_id]
    print(f"{data_set}: {len(chosen)} devices\n{HEAD}", file=out)
    movements = {p.device_id: trackflow(p.points) for p in chosen}
    own = {p.device_id: score(p, movements[p.device_id]) for p in chosen}
    result = {"trackflow": sum(own.values(), Times())}
    print(line("trackflow", result["trackflow"]), file=out)
    if libraries:
        for name, splitter in LIBRARIES.items():
            result[name] = sum((score(p, splitter(p.points)) for p in chosen), Times())
            print(line(name, result[name]), file=out, flush=True)
    # The devices that cost the two shares most.
    lost = sorted(own, key=lambda d: own[d].leg_track_s - own[d].leg_s)[:6]
    lost += sorted(own, key=lambda d: own[d].stand_stop_s - own[d].stand_s)[:6]
    for device_id in dict.fromkeys(lost):
        print(line(f"    {device_id}", own[device_id]), file=out)
    _list_faults([d for p in chosen for d in disagreements(p, movements[p.device_id])], listed, out)
    return result


def _list_faults(found: list[Disagreement], listed: int, out: TextIO) -> None:
    for kind in dict.fromkeys(d.kind for d in found):
        of_kind = sorted((d for d in found if d.kind == kind), key=lambda d: -d.minutes)
        hours = sum(d.minutes for d in of_kind) / 60
        print(f"    {kind}: {hours:.1f} h in {len(of_kind)} pieces", file=out)
        for one in of_kind[:listed]:
            print(f"        {one}", file=out)


def run() -> dict[str, float | int | str]:
    """The shares of each data set."""
    figures: dict[str, float | int | str] = {}
    for data_set in DATA_SETS:
        for name, t in compare(data_set, out=sys.stderr).items():
            figures[f"{data_set}_{name}_legs_in_tracks"] = _ratio(t.leg_track_s, t.leg_s)
            figures[f"{data_set}_{name}_stands_in_stops"] = _ratio(t.stand_stop_s, t.stand_s)
            figures[f"{data_set}_{name}_tracks_per_trip"] = _ratio(t.pieces, t.trips)
            figures[f"{data_set}_{name}_breaks_per_trip"] = _ratio(t.breaks, t.trips)
    return figures


def _ratio(part: float, whole: float) -> float | str:
    return round(float(part / whole), 4) if whole else "no data"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--libraries", action="store_true", help="trackintel and movingpandas too")
    parser.add_argument("--list", type=int, default=0, help="this many disagreements of each kind")
    parser.add_argument("--device", default="", help="only ids that have this in them")
    parser.add_argument("--set", choices=DATA_SETS, action="append", help="only this data set")
    arguments = parser.parse_args()
    for data_set in arguments.set or DATA_SETS:
        compare(
            data_set,
            libraries=arguments.libraries,
            listed=arguments.list,
            device=arguments.device,
        )


if __name__ == "__main__":
    main()
