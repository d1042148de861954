"""Matching: points in the database to polylines in the database, against the bare engine.

Ours reads segments, thins, matches with context on both sides, checks, trims seams and stores. The
bare engine is called in this process, nothing is done with its answers, and it is measured in two
ways. "Once per window": with the window's own points and the one it shares with the next, at a
radius of 10 m. "Asked the same": every request that ours makes to these windows, so with the same
points, radii and roads; where an answer is doubtful ours asks again, with wider radii, which cost
several times as much. Rates count own points. One worker runs in this process, as the bare engine
does, so that both are given in processor time, too: what else the machine does has no part in it.
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

from trackflow.context import Context
from trackflow.demo.extract import helsinki_extract
from trackflow.demo.files import write_csv
from trackflow.demo.fleet import simulate_fleet
from trackflow.geo.points import Floats, Points
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.engines.protocol import MatchAnswer, MatchRequest, Route
from trackflow.matching.match import match_window
from trackflow.matching.networks import EITHER_WAY_DATASET
from trackflow.matching.windows import MatchSettings, Window, cut_windows
from trackflow.settings import Settings
from trackflow.store.days.segments import read_days
from trackflow.store.devices.settings import device_ids
from trackflow.store.tables import cached_polylines, processing_batches
from trackflow.usecases.days.run import run as run_stages
from trackflow.usecases.intake.importing import import_paths
from trackflow.usecases.roads.networks import build

VEHICLES, DAYS = 20, 6
FIRST_DAY = dt.date(2026, 1, 5)
RADIUS_M = 10.0


def run() -> dict[str, float | int | str]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with Context.open(Settings(home=home, workers=1)) as context:
            prepare(context, VEHICLES, DAYS)
            windows, dataset = _windows(context), _dataset(context)
            own = [window.points[window.first : window.last + 1] for window in windows]
            plain = [(dataset, request) for p in own if (request := _plain(p)) is not None]
            asked = _asked(context, windows)
            one = min(_matching(context) for _ in range(2))
            plain_spent, asked_spent = (
                _bare([(on, _parameters(request)) for on, request in requests])
                for requests in (plain, asked)
            )
        with Context.open(Settings(home=home, workers=2)) as context:
            two = _matching(context)
    points = sum(window.own_count for window in windows)
    calls = len(asked) / len(windows)
    return {
        "points in windows": points,
        "windows": len(windows),
        "calls per window": calls,
        "bare engine, once per window, points/s": points / plain_spent.wall_s,
        "bare engine, asked the same, points/s": points / asked_spent.wall_s,
        "database to database, one worker, points/s": points / one.wall_s,
        "database to database, two workers, points/s": points / two.wall_s,
        "ratio of one worker to the bare engine, once per window": plain_spent.wall_s / one.wall_s,
        "the same, times calls per window": calls * plain_spent.wall_s / one.wall_s,
        "ratio of one worker to the bare engine, asked the same": asked_spent.wall_s / one.wall_s,
        "the same, in processor time": asked_spent.processor_s / one.processor_s,
        "ratio of two workers to one": one.wall_s / two.wall_s,
    }


def prepare(context: Context, vehicles: int, days: int) -> None:
    """A store with a network and a simulated fleet's segments."""
    network, _ = build(context, helsinki_extract(), "car")
    fleet = simulate_fleet(
        context.engine("car"), network.bbox, vehicles=vehicles, days=days, first_day=FIRST_DAY
    )
    files = write_csv(fleet, context.settings.home / "reported")
    import_paths(context, files.regular + files.late)
    run_stages(context, stages=("segmented",))


def _windows(context: Context) -> list[Window]:
    """All windows, but for what those beside a midnight see of the other day."""
    found = []
    with context.store.read() as connection:
        for name in device_ids(connection):
            days = read_days(connection, name, FIRST_DAY, FIRST_DAY + dt.timedelta(days=DAYS))
            for segment in (segment for day in days.values() for segment in day):
                found += cut_windows(
                    Points.empty(), segment.points, Points.empty(), MatchSettings()
                )
    return found


