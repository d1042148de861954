import bz2
import fcntl
import gzip
import lzma
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.demo.extract import helsinki_extract
from trackflow.errors import NetworkBuildError
from trackflow.matching.extracts import START_BYTES, checked_suffix
from trackflow.matching.network_building import build_network
from trackflow.matching.networks import PROFILES, RoadNetwork, load_network
from trackflow.matching.pbf import check_pbf
from trackflow_tests.helpers.http_servers import osrm_server
from trackflow_tests.helpers.waiting import PATIENCE_S

EXTRACT = helsinki_extract()
CONTENT = EXTRACT.read_bytes()
HEADER_END = 4 + 13 + 81
"""Where the second block begins."""


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="module")
def network(networks: Path) -> RoadNetwork:
    return build_network(EXTRACT, "car", networks)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def own_programs() -> list[int]:
    done = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "pid=,comm="], capture_output=True, text=True
    )
    return [int(row.split()[0]) for row in done.stdout.splitlines() if "osrm-" in row]


# --- what is built ---


@pytest.mark.parametrize("profile", PROFILES)
def test_builds_a_network_that_osrm_serves(profile: str, networks: Path) -> None:
    steps: list[str] = []
    began = time.time()
    network = build_network(EXTRACT, profile, networks, on_progress=steps.append)
    assert network.folder == (networks / profile / network.version).resolve()
    assert network.profile == profile
    assert network.source_name == "Helsinki.osm.pbf"
    assert network.size_bytes > 500_000
    assert began <= network.built_at_us / 1e6 <= time.time()
    assert network.bbox == pytest.approx((24.9352, 60.1642, 24.9534, 60.1791), abs=1e-3)
    with osrm_server(network.dataset) as url:
        assert url
    assert load_network(network.folder) == network


def test_same_input_is_built_once(network: RoadNetwork, networks: Path, tmp_path: Path) -> None:
    steps: list[str] = []
    assert build_network(EXTRACT, "car", networks, on_progress=steps.append) == network
    renamed = write(tmp_path / "city of helsinki.bin", CONTENT)
    assert build_network(renamed, "car", networks, on_progress=steps.append) == network
    assert not steps


def test_version_follows_content_and_profile(networks: Path, tmp_path: Path) -> None:
    extracts = [EXTRACT, write(tmp_path / "town.osm", XML)]
    versions = {
        build_network(extract, profile, networks).version
        for extract in extracts
        for profile in ("car", "foot")
    }
    assert len(versions) == 4


def test_any_file_name_will_do_and_progress_reports_each_step(tmp_path: Path) -> None:
    steps: list[str] = []
    odd = write(tmp_path / "my extract (1)", CONTENT)
    network = build_network(odd, "car", tmp_path / "networks", on_progress=steps.append)
    assert network.source_name == "my extract (1)"
    programs = [step.split(":")[0] for step in steps]
    assert list(dict.fromkeys(programs)) == ["extract", "partition", "customize"]
    assert not any("%" in step or "2026" in step or str(tmp_path) in step for step in steps)


def test_extent_of_an_extract_whose_header_has_none(test_data: Path, tmp_path: Path) -> None:
    folder = test_data / "kubicka" / "dev"
    network = build_network(folder / "00000046.osm.pbf", "car", tmp_path)
    west, south, east, north = network.bbox
    assert -180 < west < east < 180
    assert -90 < south < north < 90
    assert (east - west) * (north - south) < 1


def test_relative_folders_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXTRACT, "here.osm.pbf")
    network = build_network(Path("here.osm.pbf"), "car", Path("networks"))
    assert network.dataset.is_absolute()


