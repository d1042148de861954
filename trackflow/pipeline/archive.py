"""The whole store in one file and back: a backup, and the way from SQLite to PostgreSQL or back.

The file is a zip: a Parquet file per table, the road networks in use, and `manifest.json`, which
says by which schema it was written. Equal stores give equal files. Dagster's own records of its
runs are not in it.
"""

import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import BadInputError, SettingsError
from trackflow.pipeline.work import Work
from trackflow.store.migrations import SCHEMA_VERSION
from trackflow.store.networks import located
from trackflow.store.recutting import TRUE_MOVEMENT, cut_anew
from trackflow.store.renewing import ONE_DISTANCE, merge_again
from trackflow.store.rows import arrow_schema, move_sequences, read_batches, write_batch
from trackflow.store.tables import metadata, road_networks
from trackflow.store.track_ids import complete_aliases

type Progress = Callable[[str, int, int], None]
"""Called with "tables", how many are done and how many there are."""

FORMAT = 1
MANIFEST = "manifest.json"
LEFT_OUT = ("live_workers", "service_marks")
"""Heartbeats of processes that run just now, and what this machine has noted for itself."""

SAME_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every member: equal stores give equal files."""


@dataclass(slots=True)
class ArchiveReport:
    """What was written or read: rows by table, files by road network."""

    path: Path
    rows: dict[str, int] = field(default_factory=dict)
    networks: dict[str, int] = field(default_factory=dict)


def backup(
    work: Work, path: Path, *, with_networks: bool = True, progress: Progress | None = None
) -> ArchiveReport:
    """Write everything to `path`, as it was at one moment; others go on working meanwhile.

    The file is there whole or not at all, and only its owner may read it.

    Raises:
        SettingsError: the file cannot be written, or a road network's files are gone.
    """
    report = ArchiveReport(path)
    try:
        with _whole_file(path) as file, zipfile.ZipFile(file, "w", allowZip64=True) as archive:
            with work.store.read() as connection:
                for done, table in enumerate(tables(), 1):
                    report.rows[table.name] = _write_table(connection, table, archive)
                    if progress:
                        progress("tables", done, len(tables()))
                home = work.settings.home
                folders = _network_folders(connection, home) if with_networks else []
            for folder in folders:
                report.networks[folder.name] = _write_network(archive, folder)
            manifest = {
                "format": FORMAT,
                "schema": SCHEMA_VERSION,
                "tables": report.rows,
                "networks": report.networks,
            }
            archive.writestr(_member(MANIFEST), json.dumps(manifest, indent=2) + "\n")
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror or error}") from None
    return report


def restore(work: Work, path: Path, *, progress: Progress | None = None) -> ArchiveReport:
    """Read a backup into this store, which must be empty: all of it, or nothing.

    Raises:
        SettingsError: the store is not empty, or a newer trackflow has written the file.
        BadInputError: the file is not a whole backup.
    """
    report = ArchiveReport(path)
    home = work.settings.home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    with _opened(path) as archive, tempfile.TemporaryDirectory(dir=home, prefix=".restore-") as tmp:
        manifest = _manifest(archive, path)
        with _new_networks(archive, manifest, home, Path(tmp)) as names:
            with work.store.write() as connection:
                _check_empty(connection, work)
                for done, table in enumerate(tables(), 1):
                    count = _read_table(connection, table, archive, Path(tmp))
                    if count != manifest["tables"].get(table.name, 0):
                        raise BadInputError(f"{path}: rows of {table.name} are missing")
                    report.rows[table.name] = count
                    if progress:
                        progress("tables", done, len(tables()))
                _place_networks(connection)
                complete_aliases(connection)
                if manifest["schema"] < ONE_DISTANCE:
                    merge_again(connection, work.clock())
                if manifest["schema"] < TRUE_MOVEMENT:
                    cut_anew(connection, work.clock())
            report.networks = {name: manifest["networks"][name] for name in names}
    return report


def tables() -> list[sa.Table]:
    """The tables of a backup, in the order in which they are written."""
    return [table for table in metadata.sorted_tables if table.name not in LEFT_OUT]


def _write_table(connection: Connection, table: sa.Table, archive: zipfile.ZipFile) -> int:
    count = 0
    member = archive.open(_member(f"{table.name}.parquet"), "w", force_zip64=True)
    with member, pq.ParquetWriter(member, arrow_schema(table), compression="zstd") as writer:
        for batch in read_batches(connection, table):
            writer.write_batch(_by_name(batch) if table is road_networks else batch)
            count += batch.num_rows
    return count


def _by_name(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Road networks with the names of their folders: they will lie elsewhere."""
    index = batch.schema.get_field_index("folder")
    names = [Path(folder).name for folder in batch.column(index).to_pylist()]
    return batch.set_column(index, "folder", pa.array(names, pa.string()))


