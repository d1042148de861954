"""A backup restores every row on either database, and a damaged one restores none."""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.context import Context, base_map_folder, mode_map_folder
from trackflow.errors import BadInputError, SettingsError
from trackflow.geo.time import ONE_DAY
from trackflow.store.housekeeping import rows
from trackflow.store.tables import metadata
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.housekeeping import archive
from trackflow.usecases.housekeeping.archive import backup
from trackflow.usecases.housekeeping.restoring import restore
from trackflow.usecases.mileage import fleet
from trackflow.usecases.mileage.books import amend_entry, list_entries, verify_books
from trackflow.usecases.mileage.closing import close_due
from trackflow.usecases.mileage.reports import month_reports
from trackflow_tests.helpers.filled import everything, fill
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    deliver,
    drive,
    open_context,
    without_guards,
)

EMPTY = {name: [] for name in metadata.tables}


@pytest.fixture(params=["sqlite", "postgresql"])
def other_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A second empty database, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'other.db'}"
        return
    with request.getfixturevalue("postgres_databases").lend() as url:
        yield url


def without_networks(context: Context) -> dict[str, list[dict[str, object]]]:
    """All rows that a backup has; road networks lie elsewhere afterwards."""
    found = everything(context.store)
    for row in found["road_networks"]:
        row["folder"] = Path(str(row["folder"])).name
    return {name: found[name] for name in found if name not in archive.LEFT_OUT}


