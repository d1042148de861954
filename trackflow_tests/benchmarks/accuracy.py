"""Accuracy: real drives matched to roads, scored against the roads that were truly driven.

Each drive goes the way of a user's file, with each sampling as a device of its own: `import`,
`network build`, `run`, `export`. Compared on the same points and roads with OSRM in clock-aligned
batches of 300 s (radius 15 m), with OSRM asked once for the whole trip (points 25 m apart, radius
10 m), and with Valhalla (`rivals`). `mismatch`
is missed plus extra length over true length: mean, median and 90th percentile over the drives.
trackflow is scored twice. "trackflow" is the whole line that it exports, with the way off the
roads: where a device left them, that way is extra length, since the truth holds roads only.
"trackflow, on roads" leaves it out, as the rivals do, which draw nothing where they find no road.
The floor tells what no matching can find: how much of the truth lies before the first and after
the last point, since the truth begins and ends at junctions.
"""

import csv
import datetime as dt
import gzip
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import shapely
from shapely.ops import substring

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.exports.writing import ExportFormat, ExportSubject, RowFilter, export
from trackflow.geo.distance import METRES_PER_DEGREE, step_m
from trackflow.geo.points import Floats, Points
from trackflow.geo.scoring import Line, RouteScore, score_route
from trackflow.geo.time import to_us
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.engines.protocol import Engine
from trackflow.matching.match import WindowMatch, match_window
from trackflow.matching.network_building import build_network
from trackflow.matching.seams import trim
from trackflow.matching.windows import MatchSettings, cut_windows
from trackflow.settings import Settings
from trackflow.store.roads.polylines import read_matches
from trackflow.tracks.segments import segment_days
from trackflow.tracks.thresholds import Thresholds
from trackflow.usecases.days.run import run as run_stages
from trackflow.usecases.intake.importing import import_paths
from trackflow.usecases.roads.networks import build
from trackflow_tests.benchmarks.rivals import Valhalla, osrm_in_batches, osrm_whole_trip
from trackflow_tests.helpers.road_stretches import road_stretches

SAMPLINGS_S = (1, 5, 15, 30, 60)
START_US = 1_768_032_000_000_000
"""2026-01-10 08:00 UTC: the data gives seconds from the start of the drive only."""

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Drive:
    """A real drive: its points at about 1 Hz, the roads it took, and a network around it."""

    name: str
    points: Points
    truth: list[Line]
    extract: Path


@dataclass(frozen=True, slots=True)
class Row:
    """What came out of one drive at one sampling.

    Attributes:
        drive: its name.
        sampling_s: seconds between its points.
        ours: the score of trackflow's whole line.
        on_roads: the score of what of it follows roads.
        rivals: mismatch of each rival's line, by its name.
        floor: share of the truth before the first and after the last point.
    """

    drive: str
    sampling_s: int
    ours: RouteScore
    on_roads: RouteScore
    rivals: dict[str, float]
    floor: float


def run(folder: Path | None = None, *, show: bool = True) -> dict[str, float | int | str]:
    rows = list(measure(folder or data_folder()))
    if show:
        print_rows(rows)
    figures: dict[str, float | int | str] = {"drives": len({row.drive for row in rows})}
    for sampling_s in SAMPLINGS_S:
        of = [row for row in rows if row.sampling_s == sampling_s]
        at = f"at {sampling_s} s"
        mismatches = {"trackflow": [row.ours.mismatch for row in of]}
        mismatches["trackflow, on roads,"] = [row.on_roads.mismatch for row in of]
        mismatches |= {name: [row.rivals[name] for row in of] for name in of[0].rivals}
        for who, values in mismatches.items():
            figures[f"{who} mismatch {at}"] = fmean(values)
            figures[f"{who} mismatch {at}, median"] = float(np.median(values))
            figures[f"{who} mismatch {at}, 90th percentile"] = float(np.percentile(values, 90))
        figures[f"trackflow recall {at}"] = fmean(row.ours.recall for row in of)
        figures[f"trackflow precision {at}"] = fmean(row.ours.precision for row in of)
        figures[f"trackflow length ratio {at}"] = fmean(row.ours.length_ratio for row in of)
        figures[f"floor {at}"] = fmean(row.floor for row in of)
    return figures


