"""The demo: a fleet on real roads from nothing to tracks, through the same import as a user's data.

The true routes are known, so the demo prints its score. It empties its own folder first.
"""

import datetime as dt
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trackflow.concurrency.processor import Processor
from trackflow.context import Context
from trackflow.demo.extract import helsinki_extract
from trackflow.demo.files import FleetFiles, write_csv
from trackflow.demo.fleet import SimulatedDevice, simulate_fleet
from trackflow.demo.terrain import make_terrain
from trackflow.files import make_home
from trackflow.geo.distance import step_m
from trackflow.geo.scoring import Line, RouteScore, combine_scores, score_route
from trackflow.serving import run_dagster
from trackflow.settings import Settings
from trackflow.supervising import MODULE
from trackflow.usecases.days.verify import verify
from trackflow.usecases.housekeeping.status import StoreStatus, read_status
from trackflow.usecases.intake.importing import import_paths
from trackflow.usecases.queries.track_lines import read_lines
from trackflow.usecases.roads.networks import network_in_use

VEHICLES = 20
DAYS = 3

type Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The result of the demo.

    Attributes:
        status: the store at the end.
        score: the lines on roads against the true routes.
        drives: how many there truly were.
        true_km: how long they truly were.
        identical: whether one pass over all points gives the stored tracks.
        terrain: the mesh of the ground below a track, in words.
        seconds: how long all of it took.
    """

    status: StoreStatus
    score: RouteScore
    drives: int
    true_km: float
    identical: bool
    terrain: str
    seconds: float


def demo_settings(settings: Settings) -> Settings:
    """The same settings with a store for the demo only: no user's data is mixed with it."""
    return replace(settings, home=settings.home / "demo", database_url="", engine_url="")


def run_demo(settings: Settings, report: Report) -> DemoResult:
    """Build a network, simulate a fleet, import, process in Dagster, compare with the truth.

    Args:
        settings: as made by `demo_settings`.
        report: called with a line at the beginning of each step.
    """
    started = time.perf_counter()
    shutil.rmtree(settings.home, ignore_errors=True)
    make_home(settings.home.parent)
    make_home(settings.home)
    report("Building the road network of central Helsinki (OpenStreetMap) ...")
    _build_network(settings)
    with Context.open(settings) as context:
        first = (context.clock() - dt.timedelta(days=DAYS)).date()
        report(f"Simulating {VEHICLES} vehicles over {DAYS} days ...")
        fleet, files = _simulate(context, first)
        report("Importing what their devices reported ...")
        import_paths(context, files.regular)
        report(f"Cutting, matching and merging {DAYS} days in one Dagster run ...")
        _process(settings, first, first + dt.timedelta(days=DAYS - 1), "bulk")
        late = ", ".join(device.name for device in fleet if device.late)
        report(f"Importing a day that {late} reports late, and processing only what it changes ...")
        import_paths(context, files.late)
        _process(settings, first, first + dt.timedelta(days=DAYS - 1), "incremental")
        report("Comparing with the true routes ...")
        # threads are enough: the time goes into shapely, which releases the GIL
        pool = Processor(settings.workers, name="scores")
        compared = pool.run(fleet, lambda device, _deadline: _scores(context, device))
        found = [outcome.result() for outcome in compared]
        report("Computing everything again in one pass, and comparing ...")
        checked = verify(context)
        report("Making the terrain below a long track, with the track on it ...")
        terrain = _terrain(context, fleet[0])
        return DemoResult(
            status=read_status(context),
            score=combine_scores([score for scores in found for score in scores]),
            drives=sum(len(device.routes) for device in fleet),
            true_km=_true_km(fleet),
            identical=checked.ok,
            terrain=terrain,
            seconds=time.perf_counter() - started,
        )


