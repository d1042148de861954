"""The map of rails, roads and stops, made of a small extract."""

from pathlib import Path

import numpy as np
import pytest

from trackflow.categories.legs import legs_of
from trackflow.categories.mode_map import STOPS, ModeMap, build_mode_map
from trackflow.categories.modes import Mode
from trackflow.errors import NetworkBuildError
from trackflow.geo.points import Points

START_US = 1_768_032_000_000_000
LAT = {"rail": 60.00, "road": 60.10, "ferry": 60.20}
TAGS = {"rail": ("railway", "subway"), "road": ("highway", "primary"), "ferry": ("route", "ferry")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of a metro, a road with a bus stop every 1 km, and a ferry, from west to east."""
    folder = tmp_path_factory.mktemp("map")
    nodes, ways, number = [], [], 0
    for kind, lat in LAT.items():
        number += 2
        for k, lon in ((number, 24.0), (number + 1, 25.0)):
            nodes.append(f'<node id="{k}" lat="{lat}" lon="{lon}"/>')
        key, value = TAGS[kind]
        refs = f'<nd ref="{number}"/><nd ref="{number + 1}"/>'
        ways.append(f'<way id="{number}">{refs}<tag k="{key}" v="{value}"/></way>')
    for k, lon in enumerate(np.arange(24.0, 25.0, 0.018)):
        tag = '<tag k="highway" v="bus_stop"/>'
        nodes.append(f'<node id="{100 + k}" lat="{LAT["road"]}" lon="{lon:.7f}">{tag}</node>')
    file = folder / "small.osm"
    file.write_text(f'<osm version="0.6">{"".join(nodes)}{"".join(ways)}</osm>')
    build_mode_map(file, folder / "map", "7")
    return folder / "map"


def along(kind: str, *, halts: bool = True, beside_m: float = 10.0) -> Points:
    """Half an hour along a line at 13 m/s, with a halt of half a minute every kilometre."""
    one = np.r_[np.full(15, 65.0 if halts else 44.0), np.zeros(6) if halts else np.full(6, 56.0)]
    way_m = np.cumsum(np.tile(one, 20))
    lon = 24.0 + way_m / 1_000 * 0.018 * (1_000 / 975)
    time_us = START_US + np.arange(len(way_m)) * 5_000_000
    return Points.of(time_us, lon, np.full(len(way_m), LAT[kind] + beside_m / 111_195))


def longest(points: Points, mode_map: ModeMap) -> tuple[Mode, dict[str, float | str]]:
    leg = max(legs_of([points], mode_map=mode_map), key=lambda one: one.end_us - one.start_us)
    return leg.mode, dict(leg.evidence)


def test_the_same_movement_has_the_mode_of_the_line_that_it_follows(built: Path) -> None:
    mode_map = ModeMap.load(built)
    assert mode_map.version == "7"
    mode, evidence = longest(along("rail"), mode_map)
    assert (mode, evidence["subway_share"], evidence["road_share"]) == (Mode.SUBWAY, 1.0, 0.0)
    mode, evidence = longest(along("road"), mode_map)
    assert (mode, evidence["subway_share"], evidence["road_share"]) == (Mode.BUS, 0.0, 1.0)
    mode, _ = longest(along("road", halts=False), mode_map)
    assert mode is Mode.DRIVING


def test_what_is_not_near_a_line_does_not_count(built: Path) -> None:
    mode_map = ModeMap.load(built)
    _, evidence = longest(along("rail", beside_m=120), mode_map)
    assert evidence["subway_share"] == 0.0
    # the map does not reach so far: it says nothing
    _, evidence = longest(along("rail", beside_m=20_000), mode_map)
    assert "subway_share" not in evidence


def test_cells_are_sorted_and_hold_no_position_twice(built: Path) -> None:
    cells = ModeMap.load(built).cells
    assert all((np.diff(found) > 0).all() for found in cells.values())
    assert {name for name in STOPS if len(cells[name])} == {"bus_stop"}


def test_a_map_is_built_whole_or_not_at_all(built: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.osm.pbf"
    broken.write_bytes(b"this is no extract")
    with pytest.raises(NetworkBuildError):
        build_mode_map(broken, built, "8")
    assert ModeMap.load(built).version == "7"
    assert [path for path in built.parent.iterdir() if path.name.startswith(".building")] == []