def data_folder() -> Path:
    """Where the drives are; `TRACKFLOW_TEST_DATA` says otherwise."""
    shared = Path(os.environ.get("TRACKFLOW_TEST_DATA") or ROOT / "../shared/data")
    return shared / "kubicka" / "dev"


def measure(folder: Path) -> Iterator[Row]:
    drives = read_drives(folder)
    with tempfile.TemporaryDirectory() as built:
        for drive in drives:
            network = build_network(drive.extract, "car", Path(built))
            engine = EmbeddedEngine(network.dataset, "car", network.version)
            valhalla = Valhalla(drive.extract, Path(built) / drive.name)
            thinned = {sampling_s: thin(drive.points, sampling_s) for sampling_s in SAMPLINGS_S}
            ours = through_the_product(drive.extract, {f"{s} s": p for s, p in thinned.items()})
            for sampling_s, points in thinned.items():
                lines = {
                    "OSRM in batches": osrm_in_batches(engine, points),
                    "OSRM whole trip": osrm_whole_trip(engine, points),
                    "Valhalla": valhalla.match(points),
                }
                yield Row(
                    drive.name,
                    sampling_s,
                    score_route(drive.truth, ours[f"{sampling_s} s"].whole),
                    score_route(drive.truth, ours[f"{sampling_s} s"].on_roads),
                    {name: score_route(drive.truth, of).mismatch for name, of in lines.items()},
                    outside(drive.truth, points),
                )
            engine.close()


@dataclass(frozen=True, slots=True)
class Drawn:
    """The lines of all tracks of a device, and what of them follows roads."""

    whole: list[Line]
    on_roads: list[Line]


