"""The inbox: each file comes in once, whatever lies beside it, and nothing there is touched."""

import datetime as dt
import gzip
import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.context import Context, utc_now
from trackflow.errors import SettingsError, StoreUnavailableError
from trackflow.files import SETTLE_S
from trackflow.usecases.intake import inbox
from trackflow.usecases.intake.inbox import look, scan
from trackflow_tests.helpers.filled import everything
from trackflow_tests.helpers.stores import Clock, open_context

HEADER = "device_id,timestamp,longitude,latitude\n"


def rows(count: int, device: str = "a", hour: int = 8) -> str:
    start = dt.datetime(2026, 3, 2, hour, tzinfo=dt.UTC)
    return "".join(
        f"{device},{(start + dt.timedelta(seconds=10 * k)).isoformat()},{24.9 + k / 1e4:.4f},60.1\n"
        for k in range(count)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "inbox"
    path.mkdir()
    return path


def opened(url: str, folder: Path, clock: Clock | None = None) -> Context:
    return open_context(url, folder.parent, clock, inbox=folder)


def notes(context: Context) -> dict[str, tuple[int, int, str | None]]:
    return {
        row["path"]: (row["points_added"], row["refused"], row["error"])
        for row in everything(context.store)["inbox_files"]
    }


def tree(folder: Path) -> dict[Path, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_new_and_changed_files_come_in_once_and_stay_as_they_are(
    database_url: str, folder: Path
) -> None:
    (folder / "sub").mkdir()
    (folder / "a.csv").write_text(HEADER + rows(3))
    (folder / "sub" / "b.csv.gz").write_bytes(gzip.compress((HEADER + rows(2, "b")).encode()))
    (folder / "c.csv").write_text(HEADER + rows(1, "c") + "c,2026-03-02T09:00:00Z,999,60\n")
    before = tree(folder)
    with opened(database_url, folder) as context:
        report = scan(context)
        assert [file.name for file in report.files] == ["a.csv", "c.csv", "sub/b.csv.gz"]
        assert notes(context) == {
            "a.csv": (3, 0, None), "c.csv": (1, 1, None), "sub/b.csv.gz": (2, 0, None),
        }  # fmt: skip
        assert scan(context).files == []
        assert tree(folder) == before

        with (folder / "a.csv").open("a") as file:
            file.write(rows(2, hour=9))
        (only,) = scan(context).files
        assert (only.name, only.points_added) == ("a.csv", 2)
        assert len(everything(context.store)["gps_points"]) == 8


def test_bad_files_are_noted_and_stop_nobody(
    database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "1.gpx").write_text("<gpx><trk><trkseg><trkpt")
    (folder / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (folder / "3.zip").write_bytes(b"PK\x03\x04 not a zip")
    (folder / "4.csv").write_text("")
    (folder / "5.csv").write_text(HEADER + rows(3))
    (folder / os.fsdecode(b"6-\xff.csv")).write_text(HEADER + rows(3, "b"))
    os.mkfifo(folder / "7.csv")
    (folder / "8.csv").symlink_to(folder / "nowhere")
    (folder / "9.csv").write_text(HEADER + rows(3, "c"))
    real = inbox.import_paths

    def sometimes(context: Context, paths: list[Path], **more: object) -> object:
        if paths[0].name == "5.csv":
            raise ZeroDivisionError("24.9 60.1")
        return real(context, paths, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(inbox, "import_paths", sometimes)
    with opened(database_url, folder) as context:
        scan(context)
        found = notes(context)
        assert {name for name, note in found.items() if note[2]} == {
            "1.gpx", "2.png", "3.zip", "4.csv", "5.csv",
        }  # fmt: skip
        assert found["5.csv"][2] == "ZeroDivisionError while reading it"  # and no place
        assert found["9.csv"] == found["6-\\udcff.csv"] == (3, 0, None)
        assert scan(context).files == [], "bad ones wait until they change"

        (folder / "4.csv").write_text(HEADER + rows(3, "d"))
        assert [file.name for file in scan(context).files] == ["4.csv"]
        assert notes(context)["4.csv"] == (3, 0, None)


def test_files_still_being_written_wait(folder: Path) -> None:
    clock = Clock(utc_now())
    names = ("x.csv.part", "y.tmp", "z.CSV.filepart", ".hidden.csv", "v.crdownload")
    for name in names:
        (folder / name).write_text(HEADER + rows(1))
    (folder / "a.csv").write_text(HEADER)
    future = clock().timestamp() + 86_400
    (folder / "wrong-clock.csv").write_text(HEADER + rows(1))
    os.utime(folder / "wrong-clock.csv", (future, future))
    with opened("", folder, clock) as context:
        found = look(context)
        assert found.waiting == 1
        assert [file.name for file in found.ready] == ["wrong-clock.csv"]

        old = clock().timestamp() - 86_400
        os.utime(folder / "a.csv", (old, old))  # as a copy that keeps the time does, half-way
        assert look(context).waiting == 1

        clock.advance(SETTLE_S + 1)
        assert look(context).waiting == 0
        scan(context)
        assert set(notes(context)) == {"a.csv", "wrong-clock.csv"}
        (folder / "x.csv.part").rename(folder / "x.csv")
        clock.advance(SETTLE_S + 1)
        assert [file.name for file in scan(context).files] == ["x.csv"]


def test_a_file_that_grows_while_it_is_read_comes_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.csv").write_text(HEADER + rows(3))
    real = inbox.import_paths

    def growing(context: Context, paths: list[Path], **more: object) -> object:
        report = real(context, paths, **more)  # type: ignore[arg-type]
        with paths[0].open("a") as file:
            file.write(rows(1, hour=10))
        return report

    with opened("", folder) as context:
        with monkeypatch.context() as patch:
            patch.setattr(inbox, "import_paths", growing)
            scan(context)
        assert scan(context).points_added == 1
        assert scan(context).files == []


def test_a_crash_before_the_note_costs_a_repetition_and_no_more(
    database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.csv").write_text(HEADER + rows(3))

    def crash(*_: object) -> None:
        raise StoreUnavailableError("the database is away")

    with opened(database_url, folder) as context:
        with monkeypatch.context() as patch:
            patch.setattr(inbox, "_note", crash)
            with pytest.raises(StoreUnavailableError):
                scan(context)
        assert scan(context).points_added == 0
        assert len(everything(context.store)["gps_points"]) == 3
        assert notes(context) == {"a.csv": (0, 0, None)}


def test_an_archive_is_one_file(folder: Path) -> None:
    import zipfile

    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("a.csv", HEADER + rows(3))
        archive.writestr("b.csv", HEADER + rows(2, "b"))
        archive.writestr("readme.md", "hello")
    with opened("", folder) as context:
        scan(context)
        assert notes(context) == {"all.zip": (5, 0, None)}


def test_the_watermark_tells_versions_apart(folder: Path) -> None:
    with opened("", folder) as context:
        seen = {look(context).watermark}
        for count in (1, 2, 2):
            (folder / "a.csv").write_text(HEADER + rows(count))
            os.utime(folder / "a.csv", (1_700_000_000, 1_700_000_000 + count))
            seen.add(look(context).watermark)
    assert len(seen) == 3


def test_without_a_folder_it_says_what_to_do(tmp_path: Path) -> None:
    with (
        open_context("", tmp_path) as context,
        pytest.raises(SettingsError, match="set TRACKFLOW_INBOX"),
    ):
        scan(context)
    with (
        open_context("", tmp_path, inbox=tmp_path / "none") as context,
        pytest.raises(SettingsError, match="make it first"),
    ):
        scan(context)
    with open_context("", tmp_path) as context, context.store.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM inbox_files")) == 0
