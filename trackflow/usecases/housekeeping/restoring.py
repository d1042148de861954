"""Restores a backup: all of it in one transaction, or one clear error and nothing changed.

The file may be damaged or forged, so all of it is checked. Its members are those of the manifest,
unpack to no more than a backup can hold, and their rows pass the checks of `restored_rows`.
"""

import json
import lzma
import re
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trackflow.context import Context
from trackflow.errors import BadInputError, SettingsError
from trackflow.files import make_home
from trackflow.geo.time import to_us
from trackflow.store.access import no_token
from trackflow.store.database import Connection
from trackflow.store.days import overviews
from trackflow.store.days.recutting import (
    PRESENT_RULES,
    TRUE_MOVEMENT,
    mark_all,
    mark_for_recutting,
)
from trackflow.store.days.track_ids import complete_aliases
from trackflow.store.housekeeping.renewing import (
    ONE_DISTANCE,
    OPEN_TRIPS,
    OVERVIEWS,
    SENDERS_NAMED,
    WHOLE_OVERVIEWS,
    keep_distances,
    keep_open_times,
    name_senders,
)
from trackflow.store.housekeeping.restored_rows import admitted, check_columns
from trackflow.store.housekeeping.rows import (
    ROWS,
    has_unknown_devices,
    is_empty,
    move_sequences,
    write_batch,
)
from trackflow.store.migrations import SCHEMA_VERSION
from trackflow.store.roads import networks
from trackflow.usecases.housekeeping.archive import (
    FOLDERS,
    FORMAT,
    MANIFEST,
    ArchiveProgress,
    ArchiveReport,
    tables,
)


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """How large the members of a backup may become.

    Attributes:
        ratio: largest ratio of unpacked to packed size; roads and tables have about 5.
        allowance_bytes: allowed beside it for any file: small and uniform data packs to next to
            nothing.
    """

    ratio: int = 200
    allowance_bytes: int = 64 << 20

    def most_bytes(self, packed_bytes: int) -> int:
        """Of what is unpacked from so many bytes."""
        return self.ratio * packed_bytes + self.allowance_bytes


USUAL_LIMITS = UnpackLimits()


MOST_MANIFEST_BYTES = 1 << 20
MOST_ROWS = 50_000

OF_DEVICES = (
    "gps_points",
    "processing_batches",
    "segments",
    "cached_polylines",
    "day_ledgers",
    "tracks",
)
"""Tables whose rows are of a device that is known."""

FOLDER_NAME = re.compile(r"(?!\.)[^/\\\0]{1,200}")
"""A folder among those of its kind, and nothing above or below."""

DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    pa.ArrowException,
    EOFError,
    NotImplementedError,  # a way of packing that zipfile does not know
    RuntimeError,  # encrypted, or JSON that is nested too deeply
    MemoryError,
    OverflowError,
    ValueError,
)
"""Errors of zipfile, pyarrow and json on reading a file that is no backup."""