def through_the_product(extract: Path, devices: Mapping[str, Points]) -> dict[str, Drawn]:
    """What a user gets who imports these devices' points into a new store."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Context.open(Settings(home=Path(folder))) as context,
    ):
        file = Path(folder) / "drives.csv"
        with file.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(("device_id", "recorded_at", "latitude", "longitude"))
            for name, points in devices.items():
                times = points.time_us.astype("datetime64[us]")
                texts = np.datetime_as_string(times, timezone="UTC").tolist()
                places = zip(texts, points.lat.tolist(), points.lon.tolist(), strict=True)
                writer.writerows((name, *place) for place in places)
        import_paths(context, [file])
        build(context, extract, "car")
        report = run_stages(context)
        assert not report.problems, report.problems
        return {name: _drawn(context, name, points) for name, points in devices.items()}


def _drawn(context: Context, device_id: str, points: Points) -> Drawn:
    exported = io.BytesIO()
    export(
        context,
        ExportSubject.TRACKS,
        ExportFormat.GEOJSON,
        RowFilter(device_ids=(device_id,)),
        exported,
    )
    features = json.loads(exported.getvalue())["features"]
    tracks = [_period_us(feature["properties"]) for feature in features]
    first, last = (
        dt.datetime.fromtimestamp(t / 1e6, dt.UTC).date() for t in points.time_us[[0, -1]]
    )
    with context.store.read() as connection:
        stored = read_matches(connection, device_id, first, last).values()
    matches = sorted(map(WindowMatch.from_bytes, stored), key=lambda match: match.start_us)
    kept = [m for m in matches if any(low <= m.start_us < high for low, high in tracks)]
    whole = [_line(feature["geometry"]["coordinates"]) for feature in features]
    return Drawn(whole, road_stretches(kept))


def _period_us(track: dict[str, str]) -> tuple[int, int]:
    """When an exported track begins and ends."""
    start, end = (dt.datetime.fromisoformat(track[name]) for name in ("start_time", "end_time"))
    return to_us(start), to_us(end)


def match_drive(engine: Engine, points: Points) -> list[Line]:
    """What trackflow makes of the points, without a store: tracks, windows, joined lines."""
    settings = MatchSettings()
    lines: list[Line] = []
    for track in tracks_of(points):
        windows = cut_windows(Points.empty(), track, Points.empty(), settings)
        found = trim([match_window(engine, window, settings) for window in windows])
        lines += [(line.lon, line.lat) for line in found]
    return lines


def tracks_of(points: Points) -> list[Points]:
    """The points of each whole track, however many days it takes."""
    first, last = (
        dt.datetime.fromtimestamp(t / 1e6, dt.UTC).date() for t in points.time_us[[0, -1]]
    )
    tracks: list[list[Points]] = []
    for day in segment_days(points, first, last, Thresholds()):
        for segment in day.segments:
            if segment.open_start and tracks:
                tracks[-1].append(segment.points)
            else:
                tracks.append([segment.points])
    return [Points.concat(parts) for parts in tracks]


def thin(points: Points, every_s: int) -> Points:
    """The first point, then each next one at least `every_s` later."""
    kept = [0]
    for k, time_us in enumerate(points.time_us.tolist()):
        if time_us - points.time_us[kept[-1]] >= every_s * 1_000_000:
            kept.append(k)
    return points[np.array(kept)]


def outside(truth: list[Line], points: Points) -> float:
    """Share of the true length before the first and after the last point."""
    scale = np.cos(np.radians(truth[0][1].mean())) * METRES_PER_DEGREE
    missing_m = 0.0
    for (lon, lat), k in ((truth[0], 0), ((truth[-1][0][::-1], truth[-1][1][::-1]), -1)):
        if len(lon) > 1:
            line = shapely.linestrings(lon * scale, lat * METRES_PER_DEGREE)
            # the drive may come by again later
            near = substring(line, 0, min(1500.0, line.length))
            place = shapely.Point(points.lon[k] * scale, points.lat[k] * METRES_PER_DEGREE)
            missing_m += near.project(place)
    return missing_m / length_m(truth)


def length_m(lines: list[Line]) -> float:
    return sum(float(step_m(lon, lat).sum()) for lon, lat in lines)


def read_drives(folder: Path) -> list[Drive]:
    """The drives in a folder, each with its points, truth and extract."""
    extracts = sorted(folder.glob("*.osm.pbf"))
    if not extracts:
        raise BadInputError(f"no drives in {folder}: set TRACKFLOW_TEST_DATA to where they are")
    return [
        Drive(
            extract.name.split(".")[0],
            _points(extract.with_name(extract.name.replace(".osm.pbf", ".track.csv.gz"))),
            _truth(extract.with_name(extract.name.replace(".osm.pbf", ".truth.csv.gz"))),
            extract,
        )
        for extract in extracts
    ]


def _points(file: Path) -> Points:
    rows = _rows(file)
    seconds = np.array([float(row["t_offset_s"]) for row in rows])
    return Points.of(
        START_US + np.rint(seconds * 1e6).astype(np.int64),
        [float(row["lon"]) for row in rows],
        [float(row["lat"]) for row in rows],
    )


def _truth(file: Path) -> list[Line]:
    parts: dict[str, list[tuple[float, float]]] = {}
    for row in _rows(file):
        parts.setdefault(row["part"], []).append((float(row["lon"]), float(row["lat"])))
    return [_line(part) for part in parts.values()]


def _line(pairs: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    lon, lat = np.array(pairs, dtype=np.float64).T
    return lon, lat


def _rows(file: Path) -> list[dict[str, str]]:
    with gzip.open(file, "rt") as lines:
        return list(csv.DictReader(lines))


def print_rows(rows: list[Row]) -> None:
    """A table of all drives, beside the figures so that `--json` stays JSON."""
    names = ("recall", "precision", "mismatch", "on roads", "ratio", *rows[0].rivals, "floor")
    print(f"{'drive':14}" + "".join(f"{name:>17}" for name in names), file=sys.stderr)
    for row in rows:
        ours = row.ours
        matched = (ours.recall, ours.precision, ours.mismatch, row.on_roads.mismatch)
        figures = (*matched, ours.length_ratio, *row.rivals.values(), row.floor)
        shown = "".join(f"{figure:17.4f}" for figure in figures)
        print(f"{row.drive:9}{row.sampling_s:3} s{shown}", file=sys.stderr)
