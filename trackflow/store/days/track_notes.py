"""Names and notes that people gave to tracks: keyed by device and time, as tracks come and go.

A note belongs to the track of its device that holds the middle of its time: so it stays with a
track whose ends move, and of a track that is cut in two with one of them.
"""

import datetime as dt
import uuid
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.decided import shift_times, undo_row
from trackflow.store.dialects import is_among, listed
from trackflow.store.tables import track_notes, tracks

n = track_notes.c


class TrackTime(Protocol):
    """A track as notes find it: a row with its id, its device, and its time, UTC."""

    @property
    def track_id(self) -> uuid.UUID: ...  # noqa: D102
    @property
    def device_id(self) -> str: ...  # noqa: D102
    @property
    def start_time(self) -> dt.datetime: ...  # noqa: D102
    @property
    def end_time(self) -> dt.datetime: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class TrackNote:
    """A name and a note of a track.

    Attributes:
        note_id: its id.
        device_id: the device.
        start_time: when the track began, UTC.
        end_time: when the track ended, UTC.
        name: None for none.
        note: None for none.
        decided_by: name of the person.
        decided_at: when, UTC.
        undone_at: when another one took its place, UTC; None while it counts.
    """

    note_id: uuid.UUID
    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime
    name: str | None
    note: str | None
    decided_by: str
    decided_at: dt.datetime
    undone_at: dt.datetime | None = None

    @property
    def middle(self) -> dt.datetime:
        """The moment by which it finds its track."""
        return self.start_time + (self.end_time - self.start_time) / 2


_COLUMNS = tuple(n[name] for name in TrackNote.__dataclass_fields__)


def add(connection: Connection, one: TrackNote) -> None:
    """Store a note."""
    names = TrackNote.__dataclass_fields__
    connection.execute(sa.insert(track_notes).values({name: getattr(one, name) for name in names}))


def undo(connection: Connection, note_id: uuid.UUID, now: dt.datetime) -> bool:
    """Let a note count no more; returns whether it counted before."""
    return undo_row(connection, n.note_id, note_id, now)


def of_tracks(
    connection: Connection, some: Sequence[TrackTime]
) -> Mapping[uuid.UUID, list[TrackNote]]:
    """The notes of each of some tracks, the newest last; tracks without any are left out.

    Args:
        connection: to the store.
        some: in any order; those of a device do not overlap.
    """
    if not some:
        return {}
    query = sa.select(*_COLUMNS).where(
        is_among(connection.dialect.name, n.device_id),
        n.start_time <= max(track.end_time for track in some),
        n.end_time >= min(track.start_time for track in some),
        n.undone_at.is_(None),
    )
    ids = sorted({track.device_id for track in some})
    rows = connection.execute(
        query.order_by(n.decided_at, n.note_id), listed(connection, ids)
    ).all()
    by_device: dict[str, list[TrackTime]] = defaultdict(list)
    for track in sorted(some, key=lambda track: track.start_time):
        by_device[track.device_id].append(track)
    found: dict[uuid.UUID, list[TrackNote]] = defaultdict(list)
    for note in (TrackNote(*row) for row in rows):
        own = by_device[note.device_id]
        at = bisect_right(own, note.middle, key=lambda track: track.start_time) - 1
        if at >= 0 and note.middle <= own[at].end_time:
            found[own[at].track_id].append(note)
    return found


def read_all(connection: Connection) -> list[TrackNote]:
    """All notes that count, in no order."""
    return [
        TrackNote(*row)
        for row in connection.execute(sa.select(*_COLUMNS).where(n.undone_at.is_(None)))
    ]


def track_of(connection: Connection, note: TrackNote) -> TrackTime | None:
    """The track that a note belongs to; None if no track has its time any more."""
    t = tracks.c
    query = sa.select(t.track_id, t.device_id, t.start_time, t.end_time).where(
        t.device_id == note.device_id, t.start_time <= note.middle, t.end_time >= note.middle
    )
    found: TrackTime | None = connection.execute(query).first()
    return found


def shift(
    connection: Connection,
    device_id: str,
    between: tuple[dt.datetime, dt.datetime],
    shift_by: dt.timedelta,
) -> None:
    """Move notes in time along with the points that they are about (`shift_times`)."""
    shift_times(connection, n.note_id, device_id, between, shift_by)
