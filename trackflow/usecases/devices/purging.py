"""Purges a device: every trace of it is deleted, also from the bytes of the database's file."""

from dataclasses import dataclass, field
from pathlib import Path

from trackflow.context import Context
from trackflow.errors import NotFoundError
from trackflow.store.database import Store
from trackflow.store.devices import purging
from trackflow.store.devices.settings import lock_devices
from trackflow.store.housekeeping.deleted_bytes import LeftoverReason, rewrite_file
from trackflow.store.migrations.copies import remove_copies
from trackflow.store.mileage.sightings import forget_sightings
from trackflow.usecases.intake.inbox import folder_of, forgotten
from trackflow.usecases.mileage.entries import EntriesReport, books_of, compare_books

POSTGRESQL_NOTE = (
    "PostgreSQL keeps deleted rows in its files until they are rewritten: `VACUUM FULL` does that "
    "at once, and locks the tables meanwhile. Its write-ahead log and replicas have them longer."
)
BUSY_NOTE = (
    "another process was using the database, so that its file still holds deleted bytes: "
    "purge again when nothing else runs"
)

FULL_NOTE = (
    "there is no room for a second copy of the database, which rewriting its file takes, so that "
    "the file still holds deleted bytes: free some room and purge again"
)


@dataclass(slots=True)
class PurgeReport:
    """The result of deleting a device.

    Attributes:
        rows: deleted or cleared rows by table.
        files: files in the inbox that have points of the device; they would bring it back as soon
            as they change.
        note: what a person still has to do about bytes in the database's files; may be empty.
    """

    device_id: str
    rows: dict[str, int] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    note: str = ""


def purge(context: Context, device_id: str) -> PurgeReport:
    """Delete a device everywhere, in one transaction; neighbours stay as they are.

    This covers its points, its refused input, all rows computed from its points, its settings,
    tokens and jobs, and its name in records of deliveries. Files in the inbox and exports are their
    owner's, and stay. So do closed logbooks of vehicles that it was in, which do not name it: that
    its trips are no longer in the data is an amendment.

    Raises:
        NotFoundError: there is no such device.
    """
    with context.store.write() as connection:
        lock_devices(connection, [device_id])
        if not purging.is_known(connection, device_id):
            raise NotFoundError(
                f"nothing is known of a device {device_id!r}; see `trackflow device list`"
            )
        sources = purging.sources_of(connection, device_id)
        books = books_of(connection, device_id)
        report = PurgeReport(device_id, purging.delete_device(connection, device_id))
        compare_books(context, connection, books, EntriesReport())
        forget_sightings(connection)
        renamed = purging.forget_names(connection, device_id, forgotten)
        report.rows |= {k: report.rows.get(k, 0) + count for k, count in renamed.items()}
    report.files = _files_with(context, sources)
    report.note = erase_deleted(context.store)
    return report


def erase_deleted(store: Store) -> str:
    """Take the bytes of deleted rows out of the database's files, and remove copies of them.

    SQLite only marks them as free; rewriting the file drops them. Needs as much free disk as the
    database is large.

    Returns:
        What a person still has to do; empty if nothing.
    """
    if store.is_postgresql:
        return POSTGRESQL_NOTE
    remove_copies(store.engine)
    leftover = rewrite_file(store)
    if leftover is None:
        return ""
    return FULL_NOTE if leftover is LeftoverReason.FULL else BUSY_NOTE


def _files_with(context: Context, sources: list[str]) -> list[Path]:
    """Files of the inbox, by the source names of stored points."""
    if context.settings.inbox is None or not context.settings.inbox.is_dir():
        return []
    names = {source.partition("/")[0] for source in sources}
    found = (path for path in folder_of(context).rglob("*") if path.name in names)
    return sorted(path for path in found if path.is_file())
