"""Since when books have known of trips."""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.mileage.open_times import Sighting
from trackflow.store.dialects import insert_into
from trackflow.store.mileage.tables import logbook_entries, logbook_sightings, vehicles

OPEN_TRIPS = "0025"
"""The version of the schema from which on books know since when they have known of trips."""

s, e = logbook_sightings.c, logbook_entries.c


def read_sightings(
    connection: Connection, vehicle_id: str, start: dt.datetime, end: dt.datetime
) -> list[Sighting]:
    """What a book has seen of `[start, end]`, by start."""
    query = (
        sa.select(s.start_time, s.end_time, s.first_seen_at)
        .where(s.vehicle_id == vehicle_id, s.start_time <= end, s.end_time >= start)
        .order_by(s.start_time, s.end_time)
    )
    return [Sighting(*row) for row in connection.execute(query)]


def add_sightings(connection: Connection, vehicle_id: str, seen: Sequence[Sighting]) -> None:
    """Note what a book has seen; what it had noted stays, but for an earlier moment."""
    if not seen:
        return
    row = insert_into(connection, logbook_sightings)
    connection.execute(
        row.on_conflict_do_update(
            index_elements=["vehicle_id", "start_time", "end_time"],
            set_={"first_seen_at": row.excluded.first_seen_at},
            where=row.excluded.first_seen_at < s.first_seen_at,
        ),
        [
            {
                "vehicle_id": vehicle_id,
                "start_time": one.start,
                "end_time": one.end,
                "first_seen_at": one.first_seen,
            }
            for one in seen
        ],
    )


def forget_sightings(connection: Connection) -> None:
    """Forget what books have seen, but for the trips that they have: it tells when others drove."""
    kept = sa.exists().where(
        e.vehicle_id == s.vehicle_id, e.start_time <= s.end_time, e.end_time >= s.start_time
    )
    connection.execute(sa.delete(logbook_sightings).where(~kept))


def keep_open_times(connection: Connection) -> None:
    """Let the entries of a backup of an older version close when they would have closed there.

    As migration 0025 does: what is open counts as seen when it ended, and a book is closed from the
    first month that has a closed trip.
    """
    still_open = (
        sa.select(e.vehicle_id, e.start_time, e.end_time, e.end_time.label("first_seen_at"))
        .where(e.closed_at.is_(None))
        .distinct()
    )
    names = [column.name for column in still_open.selected_columns]
    connection.execute(sa.insert(logbook_sightings).from_select(names, still_open))
    months = (
        sa.select(e.vehicle_id, sa.func.min(e.month))
        .where(e.closed_at.is_not(None))
        .group_by(e.vehicle_id)
    )
    for vehicle_id, month in connection.execute(months).all():
        # in some zone the month begins up to 14 hours before that of UTC
        begin = dt.datetime.fromisoformat(f"{month}-01T00:00Z") - dt.timedelta(days=1)
        its_book = sa.update(vehicles).where(vehicles.c.vehicle_id == vehicle_id)
        connection.execute(its_book.values(closed_from=begin))
