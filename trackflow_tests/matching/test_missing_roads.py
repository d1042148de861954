"""A town of which the map lacks a street, and drives along it."""

from collections.abc import Iterator

import numpy as np
import pytest

from trackflow.geo.distance import METRES_PER_DEGREE, step_m
from trackflow.geo.points import Points
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.match import RAW_BELOW_SHARE, match_window
from trackflow.matching.network_building import build_network
from trackflow.matching.windows import MatchSettings
from trackflow_tests.helpers.drives import (
    START_US,
    assert_continuous,
    driven,
    matched,
    whole_window,
)
from trackflow_tests.helpers.road_stretches import road_stretches

LON, LAT, BLOCK_M, STREETS = 24.0, 61.0, 100.0, 21
SPEED_MS = 9.0
ROW = 10
MISSING = range(8, 13)
"""Blocks of that row that the map does not have."""

LAT_STEP = BLOCK_M / METRES_PER_DEGREE
LON_STEP = LAT_STEP / np.cos(np.radians(LAT))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    folder = tmp_path_factory.mktemp("town")
    (folder / "town.osm").write_text(town_xml())
    network = build_network(folder / "town.osm", "car", folder / "networks")
    engine = EmbeddedEngine(network.dataset, network.profile, network.version)
    yield engine
    engine.close()


def town_xml() -> str:
    """Streets along and across, each block a way of its own."""
    places = [(x, y) for y in range(STREETS) for x in range(STREETS)]
    number = {place: k + 1 for k, place in enumerate(places)}
    blocks = [((x, y), (x + 1, y)) for x, y in places if x + 1 < STREETS]
    blocks += [((x, y), (x, y + 1)) for x, y in places if y + 1 < STREETS]
    lines = ['<osm version="0.6">']
    lines += [
        f'<node id="{k}" version="1" lat="{LAT + y * LAT_STEP:.7f}" '
        f'lon="{LON + x * LON_STEP:.7f}"/>'
        for (x, y), k in number.items()
    ]
    for k, (a, b) in enumerate(blocks):
        if not (a[1] == b[1] == ROW and a[0] in MISSING):
            nodes = f'<nd ref="{number[a]}"/><nd ref="{number[b]}"/>'
            tag = '<tag k="highway" v="residential"/>'
            lines.append(f'<way id="{k + 1}" version="1">{nodes}{tag}</way>')
    return "\n".join([*lines, "</osm>"])


@pytest.mark.parametrize("every_s", [1.0, 2.0, 5.0, 10.0])
@pytest.mark.parametrize("noise_m", [2.0, 4.0, 8.0])
def test_raw_where_the_road_is_missing_and_matched_before_and_after(
    town: EmbeddedEngine, every_s: float, noise_m: float
) -> None:
    lon = np.array([LON + 0.3 * LON_STEP, LON + (STREETS - 1.3) * LON_STEP])
    lat = np.full(2, LAT + ROW * LAT_STEP)
    for seed in (1, 2, 3):
        points = driven(lon, lat, every_s=every_s, noise_m=noise_m, speed_ms=SPEED_MS, seed=seed)
        lines = matched(town, points)
        assert_continuous(lines)
        x_m = np.concatenate([(line.lon - LON) / LON_STEP * BLOCK_M for line in lines])
        off_m = np.concatenate([(line.lat - lat[0]) / LAT_STEP * BLOCK_M for line in lines])
        first_m, last_m = MISSING.start * BLOCK_M, MISSING.stop * BLOCK_M
        near_m = max(BLOCK_M, 3 * SPEED_MS * every_s)  # the engine gives up a point or two before
        on_map = (x_m < first_m - near_m) | (x_m > last_m + near_m)
        # at crossings much noise may put a point on the street across
        assert np.abs(off_m[on_map]).max() < (1.5 if noise_m < 5 else 4 * noise_m)
        assert np.median(np.abs(off_m[on_map])) < 1.5, "matched before and after"
        raw = (x_m > first_m + BLOCK_M) & (x_m < last_m - BLOCK_M)
        assert np.ptp(off_m[raw]) > 0.5, "raw in between"
        assert np.abs(off_m).max() < BLOCK_M / 2, "no way round"
        length_m = sum(float(step_m(line.lon, line.lat).sum()) for line in lines)
        raw_m = float(step_m(points.lon, points.lat).sum())
        assert length_m < max(raw_m, 1.05 * float(step_m(lon, lat).sum()))
        assert 0.5 < np.mean([line.matched_share for line in lines]) < 0.9


@pytest.mark.parametrize("yard_m", [160.0, 220.0])
def test_a_window_keeps_its_road_though_the_vehicle_is_beside_it_for_longer(
    town: EmbeddedEngine, yard_m: float
) -> None:
    """It drives out of town for a minute, on into a field, and moves about there."""
    end = STREETS - 1
    lon = np.array([LON + (MISSING.stop + 0.3) * LON_STEP, LON + end * LON_STEP])
    lat = np.full(2, LAT + ROW * LAT_STEP)
    road = driven(lon, lat, every_s=5.0, noise_m=2.0, speed_ms=SPEED_MS)
    spent_s = int(road.time_us[-1] - START_US) // 1_000_000
    seconds = np.arange(spent_s + 20, 295, 10)
    x_m = yard_m + 10 * np.cos(seconds / 25.0)
    field_lon = LON + (end + x_m / BLOCK_M) * LON_STEP
    field_lat = LAT + (ROW + 0.1 * np.sin(seconds / 25.0)) * LAT_STEP
    field = Points.of(START_US + seconds * 1_000_000, field_lon, field_lat)
    window = whole_window(Points.concat([road, field]))
    match = match_window(town, window, MatchSettings())
    assert match.matched_share < RAW_BELOW_SHARE, "it is off the roads for most of the time"
    assert not match.is_raw
    road_m = sum(float(step_m(*stretch).sum()) for stretch in road_stretches([match]))
    given_up_m = 4 * SPEED_MS * 5.0  # the engine gives up a few points before the end
    driven_m = float(step_m(lon, lat).sum())
    assert driven_m - given_up_m < road_m < driven_m + BLOCK_M / 2
