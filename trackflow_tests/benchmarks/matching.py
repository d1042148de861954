"""Matching: points in the database to polylines in the database, against the bare engine.

The bare engine is called once per window, in this process, with the window's own points and the one
it shares with the next, a radius of 10 m, and nothing is done with its answer. Ours reads segments,
thins, matches with context on both sides, checks, trims seams and stores. Rates count own points.
Where an answer is doubtful, ours asks again: the calls per window are counted apart, on the same
windows, and the ratio at the same number of calls grants the bare engine as many.
"""

import contextlib
import datetime as dt
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osrm
import sqlalchemy as sa

from trackflow.demo.extract import helsinki_extract
from trackflow.demo.files import write_csv
from trackflow.demo.fleet import simulate_fleet
from trackflow.geo.points import Floats, Points
from trackflow.matching.engine import Engine, MatchAnswer, MatchRequest, Route
from trackflow.matching.match import match_window
from trackflow.matching.windows import MatchSettings, cut_windows
from trackflow.pipeline.importing import import_paths
from trackflow.pipeline.networks import build
from trackflow.pipeline.run import run as run_stages
from trackflow.pipeline.work import Work
from trackflow.settings import Settings
from trackflow.store.devices import device_ids
from trackflow.store.networks import read_network
from trackflow.store.segments import read_days
from trackflow.store.tables import cached_polylines, processing_batches

VEHICLES, DAYS = 20, 6
FIRST_DAY = dt.date(2026, 1, 5)
RADIUS_M = 10.0


def run() -> dict[str, float | int | str]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with Work.open(Settings(home=home, workers=1)) as work:
            prepare(work, VEHICLES, DAYS)
            windows = _windows(work)
            points = sum(len(window) - 1 for window in windows)
            bare_s = _bare_s(work, windows)
            one_s = _match_s(work)
            bare_again_s = _bare_s(work, windows)
            calls = _calls(work)
        with Work.open(Settings(home=home, workers=2)) as work:
            two_s = _match_s(work)
    bare_s = min(bare_s, bare_again_s)
    return {
        "points in windows": points,
        "windows": len(windows),
        "bare engine, points/s": points / bare_s,
        "database to database, one worker, points/s": points / one_s,
        "database to database, two workers, points/s": points / two_s,
        "calls per window": calls,
        "ratio of one worker to the bare engine": bare_s / one_s,
        "ratio of one worker to the bare engine at the same number of calls": calls
        * bare_s
        / one_s,
        "ratio of two workers to the bare engine": bare_s / two_s,
        "ratio of two workers to one": one_s / two_s,
    }


def prepare(work: Work, vehicles: int, days: int) -> None:
    """A store with a network and a simulated fleet's segments."""
    network, _ = build(work, helsinki_extract(), "car")
    fleet = simulate_fleet(
        work.engine("car"), network.extent, vehicles=vehicles, days=days, first_day=FIRST_DAY
    )
    files = write_csv(fleet, work.settings.home / "reported")
    import_paths(work, files.regular + files.late)
    run_stages(work, stages=("segmented",))


def _windows(work: Work) -> list[Points]:
    """The own points of every window, with the one shared with the next."""
    found = []
    with work.store.read() as connection:
        for name in device_ids(connection):
            days = read_days(connection, name, FIRST_DAY, FIRST_DAY + dt.timedelta(days=DAYS))
            for segment in (segment for day in days.values() for segment in day):
                cut = cut_windows(Points.empty(), segment.points, Points.empty(), MatchSettings())
                found += [window.points[window.first : window.last + 1] for window in cut]
    return found


@dataclass(slots=True)
class Counting:
    """An engine that counts its calls, those to its variant among them."""

    inner: Engine
    calls: list[int]

    @property
    def profile(self) -> str:
        return self.inner.profile

    @property
    def network_version(self) -> str:
        return self.inner.network_version

    @property
    def either_way_version(self) -> str:
        return self.inner.either_way_version

    def either_way(self) -> "Counting | None":
        other = self.inner.either_way()
        return None if other is None else Counting(other, self.calls)

    def match(self, request: MatchRequest) -> MatchAnswer:
        self.calls[0] += 1
        return self.inner.match(request)

    def route(self, lon: Floats, lat: Floats) -> Route | None:
        return self.inner.route(lon, lat)

    def close(self) -> None:
        self.inner.close()


def _calls(work: Work) -> float:
    """Calls of the engine per window, over the first day."""
    engine, windows = Counting(work.engine("car"), [0]), 0
    settings = MatchSettings()
    with work.store.read() as connection:
        for name in device_ids(connection):
            for day in read_days(connection, name, FIRST_DAY, FIRST_DAY).values():
                for segment in day:
                    for window in cut_windows(
                        Points.empty(), segment.points, Points.empty(), settings
                    ):
                        match_window(engine, window, settings)
                        windows += 1
    return engine.calls[0] / windows


def _bare_s(work: Work, windows: list[Points]) -> float:
    with work.store.read() as connection:
        network = read_network(connection, "car", work.settings.home)
    assert network is not None
    engine = osrm.OSRM(
        algorithm="MLD",
        storage_config=str(network.dataset),
        use_shared_memory=False,
        max_locations_map_matching=-1,
    )
    requests = [r for points in windows if (r := _request(points)) is not None]
    started = time.perf_counter()
    for request in requests:
        with contextlib.suppress(RuntimeError):  # the engine's way to say "no match"
            engine.Match(request)
    return time.perf_counter() - started


def _request(points: Points) -> osrm.MatchParameters | None:
    seconds = points.time_us // 1_000_000
    kept = points[np.diff(seconds, prepend=seconds[0] - 1) > 0]  # equal seconds match nothing
    if len(kept) < 2:
        return None
    return osrm.MatchParameters(
        coordinates=list(zip(kept.lon.tolist(), kept.lat.tolist(), strict=True)),
        timestamps=(kept.time_us // 1_000_000).tolist(),
        radiuses=[RADIUS_M] * len(kept),
        gaps="ignore",
        geometries="polyline6",
        overview="full",
        generate_hints=False,
    )


def _match_s(work: Work) -> float:
    with work.store.write() as connection:
        connection.execute(sa.delete(cached_polylines))
        connection.execute(sa.update(processing_batches).values(matched_generation=0))
    started = time.perf_counter()
    report = run_stages(work, stages=("matched",))
    elapsed_s = time.perf_counter() - started
    assert not report.problems, report.problems
    stage = report["matched"]
    # the one window beside a midnight that both its days look at is matched once
    assert stage.total("cached_windows") < 0.02 * stage.total("windows")
    return elapsed_s
