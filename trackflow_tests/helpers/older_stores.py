"""Stores and backups as each older version wrote them, made from the rows of a store of today.

`UNDONE` has, for each migration that changes values, the way back. Columns and tables that a
migration adds need none: an older schema lacks them.
"""

import copy
import io
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, Engine

from trackflow.store import migrations, months
from trackflow.store.database import _engine
from trackflow.store.housekeeping.rows import arrow_schema
from trackflow.store.migrations.apply import upgrade
from trackflow.store.tables import metadata
from trackflow.usecases.housekeeping.archive import MANIFEST, tables

type Tables = dict[str, list[dict[str, Any]]]
"""Rows by table."""

REVISIONS = sorted(
    script.revision
    for script in ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions()
)
"""Every schema that there has been; the last one is today's."""

LOST_ALIAS = UUID(int=3)
"""A former id of a track that is gone; schemas before 0007 kept such."""

OLD_THRESHOLDS: dict[str, dict[str, Any]] = {
    "a": {"jump_m": 5_000, "min_track_m": 50},
    "b": {"gap_s": 30_000, "dwell_radius_m": 60},
}
"""Thresholds of which one is invalid since schema 0008."""


def _undo_whole_overviews(found: Tables) -> None:
    for row in found["track_overviews"]:
        row["polyline"] = "_p~iF~ps|U"


def _undo_true_movement(found: Tables) -> None:
    for table in ("segments", "tracks"):
        for row in found[table]:
            for column in ("began", "ended"):
                row[column] = "jump" if row[column] == "gap" else row[column]
    for row in found["devices"]:
        row["thresholds"] = OLD_THRESHOLDS.get(row["device_id"], {})


def _undo_lasting_aliases(found: Tables) -> None:
    tracks = {(row["device_id"], row["start_time"]): row["track_id"] for row in found["tracks"]}
    for row in found["track_aliases"]:
        row["track_id"] = tracks[row["device_id"], row["start_time"]]
    lost = {"alias_id": LOST_ALIAS, "track_id": UUID(int=4)}
    found["track_aliases"].append(found["track_aliases"][0] | lost)


def _undo_one_distance(found: Tables) -> None:
    for row in found["tracks"]:
        row["distance_m"] = row["raw_distance_m"]
        row["matched_distance_m"] = row["raw_distance_m"] * 1.1
    for row in found["devices"]:
        row["time_zone"] = row["time_zone"] or "UTC"


OLD_TYPES: dict[str, Any] = {"polyline": sa.Text()}
"""Of columns that are there no more; the others were numbers."""

UNDONE: dict[str, Callable[[Tables], None]] = {
    "0024": _undo_whole_overviews,
    "0008": _undo_true_movement,
    "0007": _undo_lasting_aliases,
    "0006": _undo_one_distance,
}
"""By migration, the newest first."""


class Schemas:
    """The columns of each table in each schema, as the migrations make them.

    Args:
        folder: for a database in which each migration is applied, and its copies.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._columns: dict[str, dict[str, set[str]]] = {}
        path = folder / "schemas.db"
        engine = _engine(f"sqlite:///{path}")
        for revision in REVISIONS:
            upgrade(engine, revision)
            inspected = sa.inspect(engine)
            self._columns[revision] = {
                name: {column["name"] for column in inspected.get_columns(name)}
                for name in inspected.get_table_names()
                if name in metadata.tables
            }
            with closing(sqlite3.connect(path)) as file:
                file.execute("VACUUM INTO ?", [str(self._file(revision))])
        engine.dispose()

    def _file(self, revision: str) -> Path:
        return self._folder / f"{revision}.db"

    def make(self, engine: Engine, revision: str) -> None:
        """Make a schema by the real migrations: on SQLite those that were applied before."""
        if engine.dialect.name == "sqlite":
            shutil.copyfile(self._file(revision), str(engine.url.database))
        else:
            upgrade(engine, revision)

    def rows_as_of(self, revision: str, today: Tables) -> Tables:
        """What a store of that schema had in place of these rows: its tables and columns only."""
        found = copy.deepcopy(today)
        for changed, undo in UNDONE.items():
            if revision < changed:
                undo(found)
        return {
            name: [{k: v for k, v in row.items() if k in known} for row in found[name]]
            for name, known in self._columns[revision].items()
        }


def write_store(engine: Engine, schemas: Schemas, revision: str, rows: Tables) -> None:
    """Bring rows into an empty database, with a schema that the real migrations make."""
    schemas.make(engine, revision)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            found = rows.get(table.name)
            if not found:
                continue
            if _is_partitioned(connection, table):
                times = {row[months.column_of(table).name] for row in found}
                months.make(connection, table, {time.date().replace(day=1) for time in times})
            types = OLD_TYPES | {column.name: column.type for column in table.columns}
            columns = [sa.column(name, types.get(name, sa.Double())) for name in found[0]]
            connection.execute(sa.insert(sa.table(table.name, *columns)), found)


def _is_partitioned(connection: Connection, table: sa.Table) -> bool:
    if connection.dialect.name != "postgresql":
        return False
    kind = sa.text("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(:name)")
    return bool(connection.scalar(kind, {"name": table.name}))


def write_backup(path: Path, revision: str, rows: Tables) -> None:
    """Write rows as a backup of that schema had them; it has no files of road networks."""
    networks = [row | {"folder": Path(row["folder"]).name} for row in rows["road_networks"]]
    rows = rows | {"road_networks": networks}
    names = [name for name in tables() if name in rows]
    manifest = {
        "format": 1,
        "schema": revision,
        "tables": {name: len(rows[name]) for name in names},
        "networks": {},
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(f"{name}.parquet", _parquet(name, rows[name]))
        archive.writestr(MANIFEST, json.dumps(manifest))


def _parquet(name: str, rows: list[dict[str, Any]]) -> bytes:
    texts = {
        column.name: json.dumps if isinstance(column.type, sa.JSON) else str
        for column in metadata.tables[name].columns
        if isinstance(column.type, (sa.JSON, sa.Uuid))
    }
    values = [
        {k: texts[k](v) if k in texts and v is not None else v for k, v in row.items()}
        for row in rows
    ]
    schema = pa.schema([field for field in arrow_schema(name) if field.name in rows[0]])
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(values, schema), out)
    return out.getvalue()
