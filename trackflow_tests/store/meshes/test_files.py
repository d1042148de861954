"""The storage: whole files under the hash of their bytes, here and on a server of S3."""

import datetime as dt
import os
import resource
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.errors import BadInputError, MeshStorageError, SettingsError
from trackflow.store.meshes.files import (
    LocalStorage,
    MeshStorage,
    hash_in,
    open_storage,
    stored_name_of,
)
from trackflow.usecases.meshes.cleanup import clean_all
from trackflow.usecases.meshes.control import read_file, read_mesh
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.tools import storage_of
from trackflow_tests.helpers.s3 import s3_server, use_s3
from trackflow_tests.helpers.stores import Clock, open_context
from trackflow_tests.usecases.meshes.pictures import TroubledGenerator, hills

pytestmark = pytest.mark.xdist_group("mesh-storage")

BUCKET = "meshes"


@pytest.fixture(scope="module")
def s3_port() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture
def s3(s3_port: int, monkeypatch: pytest.MonkeyPatch) -> MeshStorage:
    return s3_storage(s3_port, monkeypatch)


def s3_storage(port: int, monkeypatch: pytest.MonkeyPatch) -> MeshStorage:
    use_s3(port, BUCKET, monkeypatch)
    return open_storage(f"s3://{BUCKET}/prefix", Path("unused"))


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> MeshStorage:
    if request.param == "local":
        return open_storage("", tmp_path / "meshes")
    found: MeshStorage = request.getfixturevalue("s3")
    return found


ENDINGS = st.sampled_from([".glb", ".draco.glb", ".png", ".3mf", ""])


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.binary(max_size=2000), ENDINGS)
def test_what_is_stored_is_read_back(storage: MeshStorage, content: bytes, ending: str) -> None:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=2)
    name = storage.put(content, ending)
    assert name == storage.put(content, ending) == stored_name_of(content, ending)
    assert storage.read(name) == content
    assert storage.exists(name)
    found = storage.find(name)
    assert found is not None
    assert found.size_bytes == len(content)
    assert before <= found.changed_at <= dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    assert name in {file.name for file in storage.files()}
    assert hash_in(name) in name
    storage.delete(name)
    storage.delete(name)
    assert not storage.exists(name)
    with pytest.raises(MeshStorageError, match="not there"):
        storage.read(name)


OUTSIDE = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "../secret", "/etc/passwd", "ab/../../x", "s3://other/x", "", ".", "ab/" + "0" * 63,
            "AB/" + "0" * 64, "ab/" + "0" * 64 + "/x", "ab/" + "0" * 64 + ".a/b",
            "ab/" + "0" * 64 + "\n", "file:///etc/passwd", "ab/" + "0" * 64 + ".GLB",
        ]
    ),
)  # fmt: skip


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(OUTSIDE)
def test_no_name_leads_out_of_the_storage(storage: MeshStorage, name: str) -> None:
    for call in (storage.read, storage.delete, storage.exists, storage.find, hash_in):
        with pytest.raises(BadInputError):
            call(name)


def test_links_are_not_followed(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "meshes")
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    name = stored_name_of(b"x", ".glb")
    (storage.root / name).parent.mkdir(parents=True)
    (storage.root / name).symlink_to(secret)
    for call in (storage.read, storage.delete, storage.find):
        with pytest.raises(BadInputError, match="link"):
            call(name)
    assert list(storage.files()) == []
    (storage.root / name).unlink()
    (storage.root / name).parent.rmdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / name.split("/")[1]).write_bytes(b"secret")
    (storage.root / name[:2]).symlink_to(outside)
    for call in (storage.read, storage.delete, storage.find):
        with pytest.raises(BadInputError, match="link"):
            call(name)
    with pytest.raises(BadInputError, match="link"):
        storage.put(b"x", ".glb")
    assert list(storage.files()) == []
    assert secret.read_bytes() == b"secret"