def test_a_network_may_be_moved(network: RoadNetwork, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(network.folder, moved)
    assert load_network(moved) == replace(network, folder=moved, dataset=moved / "network.osrm")


XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<!-- a town of one street --><osm version="0.6">
<node id="1" lat="60.17" lon="24.94"/><node id="2" lat="60.175" lon="24.95"/>
<node id="3" lat="60.18" lon="24.96"/>
<way id="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><tag k="highway" v="residential"/></way>
</osm>"""


# --- extracts of other formats ---


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("name", ["town.osm", "town.osm.pbf", "town"])
def test_xml_is_read_packed_or_not_whatever_its_name(
    pack: Callable[[bytes], bytes], name: str, tmp_path: Path
) -> None:
    path = write(tmp_path / name, pack(XML))
    network = build_network(path, "car", tmp_path / "networks")
    west, south, east, north = network.bbox
    assert (round(west, 3), round(south, 3)) == (24.94, 60.17)
    assert (round(east, 3), round(north, 3)) == (24.96, 60.18)
    assert network.source_name == name


def test_a_large_block_of_bzip2_is_looked_into(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    tags = "".join(f'<tag k="n{k}" v="{rng.bytes(300).hex()}"/>' for k in range(1_000))
    content = XML.replace(
        b"</osm>", f'<node id="99" lat="60.1" lon="24.9">{tags}</node></osm>'.encode()
    )
    packed = bz2.compress(content)
    assert len(packed) > 4 * START_BYTES
    assert checked_suffix(write(tmp_path / "large", packed)) == ".osm.bz2"


def test_real_xml_extracts_are_read(test_data: Path, tmp_path: Path) -> None:
    found = sorted((test_data / "graphhopper_pairs").glob("*.osm.gz"))
    assert found
    for extract in found:
        assert build_network(extract, "car", tmp_path).size_bytes > 10_000


@given(content=st.binary(max_size=300), pack=st.sampled_from([bytes, gzip.compress, bz2.compress]))
def test_bytes_at_random_are_no_extract(
    networks: Path, content: bytes, pack: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(NetworkBuildError):
        checked_suffix(write(networks / "any.osm.pbf", pack(content)))


# --- extracts that are none ---

CORRUPT = CONTENT[:300_000] + bytes(range(256)) * 8 + CONTENT[302_048:]
BAD = {
    "empty": (b"", "is empty"),
    "png": (b"\x89PNG\r\n\x1a\n" + b"\0" * 999, "is not an OpenStreetMap extract .*a PNG image"),
    "html": (b"\n<!DOCTYPE html><html><body>404</body></html>", "looks like a web page"),
    "xml": (b"<?xml version='1.0'?><kml><Document/></kml>", "looks like other XML"),
    "changes": (b"<?xml version='1.0'?><osmChange version='0.6'/>", "a file of changes"),
    "xml without roads": (b"<?xml version='1.0'?><osm version='0.6'></osm>", "holds no road"),
    "cut xml": (XML[: len(XML) // 2], "damaged or incomplete: download it again"),
    "cut gzip": (gzip.compress(XML)[:-60], "damaged or incomplete: download it again"),
    "cut bzip2": (bz2.compress(XML)[:-60], "damaged or incomplete: download it again"),
    "broken gzip": (b"\x1f\x8b\x08" + b"\xff" * 99, "damaged or incomplete: download it again"),
    "packed text": (gzip.compress(b"this is no map"), "a gzip file with text inside"),
    "packed page": (bz2.compress(b"<html></html>"), "a bzip2 file with a web page inside"),
    "packed pbf": (gzip.compress(CONTENT), "a pbf packed once more by gzip: unpack it"),
    "xz": (lzma.compress(XML), "an xz file: unpack it first"),
    "zip": (b"PK\x03\x04" + b"\0" * 99, "looks like a zip file"),
    "text": (b"this is no map", "looks like text"),
    "random": (bytes(range(256)) * 20, "is not an OpenStreetMap extract"),
    "zeros": (b"\0" * 5000, "is not an OpenStreetMap extract"),
    "data block first": (CONTENT[HEADER_END:], "is not an OpenStreetMap extract"),
    "cut in a block": (CONTENT[:300_000], "is cut short"),
    "cut in a header": (CONTENT[: HEADER_END + 9], "is cut short"),
    "cut in a length": (CONTENT[: HEADER_END + 2], "is cut short"),
    "garbage behind": (CONTENT + b"\xff" * 100, "is damaged after"),
    "garbage inside": (CORRUPT, "damaged or incomplete: download it again"),
    "header only": (CONTENT[:HEADER_END], "holds no road for the profile car"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_extracts_give_one_clear_line(kind: str, tmp_path: Path) -> None:
    content, says = BAD[kind]
    bad = write(tmp_path / "bad.osm.pbf", content)
    with pytest.raises(NetworkBuildError, match=says) as caught:
        build_network(bad, "car", tmp_path / "networks")
    message = str(caught.value)
    assert "bad.osm.pbf" in message
    assert "\n" not in message
    assert ".building" not in message
    if (tmp_path / "networks").exists():
        assert files_in(tmp_path / "networks") in (["car"], [])
        assert not list((tmp_path / "networks" / "car").iterdir())


def test_missing_extracts_and_unknown_profiles(tmp_path: Path) -> None:
    with pytest.raises(NetworkBuildError, match=r"nowhere\.osm\.pbf does not exist"):
        build_network(tmp_path / "nowhere.osm.pbf", "car", tmp_path)
    with pytest.raises(NetworkBuildError, match="is a folder"):
        build_network(tmp_path, "car", tmp_path)
    with pytest.raises(NetworkBuildError, match="'train' is none of car, bicycle, foot"):
        build_network(EXTRACT, "train", tmp_path)
    with pytest.raises(NetworkBuildError, match="none of"):
        build_network(EXTRACT, "../car", tmp_path)


@given(length=st.integers(0, len(CONTENT) - 1))
def test_a_cut_extract_is_never_taken_for_a_whole_one(networks: Path, length: int) -> None:
    path = write(networks / "cut.osm.pbf", CONTENT[:length])
    try:
        check_pbf(path)
        whole = True
    except NetworkBuildError:
        whole = False
    assert whole == (length in block_ends())


def block_ends() -> set[int]:
    """Every offset at which a block of the extract ends, found by a parser of its own kind.

    Headers of this file are 13 to 15 bytes: "OSMHeader" or "OSMData", and a length of 1 to 3 bytes.
    """
    ends, at = set(), 0
    while at < len(CONTENT):
        size = int.from_bytes(CONTENT[at : at + 4], "big")
        header = CONTENT[at + 4 : at + 4 + size]
        name = 2 + header[1]
        assert header[name] == 0x18
        data = sum((byte & 127) << (7 * i) for i, byte in enumerate(header[name + 1 :]))
        at += 4 + size + data
        ends.add(at)
    return ends


@given(content=st.binary(max_size=300))
def test_bytes_at_random_are_no_pbf(networks: Path, content: bytes) -> None:
    path = write(networks / "any.osm.pbf", content)
    with pytest.raises(NetworkBuildError):
        check_pbf(path)


# --- interruptions ---


def stopping(action: Callable[[], None]) -> Callable[[str], None]:
    """A progress function that acts once, while osrm-extract is running."""
    done: list[bool] = []

    def report(step: str) -> None:
        if not done and "Parsing in progress" in step:
            done.append(True)
            action()

    return report


def signal_programs(number: int) -> None:
    (program,) = own_programs()
    os.kill(program, number)


def test_a_killed_program_is_named(tmp_path: Path) -> None:
    kill = stopping(lambda: signal_programs(signal.SIGKILL))
    with pytest.raises(NetworkBuildError, match=r"extract failed .*killed by signal 9.*memory"):
        build_network(EXTRACT, "car", tmp_path, on_progress=kill)
    assert files_in(tmp_path) == ["car"]


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    hang = stopping(lambda: signal_programs(signal.SIGSTOP))
    started = time.monotonic()
    with pytest.raises(NetworkBuildError, match="longer than the deadline"):
        build_network(EXTRACT, "car", tmp_path, on_progress=hang, deadline_s=1.0)
    assert time.monotonic() - started < PATIENCE_S
    assert not own_programs()
    assert files_in(tmp_path) == ["car"]


def test_an_interrupt_ends_the_program_and_leaves_nothing(tmp_path: Path) -> None:
    def interrupt() -> None:
        assert own_programs()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_network(EXTRACT, "car", tmp_path, on_progress=stopping(interrupt))
    assert not own_programs()
    assert files_in(tmp_path) == ["car"]
    assert build_network(EXTRACT, "car", tmp_path).version


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An extract that is built in a moment."""
    return write(tmp_path_factory.mktemp("extracts") / "town.osm", XML)


def test_leftovers_of_a_killed_build_are_cleaned(town: Path, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from trackflow.matching.network_building import build_network\n"
        "def report(step):\n"
        "    if step.startswith('partition'): os.kill(os.getpid(), signal.SIGKILL)\n"
        "build_network(Path(sys.argv[1]), 'car', Path(sys.argv[2]), on_progress=report)\n"
    )
    command = [sys.executable, "-c", script, str(town), str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    (leftover,) = tmp_path.glob(".building-*")
    network = build_network(town, "car", tmp_path)
    assert not leftover.exists()
    assert files_in(tmp_path) == ["car"]
    assert files_in(tmp_path / "car") == [network.version]


def test_a_build_that_runs_is_not_taken_for_a_leftover(town: Path, tmp_path: Path) -> None:
    running = tmp_path / ".building-elsewhere"
    running.mkdir()
    with (running / "owner").open("w") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        build_network(town, "car", tmp_path)
        assert running.exists()
    build_network(town, "foot", tmp_path)
    assert not running.exists()


def test_builds_at_the_same_time_agree(town: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        built = list(pool.map(lambda _: build_network(town, "car", tmp_path), range(3)))
    assert built[0] == built[1] == built[2] == load_network(built[0].folder)
    assert files_in(tmp_path) == ["car"]


def test_an_extract_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    growing = write(tmp_path / "growing.osm.pbf", CONTENT)

    def grow() -> None:
        with growing.open("ab") as file:
            file.write(CONTENT[HEADER_END:])

    def report(step: str) -> None:
        if step.startswith("customize: growing"):
            grow()

    with pytest.raises(NetworkBuildError, match="changed while it was read"):
        build_network(growing, "car", tmp_path / "networks", on_progress=report)
    assert not files_in(tmp_path / "networks" / "car")


# --- damage and disks ---


def test_a_damaged_network_is_seen_and_built_anew(town: Path, tmp_path: Path) -> None:
    network = build_network(town, "car", tmp_path)
    (network.folder / "network.osrm.geometry").unlink()
    with pytest.raises(NetworkBuildError, match="is incomplete"):
        load_network(network.folder)
    again = build_network(town, "car", tmp_path)
    assert replace(again, built_at_us=0) == replace(network, built_at_us=0)
    for text in ("", "{", "[]", '{"extent": [1, 2]}', '{"extent": 3, "profile": "car"}'):
        (network.folder / "network.json").write_text(text)
        with pytest.raises(NetworkBuildError, match=r"network\.json cannot be read"):
            load_network(network.folder)
    assert build_network(town, "car", tmp_path).version == network.version


def test_no_network_says_how_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(NetworkBuildError, match="trackflow network build"):
        load_network(tmp_path / "nothing")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = write(tmp_path / "file", b"")
    with pytest.raises(NetworkBuildError, match="Not a directory"):
        build_network(EXTRACT, "car", blocked)


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(("kilobytes", "says"), [(500, "not enough room"), (4200, "no space left")])
def test_a_full_disk(kilobytes: int, says: str, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", kilobytes) as disk:
        with pytest.raises(NetworkBuildError, match=says) as caught:
            build_network(EXTRACT, "foot", disk)
        assert "\n" not in str(caught.value)
        assert files_in(disk) == ["foot"]
        assert not files_in(disk / "foot")
