"""Notes of the files of the inbox: which version of each was imported, with which result."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.service_tables import inbox_files

n = inbox_files.c


@dataclass(frozen=True, slots=True)
class InboxNote:
    """The result of importing a file.

    Attributes:
        path: its path below the inbox, or the stand-in of a purged name.
        size_bytes: its size when it was read.
        modified_at: the time of its last change when it was read, UTC.
        points_added: points that were new.
        refused: points that were refused.
        error: why it could not be read, or not to its end.
    """

    path: str
    size_bytes: int
    modified_at: dt.datetime
    points_added: int
    refused: int
    error: str | None


def read_versions(connection: Connection) -> dict[str, tuple[int, dt.datetime]]:
    """Size and time of the last change of each file that was imported, by its path."""
    rows = connection.execute(sa.select(n.path, n.size_bytes, n.modified_at))
    return {row.path: (row.size_bytes, row.modified_at) for row in rows}


def has_note(connection: Connection, path: str) -> bool:
    """Whether there is a note under this path."""
    return connection.scalar(sa.select(n.path).where(n.path == path)) is not None


def replace_note(
    connection: Connection, old_paths: Sequence[str], note: InboxNote, now: dt.datetime
) -> None:
    """Replace the notes of some paths by a new one.

    Args:
        connection: in a transaction for writing.
        old_paths: paths whose notes are deleted.
        note: the new one.
        now: the time of the import, UTC.
    """
    connection.execute(sa.delete(inbox_files).where(n.path.in_(old_paths)))
    connection.execute(
        sa.insert(inbox_files).values(
            path=note.path,
            size_bytes=note.size_bytes,
            modified_at=note.modified_at,
            points_added=note.points_added,
            refused=note.refused,
            error=note.error,
            imported_at=now,
        )
    )