FULL = """
    import resource, signal, sys
    from pathlib import Path
    from trackflow.errors import MeshStorageError
    from trackflow.store.meshes.files import LocalStorage
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    storage = LocalStorage(Path(sys.argv[1]))
    small = storage.put(b"small", ".glb")
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    try:
        storage.put(b"x" * 1_000_000, ".glb")
    except MeshStorageError as error:
        print(error)
    assert storage.read(small) == b"small"
"""


def test_a_full_disk_is_told_and_leaves_no_part(tmp_path: Path) -> None:
    """A process may write no file larger than 10 kB: as on a full disk, write fails half-way."""
    assert resource.RLIMIT_FSIZE is not None
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "cannot write" in ended.stdout
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == [b"small"]


def test_a_write_that_was_killed_leaves_nothing_that_counts(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    name = storage.put(b"whole", ".glb")
    part = tmp_path / name[:2] / f".{stored_name_of(b'other', '.glb')[3:]}.17-abcd.part"
    part.write_bytes(b"oth")
    assert [file.name for file in storage.files()] == [name]
    assert storage.delete_half_written(3600) == 0
    os.utime(part, (1, 1))
    assert storage.delete_half_written(3600) == 1
    assert not part.exists()
    assert storage.read(name) == b"whole"


def test_a_server_that_goes_away_half_way_is_told(
    monkeypatch: pytest.MonkeyPatch, s3_port: int
) -> None:
    """A server that takes half of a request and hangs up."""
    server = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            client.recv(1000)
            client.close()

    threading.Thread(target=hang_up, daemon=True).start()
    storage = s3_storage(s3_port, monkeypatch)
    name = storage.put(b"before", ".glb")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    broken = open_storage(f"s3://{BUCKET}/prefix", Path("unused"))
    for call in (
        lambda: broken.put(b"x" * 100_000, ".glb"),
        lambda: broken.read(name),
        lambda: broken.exists(name),
        lambda: list(broken.files()),
    ):
        with pytest.raises(MeshStorageError):
            call()
    server.close()
    again = s3_storage(s3_port, monkeypatch)
    assert again.read(name) == b"before"
    assert not again.exists(stored_name_of(b"x" * 100_000, ".glb"))


def test_addresses_that_make_no_sense_are_named(tmp_path: Path) -> None:
    for address in ("nosuch://bucket/meshes", "s3://"):
        with pytest.raises(SettingsError, match="TRACKFLOW_MESH_STORAGE"):
            open_storage(address, tmp_path)
    assert isinstance(open_storage(str(tmp_path / "there"), tmp_path), LocalStorage)
    assert isinstance(open_storage(f"file://{tmp_path}/there", tmp_path), LocalStorage)


def test_meshes_live_in_a_bucket(s3: MeshStorage, tmp_path: Path) -> None:
    """The whole life of a mesh: upload, files, sharing, retiring, cleanup."""
    clock = Clock()
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path, clock, mesh_storage=f"s3://{BUCKET}/whole") as context:
        request = MeshRequest(image=hills(1), name="a.png")
        mesh_id = request_mesh(context, request).mesh_id
        bad = request_mesh(context, MeshRequest(image=b"bad", name="bad.png")).mesh_id
        run_due_meshes(context, TroubledGenerator())
        assert read_file(context, mesh_id)[1].startswith(b"glTF")
        assert read_mesh(context, bad).error_kind == "image"
        storage = storage_of(context.settings)
        assert not (tmp_path / "meshes").exists()
        assert {file.name for file in storage.files()}.isdisjoint(f.name for f in s3.files())
        orphan = storage.put(b"nobody's", ".glb")
        clock.time = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)
        assert clean_all(context, dry_run=True).orphans == 1
        assert storage.exists(orphan)
        assert clean_all(context).orphans == 1
        assert not storage.exists(orphan)
        assert read_file(context, mesh_id)[1].startswith(b"glTF")
