"""Undoes a sync of the catalogue: every row gets its earlier values back, to the microsecond."""

import uuid

from trackflow.context import Context
from trackflow.errors import BadInputError, NotFoundError
from trackflow.store.catalogue import change_log, syncs
from trackflow.store.catalogue import tracks as stored_tracks


def undo(context: Context, sync_id: uuid.UUID) -> int:
    """Undo a sync's changes; returns the number of restored rows.

    Raises:
        NotFoundError: there is no such sync.
        BadInputError: it has changed nothing, was undone before or is too long ago, or a later sync
            has changed the same rows and was not undone.
    """
    with context.store.write() as connection:
        sync = syncs.read_sync(connection, sync_id)
        syncs.lock_source(connection, sync.source)
        sync = syncs.read_sync(connection, sync_id)
        if sync.undone_at is not None:
            raise BadInputError(f"the sync {sync_id} was undone before, at {sync.undone_at}")
        if sync.outcome != "completed":
            raise BadInputError(f"the sync {sync_id} is {sync.outcome}: there is nothing to undo")
        if not syncs.is_undoable(connection, sync):
            raise BadInputError(
                f"the sync {sync_id} is too long ago: only the last {syncs.UNDOABLE} of a source "
                "can be undone"
            )
        later = syncs.later_syncs_of_same_rows(connection, sync)
        if later:
            names = ", ".join(str(other.sync_id) for other in later)
            raise BadInputError(
                f"later syncs have changed the same tracks; undo these first: {names}"
            )
        changes = change_log.read_changes(connection, sync_id)
        rows = stored_tracks.read_rows(connection, sync.source)
        others = [c.slug for c in changes if rows.get(c.slug) != c.after]
        if others:
            raise BadInputError(
                f"{len(others)} tracks were changed by other means since, such as {others[0]}: "
                "nothing is undone"
            )
        added = [c.slug for c in changes if c.before is None]
        stored_tracks.delete_rows(connection, sync.source, added)
        before = [c.before for c in changes if c.before is not None]
        stored_tracks.write_rows(connection, sync.source, before)
        syncs.mark_undone(connection, sync_id, context.clock())
    return len(changes)


def last_to_undo(context: Context, source: str) -> uuid.UUID:
    """The last sync of a source that has changed something and was not undone.

    Raises:
        NotFoundError: there is none.
    """
    with context.store.read() as connection:
        found = syncs.last_applied(connection, source)
    if found is None:
        raise NotFoundError(f"no sync of {source} has changed anything that is not undone")
    return found.sync_id
