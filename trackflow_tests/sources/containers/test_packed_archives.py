"""Archives of every kind, around files and around each other."""

import bz2
import gc
import gzip
import io
import lzma
import subprocess
import sys
import tarfile
import warnings
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.sources.containers import archives, spooling, streams
from trackflow.sources.readers import discover, read
from trackflow_tests.helpers.reading import NOW_US, gather, read_path
from trackflow_tests.helpers.waiting import PATIENCE_S
from trackflow_tests.sources.containers.test_archives import GPX, TABLE, zipped

PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
FORMATS = {"gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT, "ustar": tarfile.USTAR_FORMAT}


def tarred(members: dict[str, bytes], kind: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def table_of(found) -> list:
    return [row[1:4] for row in found.rows]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "a.csv"
    path.write_bytes(TABLE)
    return table_of(read_path(path)["a.csv"])


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("kind", FORMATS)
def test_tar_of_every_kind(tmp_path, packer, kind, plain):
    data = tarred(
        {"x/a.csv": TABLE, "b.gpx": GPX, "ü" * (40 if kind == "ustar" else 80) + ".csv": TABLE},
        FORMATS[kind],
    )
    (tmp_path / "plain.tar").write_bytes(data)
    (tmp_path / f"packed.tar.{packer}").write_bytes(PACKERS[packer](data))
    found = read_path(tmp_path)
    assert len(found) == 6
    assert not any(o.error or o.refused for o in found.values())
    assert [table_of(o) for o in found.values() if len(o.points) > 1] == [plain] * 4


@pytest.mark.parametrize("packer", PACKERS)
def test_packed_tables_of_one_or_more_members(tmp_path, packer, plain):
    pack = PACKERS[packer]
    (tmp_path / f"a.csv.{packer}").write_bytes(pack(TABLE[:1000]) + pack(TABLE[1000:]))
    (found,) = read_path(tmp_path).values()
    assert table_of(found) == plain
    assert found.refused == []


@pytest.mark.parametrize("packer", PACKERS)
@settings(max_examples=25, deadline=None)
@given(st.integers(0))
def test_cut_packing_gives_what_is_before_the_cut(tmp_path_factory, packer, at):
    path = tmp_path_factory.mktemp("cut") / f"a.csv.{packer}"
    packed = PACKERS[packer](TABLE)
    at %= len(packed)
    path.write_bytes(packed[:at])
    with suppress(BadInputError):
        for source in discover(path):
            found = gather(read(source, now_us=NOW_US))
            times = [row[1] for row in found.rows]
            assert times == [1_767_225_600_000_000 + i * 1_000_000 for i in range(len(times))]
            assert found.error or found.reasons == ["truncated"]


@settings(max_examples=60, deadline=None)
@given(st.integers(0), st.binary(min_size=1, max_size=600))
def test_damage_in_a_tar_costs_no_other_member(tmp_path_factory, at, junk):
    """A header or contents that were written over cost that member, and it is reported."""
    data = bytearray(tarred({f"{i}.csv": TABLE for i in range(4)}, tarfile.USTAR_FORMAT))
    at %= len(data)
    touched = range(at, min(at + len(junk), len(data)))
    data[at : at + len(junk)] = junk
    path = tmp_path_factory.mktemp("tar") / "a.tar"
    path.write_bytes(data)
    size = 512 + -(-len(TABLE) // 512) * 512
    safe = [
        i for i in range(4)
        if not set(touched) & set(range(512 + i * size, 512 + (i + 1) * size))
        and not set(touched) & set(range(512))
    ]  # fmt: skip
    with suppress(BadInputError):
        found = read_path(path)
        for i in safe:
            assert len(found[f"a.tar/{i}.csv"].points) == 600


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_a_cut_tar_gives_its_members_and_reports_it(tmp_path_factory, at):
    data = tarred({f"{i}.csv": TABLE for i in range(3)}, tarfile.USTAR_FORMAT)
    size = 512 + -(-len(TABLE) // 512) * 512
    end = 512 + 3 * size
    at = 1024 + at % (end - 1024)
    path = tmp_path_factory.mktemp("tar") / "a.tar"
    path.write_bytes(data[:at])
    found = read_path(path)
    whole = (at - 512) // size
    assert [len(found[f"a.tar/{i}.csv"].points) for i in range(whole)] == [600] * whole
    assert any(o.error or o.refused for o in found.values())


def test_archives_in_archives(tmp_path, plain):
    kmz = zipped({"doc.kml": GPX.replace(b"gpx", b"kml")})
    inner = {
        "a.zip": zipped({"deep.tar.xz": lzma.compress(tarred({"a.csv": TABLE}))}),
        "b.tar": tarred({"b.csv.gz": gzip.compress(TABLE)}),
        "c.csv.bz2": bz2.compress(TABLE),
        "d.kmz": kmz,
    }
    (tmp_path / "outer.zip").write_bytes(zipped(inner))
    (tmp_path / "outer.tar.gz").write_bytes(gzip.compress(tarred(inner)))
    found = read_path(tmp_path)
    for outer in ("outer.zip", "outer.tar.gz"):
        names = [name.removeprefix(f"{outer}/") for name in found if name.startswith(f"{outer}/")]
        assert names == ["a.zip/deep.tar.xz/a.csv", "b.tar/b.csv.gz", "c.csv.bz2", "d.kmz/doc.kml"]
    tables = [table_of(o) for name, o in found.items() if "csv" in name]
    assert tables == [plain] * 6


def test_many_archives_in_one_are_one_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "RATIO_FROM_BYTES", 3_000_000)
    stored = tarred({"a.csv": b"\n" * 2_000_000})
    (tmp_path / "a.zip").write_bytes(
        zipped({f"{i}.tar.gz": gzip.compress(stored) for i in range(9)})
    )
    errors = [o.error for o in read_path(tmp_path).values() if o.error]
    assert any("made to do harm" in error for error in errors)


def test_an_xz_bomb_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "RATIO_FROM_BYTES", 1_000_000)
    table = b"device,time,lat,lon\n" + b"\n" * 9_000_000
    for packer in ("bz2", "xz"):
        (tmp_path / f"a.csv.{packer}").write_bytes(PACKERS[packer](table))
    errors = [o.error for o in read_path(tmp_path).values()]
    assert len(errors) == 2
    assert all("made to do harm" in error for error in errors)


def test_tar_members_that_are_no_files_are_left_out(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"../{kind.decode()}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("../../a.csv")
        info.size = len(TABLE)
        archive.addfile(info, io.BytesIO(TABLE))
    (tmp_path / "a.tar").write_bytes(buffer.getvalue())
    found = list(discover(tmp_path))
    assert [s.skipped for s in found[:4]] == ["not an ordinary file"] * 4
    assert [s.name for s in found][4] == "a.tar/a.csv"


def test_too_many_layers(tmp_path):
    data = TABLE
    for _ in range(5):
        data = gzip.compress(data)
    (tmp_path / "a.csv.gz").write_bytes(data)
    (found,) = discover(tmp_path)
    assert "too many times" in found.broken


@pytest.mark.parametrize(
    "data",
    [TABLE, gzip.compress(TABLE), zipped({"a.csv": TABLE}), b""],
    ids=["plain", "gzip", "zip", "empty"],
)
def test_standard_input(data, plain):
    code = (
        "from trackflow.sources.readers import *\n"
        "import sys\n"
        "for s in discover('-'):\n"
        f"    print(s.name, sum(len(c.points) for c in read(s, now_us={NOW_US})))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], input=data, capture_output=True, timeout=PATIENCE_S
    )
    if not data:
        assert b"stdin: the file is empty" in found.stderr
    else:
        assert found.stdout.split()[-1] == b"600", found.stderr


def test_archives_that_nobody_closes_go_without_a_warning(tmp_path, monkeypatch):
    """Python collects the parts of a cycle in any order."""
    monkeypatch.setattr(spooling, "IN_MEMORY_BYTES", 10)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tarred({"a.csv": TABLE})))
    (tmp_path / "b.zip").write_bytes(zipped({"a.csv": TABLE}))
    for _ in range(20):
        ring: list[object] = [list(discover(tmp_path))]
        ring.append(ring)
        del ring
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gc.collect()
    assert caught == []


def test_nesting_is_bounded_as_documented():
    assert archives.NESTED_MAX == 3
