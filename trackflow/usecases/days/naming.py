"""Names and notes of tracks, which survive every recompute."""

import re
import uuid

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.store.days import track_notes
from trackflow.store.days.track_notes import TrackNote as TrackNote
from trackflow.store.devices.settings import lock_devices
from trackflow.usecases.queries.track_by_id import track_by_id
from trackflow.words import is_seen

__all__ = ["TrackNote", "name_track"]

MOST_NAME_CHARS = 200
MOST_NOTE_CHARS = 4_000


def name_track(
    context: Context, track_id: uuid.UUID, *, name: str | None, note: str | None, decided_by: str
) -> TrackNote:
    """Give a track a name and a note; they take the place of those that it has.

    Args:
        context: the store.
        track_id: the track; former ids lead to it as well.
        name: one line; None or empty for none.
        note: any text; None or empty for none.
        decided_by: name of the person.

    Raises:
        NotFoundError: there is no such track (`GoneError` where there was one).
        BadInputError: a text is too long, or has characters that nobody can see.
    """
    name, note = _checked(name, "name", MOST_NAME_CHARS), _checked(note, "note", MOST_NOTE_CHARS)
    if name is not None and "\n" in name:
        raise BadInputError("a name is one line; write the rest into the note")
    now = context.clock()
    with context.store.write() as connection:
        row = track_by_id(connection, track_id)
        lock_devices(connection, [row.device_id])
        one = TrackNote(
            uuid.uuid4(), row.device_id, row.start_time, row.end_time, name, note, decided_by, now
        )
        for old in track_notes.of_tracks(connection, [row]).get(row.track_id, ()):
            if (old.name, old.note) == (name, note):
                return old
            track_notes.undo(connection, old.note_id, now)
        if name or note:
            track_notes.add(connection, one)
    return one


def _checked(text: str | None, what: str, most: int) -> str | None:
    """A text without white space around it; None for an empty one.

    Raises:
        BadInputError: it is too long, or has characters that nobody can see.
    """
    text = (text or "").strip().replace("\r\n", "\n")
    if len(text) > most:
        raise BadInputError(f"the {what} has {len(text):,} characters, and {most:,} is the most")
    if not all(map(is_seen, re.split("[\n\t]", text))):
        raise BadInputError(f"the {what} has characters that nobody can see")
    return text or None
