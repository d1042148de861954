"""SQLite databases, opened for reading only, and their tables as sheets of text."""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from trackflow.errors import BadInputError
from trackflow.sources.containers.streams import DamagedError
from trackflow.sources.parsing.sheets import Sheet
from trackflow.sources.values import columns
from trackflow.sources.values.columns import Role
from trackflow.sources.values.positions import point_in

DAMAGE = (sqlite3.Error, UnicodeDecodeError)
"""What damage raises: where SQLite's message quotes it, even the message cannot be decoded."""

MAGIC = b"SQLite format 3\x00"
CELL_MAX_BYTES = 16_000_000
"""A row of a few bytes may unfold to a gigabyte (`zeroblob`)."""

_OF_OTHERS = ("sqlite_", "gpkg_", "rtree_", "idx_", "android_metadata")
_WGS84 = 4326
_GEOPACKAGE, _ENVELOPE_BYTES = b"GP", (0, 32, 48, 48, 64)
_HEADER_BYTES = 8
_OF_THE_ROW = {
    "createdat", "created", "creationdate", "updatedat", "updated", "updatetime", "lastupdate",
    "lastupdated", "modified", "modifiedat",
}  # fmt: skip
"""Names of the time at which a row was written, as of places that a person has saved."""


def opened(path: Path, name: str) -> sqlite3.Connection:
    """A database, of which nothing is written.

    Raises:
        BadInputError: it is none.
    """
    wal = path.with_name(path.name + "-wal")
    # Immutable, SQLite writes nothing beside the file; with a log beside it, it has to.
    mode = "mode=ro" if wal.is_file() and wal.stat().st_size else "mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, CELL_MAX_BYTES)
        connection.text_factory = _text
    except DAMAGE as error:
        raise BadInputError(f"{name}: cannot be read as an SQLite database ({error})") from None
    return connection


def sheets_of(connection: sqlite3.Connection, name: str) -> list[Sheet]:
    """The tables with positions and times.

    Places with nothing but the time at which their row was written are no recording where another
    table is one.

    Raises:
        BadInputError: the database is damaged, or its layers are in another projection.
    """
    try:
        layers = _layers(connection, name)
        tables = [
            str(row[0])
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not str(row[0]).startswith(_OF_OTHERS)
        ]
        columns_of = {table: _columns(connection, table) for table in tables}
        names_of = {
            table: tuple("geom" if name == layers.get(table) else name for name in found)
            for table, found in columns_of.items()
        }
    except DAMAGE as error:
        raise BadInputError(f"{name}: cannot be read as an SQLite database ({error})") from None
    dated = {t: names for t, names in names_of.items() if columns.is_dated(columns.find(names))}
    recorded = {t: names for t, names in dated.items() if not _is_of_row(names)} or dated
    return [
        (table, partial(_rows, connection, table, columns_of[table], names))
        for table, names in recorded.items()
    ]


def _columns(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    """The columns that are stored; others are calculated, by whatever the file says."""
    listed = connection.execute(f"PRAGMA table_info({_quoted(table)})")
    return tuple(str(row[1]) for row in listed)


def _is_of_row(names: Sequence[str]) -> bool:
    found = columns.find(names)
    when = found.get(Role.TIME, found.get(Role.DATE))
    return when is not None and columns.plain(names[when]) in _OF_THE_ROW


def _layers(connection: sqlite3.Connection, name: str) -> dict[str, str]:
    """The column of positions of each layer of a GeoPackage; empty for other databases."""
    query = "SELECT 1 FROM sqlite_master WHERE name = 'gpkg_geometry_columns'"
    if connection.execute(query).fetchone() is None:
        return {}
    layers = connection.execute("SELECT table_name, column_name, srs_id FROM gpkg_geometry_columns")
    found = {}
    for table, column, projection in layers:
        if projection != _WGS84:
            raise BadInputError(
                f"{name}: its layer {table!r} is in EPSG:{projection}; export it in longitude and "
                "latitude (EPSG:4326)"
            )
        found[str(table)] = str(column)
    return found


def _rows(
    connection: sqlite3.Connection, table: str, stored: Sequence[str], names: Sequence[str]
) -> Iterator[list[str]]:
    yield list(names)
    try:
        wanted = ", ".join(map(_quoted, stored))
        for row in connection.execute(f"SELECT {wanted} FROM {_quoted(table)}"):
            yield [_cell(value) for value in row]
    except DAMAGE as error:
        raise DamagedError(f"the table cannot be read further ({type(error).__name__})") from None


def _cell(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, bytes):
        return value if isinstance(value, str) else repr(value)
    if value.startswith(_GEOPACKAGE) and len(value) > _HEADER_BYTES:
        kind = value[3] >> 1 & 7
        value = value[_HEADER_BYTES + _ENVELOPE_BYTES[min(kind, 4)] :]
    place = point_in(value)
    if place is None:
        return ""
    lat, lon, height_m = place
    return f"POINT ({lon!r} {lat!r} {'' if height_m != height_m else repr(height_m)})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
