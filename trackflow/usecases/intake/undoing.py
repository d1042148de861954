"""Past imports, and undoing one of them."""

from trackflow.context import Context
from trackflow.store.intake import imports
from trackflow.store.intake.imports import PastImport as PastImport
from trackflow.store.intake.imports import UndoneImport as UndoneImport

__all__ = ["PastImport", "UndoneImport", "past_imports", "undo_import"]


def past_imports(context: Context) -> list[PastImport]:
    """All imports that can be undone or were, the newest first."""
    with context.store.read() as connection:
        return imports.read_imports(connection)


def undo_import(context: Context, import_id: str) -> UndoneImport:
    """Undo an import, whole or not at all; the next run makes the tracks without it.

    Raises:
        NotFoundError: there is no such import.
    """
    with context.store.write() as connection:
        return imports.undo(connection, import_id.strip().lower(), context.clock())
