"""A store of the old rules, with data: it stays readable, and comes right by the next run."""

import datetime as dt
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.store.database import open_store
from trackflow.store.days.recutting import kept_thresholds
from trackflow.store.days.segments import read_days
from trackflow.store.devices.settings import read_device
from trackflow.store.tables import metadata
from trackflow.tracks.thresholds import RANGES, Thresholds
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.housekeeping.archive import MANIFEST, backup
from trackflow.usecases.housekeeping.restoring import restore
from trackflow.usecases.queries.lines import TimeRange
from trackflow.usecases.queries.tracks import TrackSelection, read_tracks
from trackflow_tests.stores import (
    NOON,
    Clock,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
    settings_of,
    statuses,
)

COPIED = (
    "devices", "receipts", "gps_points", "processing_batches", "segments", "cached_polylines",
    "tracks", "day_ledgers",
)  # fmt: skip
NEW = {"excursion", "mixed", "preset", "import_id"}
OLD_THRESHOLDS: dict[str, dict[str, Any]] = {
    "a": {"jump_m": 5_000, "min_track_m": 50},
    "b": {"gap_s": 30_000, "dwell_radius_m": 60},
}


def filled(context: Context) -> None:
    """Two devices, one of them over midnight."""
    deliver(context.store, batch_of_device("a", drive(NOON, 5000)))
    deliver(context.store, batch_of_device("b", drive(NOON, 300)))
    run(context)


def as_old(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row as the old rules left it."""
    row = {name: value for name, value in row.items() if name not in NEW}
    if table in ("segments", "tracks"):
        for column in ("began", "ended"):
            row[column] = "jump" if row[column] == "gap" else row[column]
    if table == "devices":
        row["thresholds"] = OLD_THRESHOLDS[row["device_id"]]
    return row


def make_old(source: Context, url: str, home: Path) -> None:
    """Bring what `source` has into a database of the schema before."""
    from trackflow.store.database import _engine
    from trackflow.store.migrations.apply import upgrade

    engine = _engine(settings_of(url, home).url)
    upgrade(engine, "0007")
    with source.store.read() as connection, engine.begin() as into:
        for name in COPIED:
            table = metadata.tables[name]
            rows = [as_old(name, dict(r)) for r in connection.execute(sa.select(table)).mappings()]
            columns = [sa.column(c.name, c.type) for c in table.columns if c.name not in NEW]
            if rows:
                into.execute(sa.insert(sa.table(name, *columns)), rows)
    engine.dispose()


def expected_of(clock: Clock, folder: Path) -> tuple[Context, dict[str, Any]]:
    folder.mkdir()
    context = open_context(f"sqlite:///{folder / 'trackflow.db'}", folder, clock)
    filled(context)
    with context.store.write() as connection:  # what is left of the old thresholds
        for device_id, values in (("a", {"min_track_m": 50}), ("b", {"dwell_radius_m": 60})):
            d = metadata.tables["devices"]
            connection.execute(
                sa.update(d).where(d.c.device_id == device_id).values(thresholds=values)
            )
    run(context, mode="bulk")
    return context, contents(context.store)


def test_an_old_store_stays_readable_and_comes_right_by_itself(
    blank_database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    source, expected = expected_of(clock, tmp_path / "new")
    make_old(source, blank_database_url, tmp_path)
    source.store.close()

    open_store(settings_of(blank_database_url, tmp_path)).close()
    with open_context(blank_database_url, tmp_path, clock) as context:
        assert set(statuses(context.store).values()) == {"pending"}
        with context.store.read() as connection:
            overrides = {k: read_device(connection, k).overrides for k in ("a", "b")}
            old = read_days(connection, "a", dt.date.min, dt.date.max)
        assert overrides == {"a": {"min_track_m": 50}, "b": {"dwell_radius_m": 60}}
        assert {part.began.value for parts in old.values() for part in parts} == {"gap", "midnight"}
        when = TimeRange(NOON - dt.timedelta(days=9), NOON + dt.timedelta(days=9))
        chosen = TrackSelection(None, when, None, "raw", 0.0, 100, None)
        found = read_tracks(context, chosen).tracks
        assert len(found) == len(expected["tracks"])
        assert {track.began for track in found} == {"gap"}
        report = run(context)
        assert not report.problems
        assert len(report["segmented"].days) == len(statuses(context.store))
        assert contents(context.store) == expected
        assert set(statuses(context.store).values()) == {"completed"}
        assert verify(context).ok


def old_backup(path: Path, old: Path) -> None:
    """A backup as the version before wrote it."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(old, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == MANIFEST:
                content = json.dumps(json.loads(content) | {"schema": "0007"}).encode()
            table = name.removesuffix(".parquet")
            if table in ("day_ledgers", "devices", "segments", "tracks"):
                read = pq.read_table(io.BytesIO(content))
                if table in ("segments", "tracks"):
                    for column in ("began", "ended"):
                        texts = [
                            "jump" if x == "gap" else x for x in read.column(column).to_pylist()
                        ]
                        place = read.column_names.index(column)
                        read = read.set_column(place, column, pa.array(texts, pa.string()))
                out = io.BytesIO()
                pq.write_table(read.drop_columns([c for c in read.column_names if c in NEW]), out)
                content = out.getvalue()
            target.writestr(name, content)


def test_an_old_backup_comes_right_as_well(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    source, expected = expected_of(clock, tmp_path / "new")
    backup(source, tmp_path / "new.zip")
    source.store.close()
    old_backup(tmp_path / "new.zip", tmp_path / "old.zip")
    with open_context(database_url, tmp_path / "restored", clock) as context:
        restore(context, tmp_path / "old.zip")
        assert set(statuses(context.store).values()) == {"pending"}
        assert {row["began"] for row in contents(context.store, "tracks")["tracks"]} == {"gap"}
        run(context)
        assert contents(context.store) == expected


numbers = st.one_of(
    st.floats(allow_nan=False), st.integers(-10, 10**9), st.booleans(), st.text(max_size=3)
)


@given(st.dictionaries(st.sampled_from([*RANGES, "jump_m", "other"]), numbers))
def test_what_is_kept_of_thresholds_holds_today(values: dict[str, Any]) -> None:
    kept = kept_thresholds(values)
    assert Thresholds().override(kept).reach_s < 86_400
    assert kept.items() <= values.items()


@given(st.dictionaries(st.sampled_from(list(RANGES)), st.integers(1, 5)))
def test_what_holds_today_is_kept(values: dict[str, Any]) -> None:
    values.pop("dwell_s", None)
    assert kept_thresholds(values) == values


@pytest.mark.parametrize("odd", [None, [], ["odd"], "x", 3])
def test_thresholds_that_are_none_are_dropped(odd: Any) -> None:
    assert kept_thresholds(odd) == {}