def summary(result: DemoResult) -> Iterator[tuple[str, str]]:
    """The result as rows of a table."""
    status, score = result.status, result.score
    matched = 1 - status.raw_windows / max(status.windows, 1)
    yield "points", f"{status.points:,} of {status.devices} vehicles"
    quarantined = [f"{n:,} {why.replace('_', ' ')}" for why, n in status.quarantined.items()]
    yield "set aside", ", ".join(quarantined) or "none"
    yield (
        "tracks",
        f"{status.tracks:,} ({result.drives:,} true drives)",
    )
    yield "distance", f"{status.distance_km:,.0f} km ({result.true_km:,.0f} true km)"
    yield "matched to roads", f"{matched:.1%} of {status.windows:,} five-minute windows"
    yield "recall", f"{score.recall:.3f} of the true way was found"
    yield "precision", f"{score.precision:.3f} of what was found is true"
    yield "route mismatch", f"{score.mismatch:.3f} missed and extra, per true length"
    yield "length ratio", f"{score.length_ratio:.3f} found, per true length"
    same = "identical" if result.identical else "DIFFERENT"
    yield "day by day against one pass", same
    yield "terrain", result.terrain
    yield "time", f"{result.seconds:.0f} s"


def _true_km(fleet: Sequence[SimulatedDevice]) -> float:
    drives = [drive for device in fleet for drive in device.routes]
    return sum(float(step_m(drive.lon, drive.lat).sum()) for drive in drives) / 1000


def _build_network(settings: Settings) -> None:
    config = {"ops": {"road_network": {"config": {"extract": str(helsinki_extract())}}}}
    arguments = ["--select", "road_network", "--config-json", json.dumps(config)]
    run_dagster(settings, ["asset", "materialize", "-m", MODULE, *arguments])


def _process(settings: Settings, first: dt.date, last: dt.date, mode: str) -> None:
    config = {"ops": {"process_days": {"config": {"mode": mode}}}}
    # by tags: Dagster's own option for ranges wants assets that never take more than one run
    days = {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
    arguments = ["-j", "process_days_job", "--tags", json.dumps(days)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(json.dumps(config))  # which is YAML as well
        run_dagster(settings, ["job", "execute", "-m", MODULE, *arguments, "-c", str(file)])


def _simulate(context: Context, first: dt.date) -> tuple[list[SimulatedDevice], FleetFiles]:
    network = network_in_use(context, "car")
    assert network is not None
    fleet = simulate_fleet(
        context.engine("car"), network.bbox, vehicles=VEHICLES, days=DAYS, first_day=first
    )
    return fleet, write_csv(fleet, context.settings.home / "reported")


def _terrain(context: Context, device: SimulatedDevice) -> str:
    """Make the terrain below a track of a device; returns the result, in words."""
    mesh = make_terrain(context, read_lines(context, device.device_id))
    if mesh.report is None:
        return f"not made: {mesh.error_message}"
    triangles = mesh.report["triangle_count"]
    return f"{triangles:,} triangles, with a track of {device.name} on it: /meshes/{mesh.mesh_id}"


def _scores(context: Context, device: SimulatedDevice) -> list[RouteScore]:
    """A score per stretch of time in which drives and tracks overlap, usually one of each.

    All drives of a vehicle laid over each other would hide errors: in a small town nearly every
    road is driven some time.
    """
    found = [
        (line.start_us, line.end_us, (line.lon, line.lat))
        for line in read_lines(context, device.device_id)
    ]
    true = [(drive.start_us, drive.end_us, (drive.lon, drive.lat)) for drive in device.routes]
    return [score_route(truth, matched) for truth, matched in _together(true, found) if truth]


type _Timed = tuple[int, int, Line]


def _together(
    true: Sequence[_Timed], found: Sequence[_Timed]
) -> Iterator[tuple[list[Line], list[Line]]]:
    """Lines of both kinds, grouped by overlap in time."""
    spans = sorted(
        [(start, end, False, line) for start, end, line in true]
        + [(start, end, True, line) for start, end, line in found],
        key=lambda span: span[:3],
    )
    groups: list[tuple[list[Line], list[Line]]] = []
    reached = -1
    for start, end, is_found, line in spans:
        if start > reached:
            groups.append(([], []))
        groups[-1][is_found].append(line)
        reached = max(reached, end)
    yield from groups