def restore(
    context: Context,
    path: Path,
    *,
    progress: ArchiveProgress | None = None,
    limits: UnpackLimits = USUAL_LIMITS,
) -> ArchiveReport:
    """Read a backup into this store, which must be empty: all of it, or nothing.

    Args:
        context: the store and settings.
        path: the file.
        progress: called with "tables", the number of tables done and of all.
        limits: on the size of what is unpacked.

    Raises:
        SettingsError: the store is not empty, or a newer trackflow has written the file.
        BadInputError: the file is not a whole backup, or holds members that no backup has.
        StoreUnavailableError: the database is away or takes no writes.
    """
    report = ArchiveReport(path)
    home = context.settings.home.absolute()
    make_home(home)
    with _opened(path) as archive, tempfile.TemporaryDirectory(dir=home, prefix=".restore-") as tmp:
        _check_members(archive, path, home, limits)
        manifest = _manifest(archive)
        with (
            _new_folders(archive, "networks", manifest["networks"], home, Path(tmp)) as names,
            _new_folders(archive, "mode_maps", manifest["mode_maps"], home, Path(tmp)),
            _new_folders(archive, "base_maps", manifest["base_maps"], home, Path(tmp)),
            context.store.write() as connection,
        ):
            _check_empty(connection, context)
            now_us = to_us(context.clock())
            for done, table in enumerate(tables(), 1):
                expected = manifest["tables"].get(table, 0)
                if table == OVERVIEWS and manifest["schema"] < WHOLE_OVERVIEWS:
                    continue  # made anew below
                _read_table(connection, table, archive, Path(tmp), expected, now_us, limits)
                report.rows[table] = expected
                if progress:
                    progress("tables", done, len(tables()))
            # a backup from before the first token must not allow access without one
            no_token.switch_off(connection, "restored from a backup", context.clock())
            _place_networks(connection)
            _check_devices(connection)
            complete_aliases(connection)
            overviews.fill_missing(connection)
            if manifest["schema"] < ONE_DISTANCE:
                keep_distances(connection)
            if manifest["schema"] < TRUE_MOVEMENT:
                mark_for_recutting(connection, context.clock())
            if manifest["schema"] < PRESENT_RULES:
                mark_all(connection, context.clock())
            if manifest["schema"] < SENDERS_NAMED:
                name_senders(connection)
            if manifest["schema"] < OPEN_TRIPS:
                keep_open_times(connection)
        report.networks = {name: manifest["networks"][name] for name in names}
    return report


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the file; any fault of it or of its members raises one line."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}; nothing was restored") from None
    except DAMAGE as error:
        raise BadInputError(
            f"{path} is not a whole backup: {_first_line(error)}; nothing was restored"
        ) from None
    except OSError as error:
        raise BadInputError(f"{path}: {(error.strerror or _first_line(error)).lower()}") from None


def _check_members(archive: zipfile.ZipFile, path: Path, home: Path, limits: UnpackLimits) -> None:
    """Check that each member exists once, and that the disk has room for all.

    Args:
        archive: the backup.
        path: its file.
        home: where it is unpacked.
        limits: on the size of what is unpacked.

    Raises:
        BadInputError: they would unpack to more than a backup of this size can hold.
        SettingsError: there is not enough room.
    """
    members = archive.infolist()
    ((name, count),) = Counter(m.filename for m in members).most_common(1) or [("", 0)]
    if count > 1:
        raise BadInputError(f"it has {name} {count} times")
    unpacked, size = sum(m.file_size for m in members), path.stat().st_size
    if unpacked > limits.most_bytes(size):
        raise BadInputError(f"its {size:,} bytes would become {unpacked:,}, as in no backup")
    if unpacked > shutil.disk_usage(home).free:
        raise SettingsError(f"{path} needs {unpacked:,} bytes to unpack, and {home} has less room")


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    """The manifest of the file.

    Raises:
        BadInputError: the manifest makes no sense.
        SettingsError: a newer trackflow has written it.
    """
    found = _loaded(archive)
    version, schema = found.get("format"), found.get("schema")
    folders = [found.setdefault(kind, {}) for kind in FOLDERS]
    counts = [found.get("tables"), *folders]
    if (
        not isinstance(version, int)
        or not (isinstance(schema, str) and re.fullmatch(r"\d{4}", schema, re.ASCII))
        or not all(map(_are_counts, counts))
    ):
        raise BadInputError("it is a zip, but no backup of trackflow")
    if version > FORMAT or schema > SCHEMA_VERSION:
        raise SettingsError(
            f"a newer trackflow has written {archive.filename} (schema {schema}, this one knows "
            f"{SCHEMA_VERSION}): update trackflow"
        )
    return found


def _loaded(archive: zipfile.ZipFile) -> dict[str, Any]:
    if MANIFEST not in archive.namelist():
        raise BadInputError("it is a zip, but no backup of trackflow")
    if archive.getinfo(MANIFEST).file_size > MOST_MANIFEST_BYTES:
        raise BadInputError(f"its {MANIFEST} is too large")
    found = json.loads(archive.read(MANIFEST))
    return found if isinstance(found, dict) else {}


def _are_counts(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(count, int) and not isinstance(count, bool) and count >= 0
        for count in value.values()
    )


