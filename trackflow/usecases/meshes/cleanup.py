"""Deletes what meshes leave behind: files of failed ones, old rows, and files that no row names.

A row is deleted first, its files after it: a process that is killed in between leaves files that
no row names, which a later cleanup deletes. A file is deleted in a transaction that keeps others
from publishing, after checking once more that nothing names it.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trackflow.context import Context
from trackflow.errors import MeshStorageError
from trackflow.store.database import Connection
from trackflow.store.meshes import cleaning, meshes, outbox, remote
from trackflow.store.meshes.files import MeshStorage
from trackflow.usecases.days.report import counted
from trackflow.usecases.meshes.tools import storage_of

FAILED_FILES_AGE = dt.timedelta(hours=1)
OLD_MESH_AGE = dt.timedelta(days=7)
ORPHAN_AGE = dt.timedelta(days=1)
"""Younger files may belong to a mesh that is being made and has no row for them yet."""

HALF_WRITTEN_AGE_S = 3600.0


@dataclass(slots=True)
class CleanupReport:
    """What a cleanup deleted, or would delete.

    Attributes:
        is_dry_run: whether nothing was deleted.
        meshes_without_files: failed meshes whose files were deleted.
        failed_meshes: that were deleted.
        retired_meshes: that were deleted.
        files: of the storage that were deleted.
        size_bytes: of these files.
        orphans: of these files, the ones that no row named.
        half_written: files that killed processes had left.
        images: rows of images that are gone.
        problems: files that could not be deleted, with the reason.
    """

    is_dry_run: bool = False
    meshes_without_files: int = 0
    failed_meshes: int = 0
    retired_meshes: int = 0
    files: int = 0
    size_bytes: int = 0
    orphans: int = 0
    half_written: int = 0
    images: int = 0
    problems: list[str] = field(default_factory=list)

    def to_markdown(self) -> str:
        """The report for people."""
        verb = "would be deleted" if self.is_dry_run else "deleted"
        lines = [
            (
                f"- {counted(self.files, 'file')} {verb}, {self.size_bytes:,} bytes; "
                f"{self.orphans:,} of them belonged to nothing"
            ),
            (
                f"- {counted(self.failed_meshes, 'failed mesh', 'failed meshes')} and "
                f"{counted(self.retired_meshes, 'retired mesh', 'retired meshes')} {verb}"
            ),
            f"- {counted(self.meshes_without_files, 'failed mesh', 'failed meshes')}: files {verb}",
            f"- {counted(self.half_written, 'half-written file')} {verb}",
            *(f"- not deleted: {problem}" for problem in self.problems),
        ]
        return "\n".join(lines)


def clean_failed_files(context: Context, *, dry_run: bool = False) -> CleanupReport:
    """Delete the files of meshes that failed more than an hour ago, and half-written files."""
    clean = _Cleanup(context, storage_of(context.settings), CleanupReport(is_dry_run=dry_run))
    clean.failed_files()
    clean.half_written()
    return clean.report


def clean_old_meshes(context: Context, *, dry_run: bool = False) -> CleanupReport:
    """Delete meshes that failed, were cancelled or were retired more than a week ago.

    What callbacks reported before that is deleted too.
    """
    clean = _Cleanup(context, storage_of(context.settings), CleanupReport(is_dry_run=dry_run))
    clean.old_meshes()
    return clean.report


def clean_orphans(context: Context, *, dry_run: bool = False) -> CleanupReport:
    """Delete files of the storage that nothing names and that are older than a day."""
    clean = _Cleanup(context, storage_of(context.settings), CleanupReport(is_dry_run=dry_run))
    clean.orphans()
    return clean.report


def clean_all(context: Context, *, dry_run: bool = False) -> CleanupReport:
    """All of these, one after the other."""
    clean = _Cleanup(context, storage_of(context.settings), CleanupReport(is_dry_run=dry_run))
    clean.failed_files()
    clean.old_meshes()
    clean.orphans()
    clean.half_written()
    return clean.report


@dataclass(slots=True, eq=False)
class _Cleanup:
    """One cleanup."""

    context: Context
    storage: MeshStorage
    report: CleanupReport
    _counted: set[str] = field(default_factory=set)

    def failed_files(self) -> None:
        before = self.context.clock() - FAILED_FILES_AGE
        with self.context.store.read() as connection:
            ids = cleaning.with_useless_files(connection, before)
        self.report.meshes_without_files += len(ids)
        for mesh_id in ids:
            self._of_mesh(mesh_id, lambda connection, one: cleaning.drop_files(connection, one))

    def old_meshes(self) -> None:
        before = self.context.clock() - OLD_MESH_AGE
        with self.context.store.read() as connection:
            old = cleaning.old_meshes(connection, before)
        for mesh_id in (*old.failed, *old.retired):
            self._of_mesh(
                mesh_id, lambda connection, one: cleaning.delete_mesh(connection, one, before)
            )
        self.report.failed_meshes += len(old.failed)
        self.report.retired_meshes += len(old.retired)
        if not self.report.is_dry_run:
            with self.context.store.write() as connection:
                self.report.images += cleaning.delete_old_images(connection, before)
                cleaning.delete_old_batches(connection, before)
                outbox.delete_old(connection, before)
                # messages older than minutes are refused by their time; a service whose clock is
                # behind must not repeat its messages with effect, though
                remote.delete_old(connection, before)

    def orphans(self) -> None:
        before = self.context.clock() - ORPHAN_AGE
        with self.context.store.read() as connection:
            used = cleaning.used_names(connection)
        for file in self.storage.files():
            is_doomed = file.name not in used and file.changed_at < before
            if is_doomed and file.name not in self._counted and self._delete(file.name, before):
                self.report.orphans += 1

    def half_written(self) -> None:
        if not self.report.is_dry_run:
            self.report.half_written += self.storage.delete_half_written(HALF_WRITTEN_AGE_S)

    def _of_mesh(
        self, mesh_id: str, forget: Callable[[Connection, str], Sequence[str] | None]
    ) -> None:
        """Forget the files of a mesh, then delete those that no other mesh names."""
        if self.report.is_dry_run:
            with self.context.store.read() as connection:
                names = [file.stored_name for file in meshes.files_of(connection, mesh_id)]
        else:
            with self.context.store.write() as connection:
                meshes.lock(connection)
                names = list(forget(connection, mesh_id) or ())
        for name in names:
            self._delete(name, None)

    def _delete(self, name: str, before: dt.datetime | None) -> bool:
        """Delete a file that nothing names; one that was written since `before` stays."""
        try:
            if self.report.is_dry_run:
                return self._count(name, self.storage)
            with self.context.store.write() as connection:
                meshes.lock(connection)
                if cleaning.is_used(connection, name):
                    return False
                found = self.storage.find(name)
                if found is None or (before is not None and found.changed_at >= before):
                    return False
                self.storage.delete(name)
        except MeshStorageError as error:
            self.report.problems.append(str(error))
            return False
        self.report.files += 1
        self.report.size_bytes += found.size_bytes
        return True

    def _count(self, name: str, storage: MeshStorage) -> bool:
        """Count what would be deleted; a file once, though several meshes name it."""
        found = storage.find(name)
        if found is None or name in self._counted:
            return False
        self._counted.add(name)
        self.report.files += 1
        self.report.size_bytes += found.size_bytes
        return True
