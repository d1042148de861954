"""Road networks reach other machines: published whole, fetched once, never used when damaged."""

import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from trackflow.basemap.making import is_current
from trackflow.context import Context, base_map_folder, mode_map_folder
from trackflow.demo.extract import helsinki_extract
from trackflow.errors import NetworkBuildError, NetworkFetchError, SettingsError
from trackflow.matching import network_sharing
from trackflow.matching.network_sharing import BASE_MAP, MODE_MAP, fetch_network, publish_network
from trackflow.matching.networks import RoadNetwork
from trackflow.settings import Settings
from trackflow.usecases.days.worker_pool import without_main
from trackflow.usecases.roads.networks import build, network_in_use
from trackflow_tests.helpers.s3 import s3_server, use_s3
from trackflow_tests.helpers.waiting import PATIENCE_S

pytestmark = pytest.mark.xdist_group("network-sharing")

BUCKET = "networks"
PROCESSES = 4


@pytest.fixture(scope="module")
def s3_port() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture(params=["folder", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where networks are published."""
    if request.param == "folder":
        return str(tmp_path / "shared")
    use_s3(request.getfixturevalue("s3_port"), BUCKET, monkeypatch)
    return f"s3://{BUCKET}/{tmp_path.name}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shared"


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def fetched(network: RoadNetwork, address: str, home: Path) -> RoadNetwork:
    return fetch_network(
        network.profile,
        network.version,
        address,
        home / "networks",
        {MODE_MAP: home / "mode_map", BASE_MAP: home / "base_map"},
    )


def test_another_machine_gets_the_same_files(
    helsinki_network: RoadNetwork, address: str, tmp_path: Path
) -> None:
    mode_map = tmp_path / "own-map"
    mode_map.mkdir()
    (mode_map / "rails").write_bytes(b"rails")
    base_map = tmp_path / "own-tiles"
    base_map.mkdir()
    (base_map / "tiles").write_bytes(b"streets")
    publish_network(helsinki_network, {MODE_MAP: mode_map, BASE_MAP: base_map}, address)

    found = fetched(helsinki_network, address, tmp_path / "other")

    assert found.folder == tmp_path / "other/networks/car" / helsinki_network.version
    assert files_of(found.folder) == files_of(helsinki_network.folder)
    assert files_of(tmp_path / "other/mode_map") == {"rails": b"rails"}
    assert files_of(tmp_path / "other/base_map") == {"tiles": b"streets"}
    assert replace(found, folder=Path(), dataset=Path()) == replace(
        helsinki_network, folder=Path(), dataset=Path()
    )


def test_a_network_is_published_once(helsinki_network: RoadNetwork, folder: Path) -> None:
    publish_network(helsinki_network, {}, str(folder))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    publish_network(helsinki_network, {}, str(folder))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def _fetch(network: RoadNetwork, address: str, home: Path, barrier: object, opened: object) -> None:
    """In a process: count how often the archive is opened."""
    unpack = network_sharing._unpack

    def counting(*args: object) -> None:
        opened.put(1)  # type: ignore[attr-defined]
        unpack(*args)  # type: ignore[arg-type]

    network_sharing._unpack = counting
    barrier.wait(PATIENCE_S)  # type: ignore[attr-defined]
    fetched(network, address, home)


def test_the_processes_of_a_machine_fetch_it_once(
    helsinki_network: RoadNetwork, folder: Path, tmp_path: Path
) -> None:
    publish_network(helsinki_network, {}, str(folder))
    processes = multiprocessing.get_context("spawn")
    barrier, opened = processes.Barrier(PROCESSES), processes.Queue()
    arguments = (helsinki_network, str(folder), tmp_path / "host", barrier, opened)
    with without_main():
        started = [processes.Process(target=_fetch, args=arguments) for _ in range(PROCESSES)]
        for process in started:
            process.start()
    for process in started:
        process.join(PATIENCE_S)
    assert [process.exitcode for process in started] == [0] * PROCESSES
    assert opened.get(timeout=PATIENCE_S) == 1
    assert opened.empty()


def damage_cut(archive: Path) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])


def damage_a_byte(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)


def damage_gone(archive: Path) -> None:
    archive.unlink()


@pytest.mark.parametrize("damage", [damage_cut, damage_a_byte, damage_gone])
def test_a_damaged_archive_is_never_used(
    helsinki_network: RoadNetwork, folder: Path, tmp_path: Path, damage: object
) -> None:
    publish_network(helsinki_network, {}, str(folder))
    (archive,) = folder.rglob("*.tar")
    damage(archive)  # type: ignore[operator]
    home = tmp_path / "host"
    with pytest.raises(NetworkFetchError, match=helsinki_network.version):
        fetched(helsinki_network, str(folder), home)
    left = [path for path in (home / "networks").rglob("*") if not path.name.startswith(".")]
    assert left == [home / "networks/car"]


def test_a_broken_off_publication_is_no_network(
    helsinki_network: RoadNetwork, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(network_sharing, "_write_manifest", full)
        with pytest.raises(NetworkBuildError, match="the disk is full"):
            publish_network(helsinki_network, {}, str(folder))
    with pytest.raises(NetworkFetchError, match="is not in"):
        fetched(helsinki_network, str(folder), tmp_path)
    publish_network(helsinki_network, {}, str(folder))
    assert fetched(helsinki_network, str(folder), tmp_path).version == helsinki_network.version


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"osrm": "1.0"}, "was built with osrm-bindings 1.0"),
        ({"size_bytes": 10**18}, "MB are free"),
        ({"more": 1}, "is damaged"),
    ],
)
def test_what_cannot_be_used_here_is_not_fetched(
    helsinki_network: RoadNetwork,
    folder: Path,
    tmp_path: Path,
    changed: dict[str, object],
    message: str,
) -> None:
    publish_network(helsinki_network, {}, str(folder))
    manifest = folder / "car" / f"{helsinki_network.version}.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changed))
    with pytest.raises(NetworkFetchError, match=message):
        fetched(helsinki_network, str(folder), tmp_path)


def test_an_archive_of_another_network_is_refused(
    helsinki_network: RoadNetwork, folder: Path, tmp_path: Path
) -> None:
    other = replace(helsinki_network, version="0123456789abcdef")
    publish_network(other, {}, str(folder))
    with pytest.raises(NetworkFetchError, match="holds another one"):
        fetched(other, str(folder), tmp_path)


def test_an_unknown_kind_of_storage_is_named(helsinki_network: RoadNetwork) -> None:
    with pytest.raises(SettingsError, match=r"TRACKFLOW_NETWORKS=nowhere://bucket"):
        publish_network(helsinki_network, {}, "nowhere://user:secret@bucket/networks")


def test_a_home_without_the_network_matches_with_the_published_one(
    address: str, tmp_path: Path
) -> None:
    """Two machines with one database: one builds, the other one needs it."""
    database_url = f"sqlite:///{tmp_path / 'shared.db'}"
    first = Settings(home=tmp_path / "first", database_url=database_url, networks=address)
    with Context.open(first) as context:
        made, is_new = build(context, helsinki_extract(), "car")
        assert is_new
    second = replace(first, home=tmp_path / "second")
    with Context.open(second) as context:
        assert context.mode_map() is not None
        assert mode_map_folder(second.home, made.version).is_dir()
        assert is_current(base_map_folder(second.home, made.version))
        assert context.engine("car").network_version == made.version
        found = network_in_use(context, "car")
        assert found is not None
        assert found.folder.is_relative_to(second.home)
    third = replace(second, home=tmp_path / "third", networks="")
    with (
        Context.open(third) as context,
        pytest.raises(NetworkBuildError, match="no road network in"),
    ):
        context.engine("car")


def test_fsspec_reads_what_was_published(helsinki_network: RoadNetwork, address: str) -> None:
    """The layout is plain: other programs may copy it."""
    publish_network(helsinki_network, {}, address)
    filesystem, root = fsspec.core.url_to_fs(address)
    names = sorted(str(path).rsplit("/", 1)[1] for path in filesystem.find(root))
    assert len(names) == 2
    assert names[1] == f"{helsinki_network.version}.json"
    assert names[0].endswith(".tar")