def _read_table(
    connection: Connection,
    table: str,
    archive: zipfile.ZipFile,
    tmp: Path,
    expected: int,
    now_us: int,
    limits: UnpackLimits,
) -> None:
    """Insert a table's rows. A table that an older trackflow did not have stays empty.

    Args:
        connection: of the store.
        table: which one.
        archive: the backup.
        tmp: a folder for the unpacked file.
        expected: the number of rows in the manifest.
        now_us: the time, in microseconds since 1970.
        limits: on the size of what is unpacked.

    Raises:
        BadInputError: rows are missing, double or make no sense.
    """
    name = f"{table}.parquet"
    if name not in archive.namelist():
        if expected:
            raise BadInputError(f"rows of {table} are missing")
        return
    # reading Parquet jumps to and fro; unpacking it first also checks every byte of it
    unpacked = tmp / name
    _unpack(archive, name, unpacked)
    with pq.ParquetFile(unpacked) as file:
        _check_table(table, file, expected, limits.most_bytes(unpacked.stat().st_size))
        for batch in file.iter_batches(ROWS.get(table, MOST_ROWS)):
            batch.validate(full=True)
            write_batch(connection, table, admitted(table, batch, now_us))
    unpacked.unlink()
    move_sequences(connection, table)


def _check_table(table: str, file: pq.ParquetFile, expected: int, most_bytes: int) -> None:
    check_columns(table, file.schema_arrow)
    if file.metadata.num_rows != expected:
        raise BadInputError(f"rows of {table} are missing, or there are more than it says")
    groups = [file.metadata.row_group(k) for k in range(file.metadata.num_row_groups)]
    if sum(group.total_byte_size for group in groups) > most_bytes:
        raise BadInputError(f"{table} would unpack to more than a backup holds")


def _check_devices(connection: Connection) -> None:
    """Check that every row with a device refers to a known device.

    Raises:
        BadInputError: a device is missing.
    """
    for table in OF_DEVICES:
        if has_unknown_devices(connection, table):
            raise BadInputError(f"{table} has rows of a device that is not there")


@contextmanager
def _new_folders(
    archive: zipfile.ZipFile, kind: str, counts: dict[str, int], home: Path, tmp: Path
) -> Iterator[list[str]]:
    """Put folders of files into the home folder; they are removed if a later step fails.

    Args:
        archive: the backup.
        kind: one of `FOLDERS`.
        counts: the number of files of each folder, by its name.
        home: the home folder.
        tmp: a folder beside it.
    """
    into, new = home / kind, []
    try:
        for name, files in counts.items():
            folder = into / name
            if not FOLDER_NAME.fullmatch(name):
                raise BadInputError(f"a folder of {kind} is called {name[:100]!r}")
            if folder.exists():  # its name has its version: it is the same
                continue
            if _unpack_folder(archive, kind, name, tmp) != files:
                raise BadInputError(f"files of {kind}/{name} are missing")
            into.mkdir(exist_ok=True)
            (tmp / kind / name).rename(folder)
            new.append(folder)
        yield list(counts)
    except BaseException:
        for folder in new:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _unpack_folder(archive: zipfile.ZipFile, kind: str, name: str, tmp: Path) -> int:
    target, count = tmp / kind / name, 0
    target.mkdir(parents=True)
    for member in archive.namelist():
        path = PurePosixPath(member)
        if path.parts[:-1] == (kind, name):
            _unpack(archive, member, target / path.name)
            count += 1
    return count


def _unpack(archive: zipfile.ZipFile, name: str, target: Path) -> None:
    with archive.open(name) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def _place_networks(connection: Connection) -> None:
    """Name the networks and set their folders, relative to the home folder.

    Raises:
        BadInputError: a folder or a coverage makes no sense.
    """
    networks.name_networks(connection)
    for one in networks.read_networks(connection):
        if not FOLDER_NAME.fullmatch(one.folder):
            raise BadInputError(f"a road network lies in {one.folder[:100]!r}")
        networks.move_folder(connection, one, f"networks/{one.folder}")
        try:
            networks.read_candidates(connection, one.profile, {})
        except ValueError:
            raise BadInputError(f"the coverage of the network {one.name[:100]!r} is none") from None


def _check_empty(connection: Connection, context: Context) -> None:
    for table in tables():
        if not is_empty(connection, table):
            where = context.store.url
            raise SettingsError(
                f"{where} is not empty (there are rows in {table}): restore into a new "
                "TRACKFLOW_HOME or an empty TRACKFLOW_DATABASE_URL"
            )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
