"""Imports that were made, and undoing one of them."""

from trackflow.context import Work
from trackflow.store.intake import imports
from trackflow.store.intake.imports import PastImport, UndoneImport


def past_imports(work: Work) -> list[PastImport]:
    """All imports that can be undone or were, the newest first."""
    with work.store.read() as connection:
        return imports.read_imports(connection)


def undo_import(work: Work, import_id: str) -> UndoneImport:
    """Undo an import, whole or not at all; the next run makes the tracks without it.

    Raises:
        NotFoundError: there is no such import.
    """
    with work.store.write() as connection:
        return imports.undo(connection, import_id.strip().lower(), work.clock())
