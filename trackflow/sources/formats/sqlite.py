"""Reads SQLite databases of apps, and GeoPackages: each table that has positions and times.

A table goes the way of CSV, so its columns are named as those of text tables are. Home Assistant's
recorder, whose positions lie in attributes, has a reader of its own.
"""

from collections.abc import Iterator

from trackflow.sources.containers.spooling import on_disk
from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.sheets import read_sheets
from trackflow.sources.parsing.sqlite_files import MAGIC, opened, sheets_of
from trackflow.sources.records import Chunk
from trackflow.sources.values.columns import NoPositionsError


def read_sqlite(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
) -> Iterator[Chunk]:
    """The points of a database, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of all rows, also where they name another.
        fallback_device: the device of rows without a column for it, with the table's name behind
            it where there are several tables.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.

    Raises:
        BadInputError: it is damaged, or no table has a position and a time.
    """
    with on_disk(stream) as path:
        connection = opened(path, stream.name)
        try:
            sheets = sheets_of(connection, stream.name)
            if not sheets:
                raise NoPositionsError(
                    f"{stream.name}: has no table with positions and times under names that are "
                    "known; export the table that has them as CSV"
                )
            yield from read_sheets(stream, sheets, (device_id, fallback_device), now_us, options)
        finally:
            connection.close()


def _recognise(head: Head) -> int | None:
    return Surety.MAGIC + 2 if head.data.startswith(MAGIC) else None


FORMAT = FileFormat(
    name="sqlite",
    label="SQLite",
    recognise=_recognise,
    read=read_sqlite,
    is_binary=True,
)