def _read_table(
    connection: Connection, table: sa.Table, archive: zipfile.ZipFile, tmp: Path
) -> int:
    """Insert a table's rows. A table that an older trackflow did not have stays empty."""
    name = f"{table.name}.parquet"
    if name not in archive.namelist():
        return 0
    # reading Parquet jumps to and fro; unpacking it first also checks every byte of it
    unpacked = tmp / name
    with archive.open(name) as source, unpacked.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    count = 0
    with pq.ParquetFile(unpacked) as file:
        for group in range(file.num_row_groups):
            for batch in file.read_row_group(group).to_batches():
                write_batch(connection, table, batch)
                count += batch.num_rows
    unpacked.unlink()
    move_sequences(connection, table)
    return count


def _network_folders(connection: Connection, home: Path) -> list[Path]:
    c = road_networks.c
    query = sa.select(c.folder, c.profile, c.version).order_by(c.profile)
    folders = [located(*row, home) for row in connection.execute(query)]
    for folder in folders:
        if not folder.is_dir():
            raise SettingsError(
                f"the road network in {folder} is gone: build it again, or leave networks out "
                "with --no-networks"
            )
    return folders


def _write_network(archive: zipfile.ZipFile, folder: Path) -> int:
    paths = sorted(folder.iterdir())
    for path in paths:
        member = _member(f"networks/{folder.name}/{path.name}", zipfile.ZIP_DEFLATED)
        with path.open("rb") as source, archive.open(member, "w", force_zip64=True) as target:
            shutil.copyfileobj(source, target, 1 << 20)
    return len(paths)


@contextmanager
def _new_networks(
    archive: zipfile.ZipFile, manifest: dict[str, Any], home: Path, tmp: Path
) -> Iterator[list[str]]:
    """Put road networks into the home folder; they go again if what follows fails."""
    into, new = home / "networks", []
    try:
        for name, files in manifest["networks"].items():
            folder = into / name
            if PurePosixPath(name).name != name:
                raise BadInputError(f"{archive.filename}: a road network is called {name!r}")
            if folder.exists():  # its name tells its version: it is the same
                continue
            if _unpack_network(archive, name, tmp) != files:
                raise BadInputError(f"{archive.filename}: files of the network {name} are missing")
            into.mkdir(exist_ok=True)
            (tmp / "networks" / name).rename(folder)
            new.append(folder)
        yield list(manifest["networks"])
    except BaseException:
        for folder in new:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _unpack_network(archive: zipfile.ZipFile, name: str, tmp: Path) -> int:
    target, count = tmp / "networks" / name, 0
    target.mkdir(parents=True)
    for member in archive.infolist():
        path = PurePosixPath(member.filename)
        if path.parts[:-1] == ("networks", name):
            with archive.open(member) as source, (target / path.name).open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            count += 1
    return count


def _place_networks(connection: Connection) -> None:
    """Say where the networks lie now, from the home folder on."""
    c = road_networks.c
    for profile, name in connection.execute(sa.select(c.profile, c.folder)).all():
        connection.execute(
            sa.update(road_networks).where(c.profile == profile).values(folder=f"networks/{name}")
        )


def _check_empty(connection: Connection, work: Work) -> None:
    for table in tables():
        if connection.scalar(sa.select(sa.literal(1)).select_from(table).limit(1)):
            where = work.store.engine.url.render_as_string(hide_password=True)
            raise SettingsError(
                f"{where} is not empty (there are rows in {table.name}): restore into a new "
                "TRACKFLOW_HOME or an empty TRACKFLOW_DATABASE_URL"
            )


def _manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(archive.read(MANIFEST))
        version, schema, _ = found["format"], found["schema"], found["tables"] | {}
        found.setdefault("networks", {})
    except (KeyError, ValueError, TypeError):
        raise BadInputError(f"{path} is a zip, but no backup of trackflow") from None
    if version > FORMAT or schema > SCHEMA_VERSION:
        raise SettingsError(
            f"a newer trackflow has written {path} (schema {schema}, this one knows "
            f"{SCHEMA_VERSION}): update trackflow"
        )
    return found


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, pa.ArrowInvalid, EOFError) as error:
        raise BadInputError(f"{path} is not a whole backup: {error}") from None
    except OSError as error:
        raise BadInputError(f"{path}: {(error.strerror or str(error)).lower()}") from None


@contextmanager
def _whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name when it is complete; only its owner may read it."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _member(name: str, compression: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, SAME_DATE)
    info.compress_type = compression  # Parquet is packed already
    info.external_attr = 0o600 << 16
    return info
