"""Tiles made of a real extract: what is in them, and that they come whole or not at all."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trackflow.basemap.archive import TileArchive
from trackflow.basemap.making import base_map_file, build_base_map, is_current
from trackflow.demo.extract import helsinki_extract
from trackflow.errors import BaseMapError
from trackflow_tests.helpers.tiles import STREET, decoded, tile_at
from trackflow_tests.helpers.waiting import wait_until

pytestmark = pytest.mark.xdist_group("base-map")


def test_a_tile_has_the_street_and_its_name(folder: Path, tmp_path: Path) -> None:
    place = (14, *tile_at(14, *STREET))
    with TileArchive(base_map_file(folder)) as archive:
        tile = archive.tile(*place)
    assert tile is not None
    layers = decoded(tile, *place, tmp_path)
    assert {"streets", "street_labels", "buildings", "land", "covered"} <= layers.keys()
    named = {f["properties"].get("name"): f["properties"] for f in layers["street_labels"]}
    assert named["Mannerheimintie"]["kind"] in ("primary", "secondary", "tertiary", "unclassified")
    assert all(f["geometry"]["type"] == "Point" for f in layers.get("land_labels", []))


def test_there_are_tiles_of_the_extract_only(folder: Path) -> None:
    with TileArchive(base_map_file(folder)) as archive:
        west, south, east, north = archive.bbox
        assert west < STREET[0] < east
        assert south < STREET[1] < north
        assert archive.tile(14, 0, 0) is None
        assert archive.tile(15, *tile_at(15, *STREET)) is None
        assert archive.tile(10, *tile_at(10, *STREET)) is not None


def test_a_map_is_current_until_another_trackflow_makes_others(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_current(folder)
    assert not is_current(tmp_path)
    monkeypatch.setattr("trackflow.basemap.making.MAKER", "another")
    assert not is_current(folder)


@pytest.mark.parametrize("kept", [0, 50, 127, 2_000, 20_000])
def test_a_damaged_archive_is_told(folder: Path, tmp_path: Path, kept: int) -> None:
    broken = tmp_path / "tiles.pmtiles"
    whole = base_map_file(folder).read_bytes()
    broken.write_bytes(whole[:kept])
    with pytest.raises(BaseMapError, match="build the network again"):
        TileArchive(broken)
    assert not is_current(tmp_path)


def test_an_extract_that_is_none_leaves_nothing(tmp_path: Path) -> None:
    extract = tmp_path / "extract.osm.pbf"
    extract.write_bytes(b"no extract at all")
    with pytest.raises(BaseMapError, match="cannot be read"):
        build_base_map(extract, tmp_path / "maps" / "7", "7")
    assert [path.name for path in (tmp_path / "maps").iterdir()] == [".lock"]


@pytest.mark.slow
def test_a_build_that_is_killed_leaves_no_half_map_and_the_next_one_tidies_up(
    tmp_path: Path,
) -> None:
    maps = tmp_path / "maps"
    program = (
        "import sys; from pathlib import Path\n"
        "from trackflow.basemap.making import build_base_map\n"
        "build_base_map(Path(sys.argv[1]), Path(sys.argv[2]), '7')\n"
    )
    command = [sys.executable, "-c", program, str(helsinki_extract()), str(maps / "7")]
    process = subprocess.Popen(command)

    def is_at_work() -> bool:
        assert process.poll() is None
        return bool(list(maps.glob(".building-*/map")))

    wait_until(is_at_work, pause_s=0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (maps / "7").exists()
    assert list(maps.glob(".building-*"))
    build_base_map(helsinki_extract(), maps / "7", "7")
    assert is_current(maps / "7")
    assert sorted(path.name for path in maps.iterdir()) == [".lock", "7"]
