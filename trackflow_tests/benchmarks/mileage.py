"""Mileage: the kilometres that trackflow shows, against the kilometres that were truly driven.

Real drives go the way of a user's file, as in `accuracy`, and what the store says each track is
long is added up. `true` is the length of the roads driven between the first and the last point: the
truth begins and ends at junctions, and no point tells of the way to them; other figures are against
the whole truth, that way included. `raw` is the sum of the steps between points. The demo's fleet
drives known routes through Helsinki for three days, stops, noise and tunnels included.
"""

import csv
import datetime as dt
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trackflow.context import Context
from trackflow.demo.extract import helsinki_extract
from trackflow.demo.fleet import simulate_fleet
from trackflow.demo.show import DAYS, VEHICLES
from trackflow.geo.points import Points
from trackflow.settings import Settings
from trackflow.store.days.tracks import select_tracks
from trackflow.usecases.days.run import run as run_stages
from trackflow.usecases.intake.importing import import_paths
from trackflow.usecases.roads.networks import build
from trackflow_tests.benchmarks.accuracy import data_folder, length_m, outside, read_drives, thin
from trackflow_tests.helpers.stores import batch_of_device, deliver

FIRST = 24
"""So many drives, by name, have figures of their own beside those of all."""

SAMPLINGS_S = (1, 5, 15, 30, 60)
FIRST_DAY = dt.date(2026, 1, 12)


@dataclass(frozen=True, slots=True)
class Row:
    """What a drive's tracks are long at one sampling, in metres.

    Attributes:
        drive: its name.
        sampling_s: seconds between points.
        shown_m: what trackflow shows.
        raw_m: the sum of the steps between points.
        true_m: the truth between the first and the last point.
        whole_m: all of the truth.
    """

    drive: str
    sampling_s: int
    shown_m: float
    raw_m: float
    true_m: float
    whole_m: float


def run(folder: Path | None = None, *, show: bool = True) -> dict[str, float | int | str]:
    rows = list(measure(folder or data_folder()))
    if show:
        print_rows(rows)
    names = sorted({row.drive for row in rows})
    figures: dict[str, float | int | str] = {"drives": len(names)}
    for sampling_s in SAMPLINGS_S:
        at = f"at {sampling_s} s"
        for which, some in ((f"first {FIRST}", set(names[:FIRST])), ("all drives", set(names))):
            of = [row for row in rows if row.sampling_s == sampling_s and row.drive in some]
            true_m = sum(row.true_m for row in of)
            figures[f"shown / true, {which} {at}"] = sum(row.shown_m for row in of) / true_m
            figures[f"raw / true, {which} {at}"] = sum(row.raw_m for row in of) / true_m
            within = sum(abs(row.shown_m / row.true_m - 1) < 0.02 for row in of)
            figures[f"within 2 %, of {which} {at}"] = within
            whole_m = sum(row.whole_m for row in of)
            figures[f"shown / whole truth, {which} {at}"] = sum(r.shown_m for r in of) / whole_m
    return figures | demo_figures()


def measure(folder: Path) -> Iterator[Row]:
    for drive in read_drives(folder):
        points = {sampling_s: thin(drive.points, sampling_s) for sampling_s in SAMPLINGS_S}
        whole_m = length_m(drive.truth)
        for sampling_s, (shown_m, raw_m) in lengths_m(drive.extract, points).items():
            true_m = whole_m * (1 - outside(drive.truth, points[sampling_s]))
            yield Row(drive.name, sampling_s, shown_m, raw_m, true_m, whole_m)


def lengths_m(extract: Path, points: dict[int, Points]) -> dict[int, tuple[float, float]]:
    """The sums of `distance_m` and `raw_distance_m` for a user who imports these points.

    Each sampling is a device of its own.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        Context.open(Settings(home=Path(folder))) as context,
    ):
        file = Path(folder) / "drive.csv"
        with file.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(("device_id", "recorded_at", "latitude", "longitude"))
            for name, some in points.items():
                times = np.datetime_as_string(some.time_us.astype("datetime64[us]"), timezone="UTC")
                for time, lat, lon in zip(times, some.lat, some.lon, strict=True):
                    writer.writerow((name, time, lat, lon))
        import_paths(context, [file])
        build(context, extract, "car")
        report = run_stages(context)
        assert not report.problems, report.problems
        with context.store.read() as connection:
            tracks = connection.execute(select_tracks()).all()
    return {
        name: (
            sum(row.distance_m for row in tracks if row.device_id == str(name)),
            sum(row.raw_distance_m for row in tracks if row.device_id == str(name)),
        )
        for name in points
    }


def demo_figures() -> dict[str, float | int | str]:
    """The demo's fleet, all of it and by how often its devices report."""
    lengths: dict[int, list[tuple[float, float, float]]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        Context.open(Settings(home=Path(folder))) as context,
    ):
        network, _ = build(context, helsinki_extract(), "car")
        fleet = simulate_fleet(
            context.engine("car"), network.bbox, vehicles=VEHICLES, days=DAYS, first_day=FIRST_DAY
        )
        for vehicle in fleet:
            deliver(context.store, batch_of_device(vehicle.device_id, vehicle.reported))
        run_stages(context)
        for vehicle in fleet:
            with context.store.read() as connection:
                query = select_tracks(device_id=vehicle.device_id)
                tracks = connection.execute(query).all()
            every_s = round(float(np.median(np.diff(vehicle.reported.time_us))) / 1e6)
            lengths.setdefault(every_s, []).append(
                (
                    sum(row.distance_m for row in tracks),
                    sum(row.raw_distance_m for row in tracks),
                    length_m([(drive.lon, drive.lat) for drive in vehicle.routes]),
                )
            )
    figures: dict[str, float | int | str] = {}
    everything = [row for rows in lengths.values() for row in rows]
    for name, rows in (("all", everything), *((f"{s} s", lengths[s]) for s in sorted(lengths))):
        shown_m, raw_m, true_m = (sum(column) for column in zip(*rows, strict=True))
        figures[f"demo, {name}: true km"] = true_m / 1000
        figures[f"demo, {name}: shown / true"] = shown_m / true_m
        figures[f"demo, {name}: raw / true"] = raw_m / true_m
    return figures


def print_rows(rows: list[Row]) -> None:
    """A table of all drives, beside the figures so that `--json` stays JSON."""
    print(f"{'drive':14}{'true m':>9}{'shown':>9}{'raw':>9}", file=sys.stderr)
    for row in rows:
        shown, raw = row.shown_m / row.true_m, row.raw_m / row.true_m
        name = f"{row.drive:9}{row.sampling_s:3} s"
        print(f"{name}{row.true_m:9.0f}{shown:9.4f}{raw:9.4f}", file=sys.stderr)