def test_every_row_survives_on_every_pair_of_databases(
    database_url: str, other_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_ROWS", 3)  # more than one batch
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    with (
        open_context(database_url, tmp_path / "a") as one,
        open_context(other_url, tmp_path / "b") as two,
    ):
        for number, name in enumerate(("Äpfel", "a b", "Z", "z\t\\N\n", '"\u2028')):
            fill(one.store, name, number)
        # nothing at all where nothing may be
        with one.store.write() as connection, without_guards(connection):
            for table in metadata.tables.values():
                nullable = {c.name: sa.null() for c in table.columns if c.nullable}
                if nullable:
                    key = next(iter(table.primary_key.columns))
                    least = sa.select(sa.func.min(sa.cast(key, sa.Text))).scalar_subquery()
                    connection.execute(
                        sa.update(table).where(sa.cast(key, sa.Text) == least).values(nullable)
                    )
        backup(one, first, with_networks=False)
        report = restore(two, first)
        backup(two, second, with_networks=False)

        assert without_networks(two) == without_networks(one)
        assert first.read_bytes() == second.read_bytes()
        assert all(report.rows.values())
        # numbers go on where they were
        deliver(two.store, batch_of_device("new", drive(NOON, 5)))
        seqs = [row["received_seq"] for row in everything(two.store)["receipts"]]
        assert len(set(seqs)) == 6


def test_nothing_has_to_be_worked_on_again(
    database_url: str, other_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "b.zip"
    with (
        open_context(database_url, tmp_path / "a") as one,
        open_context(other_url, tmp_path / "b") as two,
    ):
        for name in ("a", "b"):
            deliver(one.store, batch_of_device(name, drive(NOON, 200)))
        run(one)
        assert verify(one).ok
        backup(one, file)
        restore(two, file)

        assert not any(stage.days for stage in run(two).stages)
        report = verify(two)
        assert report.ok
        assert report.tracks == 2


def test_a_closed_book_moves_with_its_chain(
    database_url: str, other_url: str, tmp_path: Path
) -> None:
    clock = Clock(NOON)
    with (
        open_context(database_url, tmp_path / "a", clock) as one,
        open_context(other_url, tmp_path / "b", clock) as two,
    ):
        for day in range(6):
            deliver(one.store, batch_of_device("van", drive(NOON + day * ONE_DAY, 60)))
        fleet.save_vehicle(one, "V")
        fleet.put_device(one, "V", "van")
        fleet.put_driver(one, "V", "anna")
        run(one)
        follow_tracks(one)
        clock.time = NOON + 10.5 * ONE_DAY
        close_due(one)
        closed = [book.entry for book in list_entries(one) if book.entry.chain_no is not None]
        purpose = {"purpose": "Smith"}
        amend_entry(one, closed[1].entry_id, purpose, reason="forgotten", amended_by="anna")
        backup(one, tmp_path / "b.zip")
        restore(two, tmp_path / "b.zip")

        (before,), (after,) = verify_books(one), verify_books(two)
        assert before.is_intact
        assert before.links > len(closed) > 2
        assert after == before
        assert list_entries(two) == list_entries(one)
        assert month_reports(two, "2026-03") == month_reports(one, "2026-03")
        # the chain goes on where it was
        clock.time += 9 * ONE_DAY
        close_due(two)
        (later,) = verify_books(two)
        assert later.is_intact
        assert later.links > before.links


def test_road_networks_come_along(tmp_path: Path) -> None:
    with open_context("", tmp_path / "a") as one, open_context("", tmp_path / "b") as two:
        folder = tmp_path / "a" / "networks" / "car-1"
        folder.mkdir(parents=True)
        (folder / "roads.osrm").write_bytes(os.urandom(5000))
        fill(one.store, "a", 1)
        with one.store.write() as connection:
            connection.execute(
                sa.update(metadata.tables["road_networks"]).values(folder=str(folder))
            )
            version = connection.scalar(sa.select(metadata.tables["road_networks"].c.version))
        modes = mode_map_folder(tmp_path / "a", str(version))
        modes.mkdir(parents=True)
        (modes / "rail.npy").write_bytes(os.urandom(500))
        tiles = base_map_folder(tmp_path / "a", str(version))
        tiles.mkdir(parents=True)
        (tiles / "tiles.pmtiles").write_bytes(os.urandom(500))
        backup(one, tmp_path / "b.zip")

        report = restore(two, tmp_path / "b.zip")

        (row,) = everything(two.store)["road_networks"]
        assert row["folder"] == "networks/car-1", "from the home folder on: it may be moved"
        assert report.networks == {"car-1": 1}
        copied = tmp_path / "b" / str(row["folder"]) / "roads.osrm"
        assert copied.read_bytes() == (folder / "roads.osrm").read_bytes()
        # without it, trains of years would be found again as cars
        rails = mode_map_folder(tmp_path / "b", str(version)) / "rail.npy"
        assert rails.read_bytes() == (modes / "rail.npy").read_bytes()
        restored = base_map_folder(tmp_path / "b", str(version)) / "tiles.pmtiles"
        assert restored.read_bytes() == (tiles / "tiles.pmtiles").read_bytes()


def test_a_store_that_is_not_empty_is_left_alone(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        fill(context.store, "a", 1)
        backup(context, tmp_path / "b.zip", with_networks=False)
        before = everything(context.store)
        with pytest.raises(SettingsError, match="is not empty"):
            restore(context, tmp_path / "b.zip")
        assert everything(context.store) == before


def test_a_damaged_backup_restores_nothing(database_url: str, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    with open_context("", tmp_path / "a") as one:
        folder = tmp_path / "a" / "networks" / "car-1"
        folder.mkdir(parents=True)
        (folder / "roads.osrm").write_bytes(bytes(5000))
        fill(one.store, "a", 1)
        with one.store.write() as connection:
            connection.execute(
                sa.update(metadata.tables["road_networks"]).values(folder=str(folder))
            )
        backup(one, good)
    with open_context(database_url, tmp_path / "b") as two:
        for damage in ("cut", "bit", "member", "member-of-network", "newer", "zip"):
            _damage(good, bad, damage)
            with pytest.raises((BadInputError, SettingsError), match=r"bad\.zip"):
                restore(two, bad)
            assert everything(two.store) == EMPTY, damage
    assert not (tmp_path / "b" / "networks" / "car-1").exists()
    assert not list((tmp_path / "b").glob(".restore-*"))


def _damage(good: Path, bad: Path, damage: str) -> None:
    content = bytearray(good.read_bytes())
    if damage == "cut":
        bad.write_bytes(content[: len(content) // 2])
        return
    if damage == "bit":
        with zipfile.ZipFile(good) as archive_:
            last = archive_.getinfo("tracks.parquet")
        content[last.header_offset + 200] ^= 1
        bad.write_bytes(content)
        return
    left_out = {"member": "tracks.parquet", "member-of-network": "networks/car-1/roads.osrm"}
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(bad, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if damage == "newer" and name == archive.MANIFEST:
                text = text.replace(b'"schema": "0', b'"schema": "9')
            if name != left_out.get(damage) and not (damage == "zip" and name == archive.MANIFEST):
                new.writestr(name, text)


def test_a_backup_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "b.zip"
    target.write_text("the one of yesterday")
    with open_context("", tmp_path / "a") as context:
        fill(context.store, "a", 1)
        with pytest.raises(SettingsError, match="is gone"):
            backup(context, target)  # its road network's folder is not there
        assert target.read_text() == "the one of yesterday"
        with pytest.raises(SettingsError, match="cannot write"):
            backup(context, tmp_path / "nowhere" / "b.zip")
        backup(context, target, with_networks=False)
    assert target.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".*part"))