@dataclass(slots=True)
class Recording:
    """An engine that records what it is asked, and on which data set."""

    inner: EmbeddedEngine
    dataset: Path
    asked: list[tuple[Path, MatchRequest]]

    @property
    def profile(self) -> str:
        return self.inner.profile

    @property
    def network_version(self) -> str:
        return self.inner.network_version

    @property
    def either_way_version(self) -> str:
        return self.inner.either_way_version

    def either_way(self) -> "Recording | None":
        other = self.inner.either_way()
        dataset = self.dataset.with_name(EITHER_WAY_DATASET)
        return None if other is None else Recording(other, dataset, self.asked)

    def match(self, request: MatchRequest) -> MatchAnswer:
        self.asked.append((self.dataset, request))
        return self.inner.match(request)

    def route(self, lon: Floats, lat: Floats) -> Route | None:
        return self.inner.route(lon, lat)

    def close(self) -> None:
        self.inner.close()


def _asked(context: Context, windows: list[Window]) -> list[tuple[Path, MatchRequest]]:
    """All that ours asks the engine about some windows."""
    dataset = _dataset(context)
    engine = Recording(EmbeddedEngine(dataset, "car", "benchmark"), dataset, [])
    for window in windows:
        match_window(engine, window, MatchSettings())
    engine.close()
    return engine.asked


def _dataset(context: Context) -> Path:
    network = context.network("car")
    assert network is not None
    return network.dataset


@dataclass(frozen=True, slots=True, order=True)
class Spent:
    """How long something took, by the clock and in this process's processor time."""

    wall_s: float
    processor_s: float

    @classmethod
    def since(cls, started: "Spent") -> "Spent":
        """From then until now."""
        now = cls.now()
        return cls(now.wall_s - started.wall_s, now.processor_s - started.processor_s)

    @classmethod
    def now(cls) -> "Spent":
        """What the clocks say."""
        return cls(time.perf_counter(), time.process_time())


def _bare(requests: list[tuple[Path, osrm.MatchParameters]]) -> Spent:
    """How long the bare engine takes to answer; the shorter of two rounds."""
    engines = {
        dataset: osrm.OSRM(
            algorithm="MLD",
            storage_config=str(dataset),
            use_shared_memory=False,
            max_locations_map_matching=-1,
        )
        for dataset, _ in requests
    }
    rounds = []
    for _ in range(2):
        started = Spent.now()
        for dataset, request in requests:
            with contextlib.suppress(RuntimeError):  # the engine's way to say "no match"
                engines[dataset].Match(request)
        rounds.append(Spent.since(started))
    return min(rounds)


def _plain(points: Points) -> MatchRequest | None:
    """The request of a user who hands a window's points to the engine as they are."""
    seconds = points.time_us // 1_000_000
    kept = points[np.diff(seconds, prepend=seconds[0] - 1) > 0]  # equal seconds match nothing
    if len(kept) < 2:
        return None
    radius_m = np.full(len(kept), RADIUS_M)
    return MatchRequest(kept.lon, kept.lat, kept.time_us // 1_000_000, radius_m)


def _parameters(request: MatchRequest) -> osrm.MatchParameters:
    return osrm.MatchParameters(
        coordinates=list(zip(request.lon.tolist(), request.lat.tolist(), strict=True)),
        timestamps=request.time_s.tolist(),
        radiuses=request.radius_m.tolist(),
        gaps=request.gaps,
        tidy=request.tidy,
        geometries="polyline6",
        overview="full",
        generate_hints=False,
    )


def _matching(context: Context) -> Spent:
    with context.store.write() as connection:
        connection.execute(sa.delete(cached_polylines))
        connection.execute(sa.update(processing_batches).values(matched_generation=0))
    started = Spent.now()
    report = run_stages(context, stages=("matched",))
    spent = Spent.since(started)
    assert not report.problems, report.problems
    stage = report["matched"]
    # the one window beside a midnight that both its days look at is matched once
    assert stage.total("cached_windows") < 0.02 * stage.total("windows")
    return spent
