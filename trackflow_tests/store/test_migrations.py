"""A store of an older version, with data: what is in it comes right by itself."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.store.database import _engine, open_store
from trackflow.store.migrations.apply import upgrade
from trackflow.store.tables import metadata
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.housekeeping.archive import MANIFEST, backup
from trackflow.usecases.housekeeping.restoring import restore
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


def noisy(found: Points) -> Points:
    """A drive whose steps add up to more than its way."""
    lat = found.lat + np.random.default_rng(1).normal(0, 1e-4, len(found))
    return Points.of(found.time_us, found.lon, lat)


def rows_of_old_tracks(connection: sa.Connection) -> list[dict[str, Any]]:
    """Tracks as version 0.3 wrote them: the sum of the steps was their distance."""
    t = metadata.tables["tracks"]
    found = [dict(row) for row in connection.execute(sa.select(t)).mappings()]
    for row in found:
        row["distance_m"] = row.pop("raw_distance_m")
        del row["quarters_mm"]
        row["matched_distance_m"] = row["distance_m"] * 1.1
    return found


def copy_as_of_0004(source: Context, target: sa.Engine) -> None:
    upgrade(target, "0004")
    with source.store.read() as connection, target.begin() as into:
        for name in COPIED:
            table = metadata.tables[name]
            if name == "tracks":
                rows = rows_of_old_tracks(connection)
            else:
                rows = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            known = {column["name"] for column in sa.inspect(into).get_columns(name)}
            columns = [sa.column(c.name, c.type) for c in table.columns if c.name in known]
            if name == "devices":
                for row in rows:
                    row["time_zone"] = "Asia/Tokyo" if row["device_id"] == "b" else "UTC"
            if name == "tracks":
                columns.append(sa.column("matched_distance_m", sa.Double))
            rows = [{k: v for k, v in row.items() if k in known} for row in rows]
            if rows:
                into.execute(sa.insert(sa.table(name, *columns)), rows)


def test_tracks_of_version_0_3_get_their_distance(blank_database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    new = tmp_path / "new"
    new.mkdir()
    with open_context(f"sqlite:///{new / 'trackflow.db'}", new, clock) as context:
        # over midnight, and short ones
        deliver(context.store, batch_of_device("a", noisy(drive(NOON, 5000))))
        deliver(context.store, batch_of_device("b", noisy(drive(NOON, 60))))
        run(context)
        expected = contents(context.store)
        engine = _engine(settings_of(blank_database_url, tmp_path).url)
        copy_as_of_0004(context, engine)
        engine.dispose()

    open_store(settings_of(blank_database_url, tmp_path)).close()
    with open_context(blank_database_url, tmp_path, clock) as context:
        assert set(statuses(context.store).values()) == {"pending"}
        before = contents(context.store, "tracks")["tracks"]
        assert all(row["raw_distance_m"] == row["distance_m"] for row in before)
        assert all(row["quarters_mm"] is None for row in before)
        report = run(context)
        assert not report.problems
        assert len(report["segmented"].days) == len(statuses(context.store)), (
            "the rules changed too"
        )
        assert contents(context.store) == expected
        assert set(statuses(context.store).values()) == {"completed"}
        assert verify(context).ok
        with context.store.read() as connection:
            d = metadata.tables["devices"].c
            zones = dict(connection.execute(sa.select(d.device_id, d.time_zone)).all())
        assert zones == {"a": None, "b": "Asia/Tokyo"}
    for row in expected["tracks"]:
        assert row["distance_m"] < row["raw_distance_m"] * 0.99


def as_of_0004(path: Path, old: Path) -> None:
    """A backup as version 0.3 wrote it."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(old, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == MANIFEST:
                content = json.dumps(json.loads(content) | {"schema": "0004"}).encode()
            if name == "tracks.parquet":
                table = pq.read_table(io.BytesIO(content))
                raw = table.column("raw_distance_m")
                place = table.column_names.index("distance_m")
                table = table.set_column(place, "distance_m", raw)
                out = io.BytesIO()
                pq.write_table(table.drop_columns(["raw_distance_m", "quarters_mm"]), out)
                content = out.getvalue()
            target.writestr(name, content)


def test_a_backup_of_version_0_3_comes_right_as_well(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    new = tmp_path / "new"
    new.mkdir()
    with open_context(f"sqlite:///{new / 'trackflow.db'}", new, clock) as context:
        deliver(context.store, batch_of_device("a", noisy(drive(NOON, 5000))))
        run(context)
        expected = contents(context.store)
        backup(context, tmp_path / "new.zip")
    as_of_0004(tmp_path / "new.zip", tmp_path / "old.zip")
    with open_context(database_url, tmp_path / "restored", clock) as context:
        restore(context, tmp_path / "old.zip")
        assert set(statuses(context.store).values()) == {"pending"}
        run(context)
        assert contents(context.store) == expected
