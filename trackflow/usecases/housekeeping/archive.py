"""The whole store in one file: a backup, and the way from SQLite to PostgreSQL or back.

The file is a zip: a Parquet file per table, the road networks in use with their maps for travel
modes and their map tiles, and `manifest.json`, which names the schema version. Equal stores give
equal files. Dagster's own records of its runs are not in it.
"""

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trackflow.context import Context, base_map_folder, mode_map_folder
from trackflow.errors import SettingsError
from trackflow.files import chosen_file
from trackflow.store.database import Connection
from trackflow.store.housekeeping.rows import arrow_schema, read_batches, table_names
from trackflow.store.migrations import SCHEMA_VERSION
from trackflow.store.roads import networks

type ArchiveProgress = Callable[[str, int, int], None]
"""Called with "tables", the number of tables done and of all."""

FORMAT = 1
MANIFEST = "manifest.json"
LEFT_OUT = (
    *("live_pools", "live_workers", "no_token_changes"),
    *("service_leases", "service_limits", "service_marks"),
    *("alerts", "alert_channels", "work_counters", "disk_samples"),
)
"""Signs of life of running processes, notes of this machine, and how it stands."""

NETWORKS = "road_networks"

BESIDE_NETWORKS = {"mode_maps": mode_map_folder, "base_maps": base_map_folder}
"""What belongs to a road network and is kept beside it: the folder of each kind, by version."""

FOLDERS = ("networks", *BESIDE_NETWORKS)
"""Kinds of folders in a backup."""

SAME_DATE = (1980, 1, 1, 0, 0, 0)
"""Date of every member: equal stores give equal files."""


@dataclass(slots=True)
class ArchiveReport:
    """The counts of a backup or a restore: rows by table, files by road network."""

    path: Path
    rows: dict[str, int] = field(default_factory=dict)
    networks: dict[str, int] = field(default_factory=dict)


def backup(
    context: Context,
    path: Path,
    *,
    with_networks: bool = True,
    progress: ArchiveProgress | None = None,
) -> ArchiveReport:
    """Write a consistent backup to `path`; other processes go on working meanwhile.

    The file is there whole or not at all, and only its owner may read it.

    Args:
        context: the store and settings.
        path: the file to write.
        with_networks: include the road networks in use.
        progress: called with "tables", the number of tables done and of all.

    Raises:
        SettingsError: the file cannot be written, or a road network's files are gone.
    """
    report = ArchiveReport(path)
    with (
        chosen_file(path, private=True, durable=True) as file,
        zipfile.ZipFile(file, "w", allowZip64=True) as archive,
    ):
        with context.store.read() as connection:
            for done, table in enumerate(tables(), 1):
                report.rows[table] = _write_table(connection, table, archive)
                if progress:
                    progress("tables", done, len(tables()))
            home = context.settings.home
            folders = _network_folders(connection, home) if with_networks else []
            beside = _folders_beside(connection, home) if with_networks else {}
        for folder in folders:
            report.networks[folder.name] = _write_folder(archive, "networks", folder)
        maps = {
            kind: {one.name: _write_folder(archive, kind, one) for one in beside.get(kind, ())}
            for kind in BESIDE_NETWORKS
        }
        manifest = {
            "format": FORMAT,
            "schema": SCHEMA_VERSION,
            "tables": report.rows,
            "networks": report.networks,
            **maps,
        }
        archive.writestr(_member(MANIFEST), json.dumps(manifest, indent=2) + "\n")
    return report


def tables() -> list[str]:
    """The tables of a backup, in the order in which they are written."""
    return [name for name in table_names() if name not in LEFT_OUT]


def _write_table(connection: Connection, table: str, archive: zipfile.ZipFile) -> int:
    count = 0
    member = archive.open(_member(f"{table}.parquet"), "w", force_zip64=True)
    with member, pq.ParquetWriter(member, arrow_schema(table), compression="zstd") as writer:
        for batch in read_batches(connection, table):
            writer.write_batch(_by_name(batch) if table == NETWORKS else batch)
            count += batch.num_rows
    return count


def _by_name(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Road networks with the names of their folders only, as their path will differ."""
    index = batch.schema.get_field_index("folder")
    names = [Path(folder).name for folder in batch.column(index).to_pylist()]
    return batch.set_column(index, "folder", pa.array(names, pa.string()))


def _network_folders(connection: Connection, home: Path) -> list[Path]:
    folders = sorted({one.located(home) for one in networks.read_networks(connection)})
    for folder in folders:
        if not folder.is_dir():
            raise SettingsError(
                f"the road network in {folder} is gone: build it again, or leave networks out "
                "with --no-networks"
            )
    return folders


def _folders_beside(connection: Connection, home: Path) -> dict[str, list[Path]]:
    """What belongs to the networks in use, by kind; old networks lack some of it."""
    versions = networks.all_versions(connection)
    found = {}
    for kind, folder_of in BESIDE_NETWORKS.items():
        folders = [folder_of(home, version) for version in versions]
        found[kind] = [folder for folder in folders if folder.is_dir()]
    return found


def _write_folder(archive: zipfile.ZipFile, kind: str, folder: Path) -> int:
    paths = sorted(folder.iterdir())
    for path in paths:
        member = _member(f"{kind}/{folder.name}/{path.name}", zipfile.ZIP_DEFLATED)
        with path.open("rb") as source, archive.open(member, "w", force_zip64=True) as target:
            shutil.copyfileobj(source, target, 1 << 20)
    return len(paths)


def _member(name: str, compression: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, SAME_DATE)
    info.compress_type = compression  # Parquet is packed already
    info.external_attr = 0o600 << 16
    return info
