import gzip
import io
import os
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.sources.containers import streams
from trackflow.sources.readers import discover, read
from trackflow.sources.recognition import detect, known_formats
from trackflow_tests.helpers.reading import NOW_US, gather, read_path

ROW = "a,2026-01-01T00:%02d:%02dZ,1.5,2.5\n"
TABLE = ("device,time,lat,lon\n" + "".join(ROW % (i // 60, i % 60) for i in range(600))).encode()
GPX = b'<gpx><trkpt lat="1" lon="2"><time>2026-01-01T00:00:00Z</time></trkpt></gpx>'


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_files_folders_and_archives_give_the_same(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.csv").write_bytes(TABLE)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(TABLE))
    (tmp_path / "sub" / "c.zip").write_bytes(
        zipped({"x/d.csv": TABLE, "e.csv.gz": gzip.compress(TABLE), "f.gpx": GPX})
    )
    found = read_path(tmp_path)
    assert list(found) == [
        "a.csv", "b.csv.gz", "sub/c.zip/e.csv.gz", "sub/c.zip/f.gpx", "sub/c.zip/x/d.csv",
    ]  # fmt: skip
    tables = [o.rows for name, o in found.items() if "csv" in name]
    assert all(rows == tables[0] for rows in tables)
    assert len(tables[0]) == 600
    assert found["sub/c.zip/f.gpx"].points.devices == ("f",)


def test_progress_ends_at_the_size(tmp_path):
    for name, data in {"a.csv": TABLE, "b.csv.gz": gzip.compress(TABLE)}.items():
        (tmp_path / name).write_bytes(data)
        (source,) = discover(tmp_path / name)
        assert list(read(source, now_us=NOW_US))[-1].bytes_done == source.size_bytes


def test_what_is_left_out_is_reported(tmp_path):
    for name in (".hidden.csv", "notes.txt", "photo.png", "half.csv.part"):
        (tmp_path / name).write_bytes(b"\x89PNG\r\n" if name == "photo.png" else b"some words")
    (tmp_path / "good.csv").write_bytes(TABLE)
    (tmp_path / "__MACOSX.zip").write_bytes(zipped({"__MACOSX/a.csv": TABLE}))
    skipped = {s.name: s.skipped for s in discover(tmp_path) if s.skipped}
    assert len(skipped) == 5
    assert skipped["photo.png"].startswith("is a PNG image: ")
    assert list(read_path(tmp_path)) == ["good.csv"]


def test_a_file_that_is_named_is_read_whatever_its_name(tmp_path):
    for name in (".hidden", "half.part"):
        (tmp_path / name).write_bytes(TABLE)
        (found,) = read_path(tmp_path / name).values()
        assert len(found.points) == 600


def test_a_bad_file_does_not_stop_its_neighbours(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"time,lat\n1,2\n")
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 no zip at all")
    (tmp_path / "c.csv.gz").write_bytes(b"\x1f\x8b no gzip at all")
    (tmp_path / "d.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "e.zip").write_bytes(zipped({"inner.zip": b"PK\x03\x04 no zip at all"}))
    (tmp_path / "z.csv").write_bytes(TABLE)
    found = read_path(tmp_path)
    assert len(found) == 6
    assert len(found["z.csv"].points) == 600
    errors = [o.error for name, o in found.items() if name != "z.csv"]
    assert all(errors)
    assert not any("\n" in e or "Traceback" in e for e in errors)
    assert "not a whole zip archive" in found["e.zip/inner.zip"].error


def nested(depth: int) -> bytes:
    data = TABLE
    for level in range(depth):
        data = zipped({f"{'in' * level or 'a'}.{'zip' if level else 'csv'}": data})
    return data


def test_archives_in_archives_are_read(tmp_path):
    (tmp_path / "out.zip").write_bytes(
        zipped({"b.csv": TABLE, "in.zip": zipped({"a.csv": TABLE, "c.kmz": zipped({"x": b"x"})})})
    )
    found = read_path(tmp_path)
    assert {name: len(o.points) for name, o in found.items()} == {
        "out.zip/b.csv": 600, "out.zip/in.zip/a.csv": 600}  # fmt: skip
    for depth, points in ((3, 600), (4, 0), (6, 0)):
        (tmp_path / "out.zip").write_bytes(nested(depth))
        (outcome,) = read_path(tmp_path).values()
        assert len(outcome.points) == points
        assert bool(outcome.error) == (points == 0)
        assert points or "inside too many others" in outcome.error


def test_a_backup_says_how_it_is_read(tmp_path):
    (tmp_path / "b.zip").write_bytes(
        zipped({"manifest.json": b"{}", "gps_points.parquet": b"PAR1"})
    )
    with pytest.raises(BadInputError, match="trackflow restore"):
        list(discover(tmp_path / "b.zip"))


def test_folders_that_link_to_themselves_end(tmp_path):
    (tmp_path / "a.csv").write_bytes(TABLE)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert [s.name for s in discover(tmp_path)] == ["a.csv"]


def test_names_that_climb_out_stay_inside(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({"../../etc/x\x1b[31m.csv": TABLE}))
    (name,) = read_path(tmp_path / "a.zip")
    assert name == "a.zip/etc/x\ufffd[31m.csv"


@settings(max_examples=40)
@given(st.integers(20, 10_000))
def test_a_cut_gzip_gives_whole_rows_and_reports_it(tmp_path_factory, at):
    path = tmp_path_factory.mktemp("cut") / "a.csv.gz"
    packed = gzip.compress(TABLE)
    path.write_bytes(packed[: 20 + at % (len(packed) - 28)])
    try:
        (source,) = discover(path)
    except BadInputError:
        return  # not even the header is left
    found = gather(read(source, now_us=NOW_US))
    if not found.error:
        assert found.reasons == ["truncated"]
        times = [row[1] for row in found.rows]
        assert times == [1_767_225_600_000_000 + i * 1_000_000 for i in range(len(times))]
        assert {row[2:4] for row in found.rows} <= {(2.5, 1.5)}


@settings(max_examples=60)
@given(st.integers(0), st.binary(min_size=1, max_size=8))
def test_a_damaged_zip_raises_nothing_else(tmp_path_factory, at, junk):
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    data = zipped({"a.csv": TABLE, "b.gpx": GPX})
    at %= len(data)
    path.write_bytes(data[:at] + junk + data[at + len(junk) :])
    with suppress(BadInputError):
        assert all("\n" not in found.error for found in read_path(path).values())


def test_a_gzip_bomb_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "RATIO_FROM_BYTES", 1_000_000)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"device,time,lat,lon\n" + b"\n" * 9_000_000))
    (source,) = discover(tmp_path / "a.csv.gz")
    assert "made to do harm" in gather(read(source, now_us=NOW_US)).error


def test_a_zip_bomb_is_stopped_before_it_is_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "RATIO_FROM_BYTES", 1_000_000)
    (tmp_path / "a.zip").write_bytes(zipped({"a.csv": b"\n" * 9_000_000}))
    with pytest.raises(BadInputError, match="made to do harm"):
        list(discover(tmp_path / "a.zip"))


def test_a_locked_member_reports_it(tmp_path):
    data = bytearray(zipped({"a.csv": TABLE}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(bytes(data))
    assert "password" in read_path(tmp_path / "a.zip")["a.zip/a.csv"].error


@pytest.mark.parametrize("name", ["nowhere.csv", "no\x00where"])
def test_a_path_to_nothing(tmp_path, name):
    with pytest.raises(BadInputError):
        list(discover(tmp_path / name))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(TABLE)
    path.chmod(0)
    with pytest.raises(BadInputError, match="permission"):
        list(discover(path))


@pytest.mark.parametrize("data", [b"", b"   \n", b"%PDF-1.7", b"\x00\x01"])
def test_a_file_of_no_known_kind(tmp_path, data):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(BadInputError, match=r"a\.csv: "):
        list(discover(path))


def test_a_pipe_is_left_alone(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert [s.skipped for s in discover(tmp_path)] == ["not an ordinary file"]


@pytest.mark.parametrize(
    ("head", "name", "kind"),
    [
        (GPX, "a.txt", "gpx"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><!-- gpx --><g:gpx >", "a", "gpx"),
        (b'\n {"type":"Feature"}', "a.csv", "geojson"),
        (b"lat;lon;time\n", "a.json", "csv"),
        (b"# time\tlat\tlon\n", "a.dat", "csv"),
        (b"anything", "a.csv", "csv"),
        (b"<?xml version='1.0'?><!-- <gpx> --><t:TrainingCenterDatabase>", "a.gpx", "tcx"),
        (b"<kml><Document><description>a <gpx> file", "a", "kml"),
        (b"\x0e\x20\x54\x08\0\0\0\0.FIT\0\0", "a.csv", "fit"),
        (b'{"locations": [{"latitudeE7": 1}]}', "Records.json", "google"),
        (b'[{"activity": {"start": "geo:1,2"}}]', "a.json", "google"),
        (b'{"locations":[{"type":"Feature"}]}', "a", "overland"),
        (b'{"locations":[{"lat":1}]}', "a", "geojson"),
        (b'[{"_type": "location"}]', "a", "owntracks"),
        (b"2026-01-01T00:00:00Z\t*  \t{}", "2026-01.rec", "owntracks"),
        (b"time\tlat\tlon\n2026-01-01T00:00:00Z\t1\t2", "a.rec", "csv"),
    ],
)
def test_content_comes_before_the_name(head, name, kind):
    assert detect(head, name) is kind


@given(st.binary(max_size=100), st.text(max_size=10))
def test_detect_raises_nothing_else(head, name):
    with suppress(BadInputError):
        assert detect(head, name) in known_formats()
