"""Since when books have known of trips."""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.mileage.open_times import Sighting, Span, without_trips
from trackflow.store.dialects import insert_into
from trackflow.store.mileage.tables import logbook_entries, logbook_sightings

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
    trips: dict[str, list[Span]] = {}
    for vehicle_id, *span in connection.execute(sa.select(e.vehicle_id, e.start_time, e.end_time)):
        trips.setdefault(vehicle_id, []).append((span[0], span[1]))
    seen: dict[str, list[Sighting]] = {}
    for vehicle_id, *row in connection.execute(sa.select(logbook_sightings)):
        seen.setdefault(vehicle_id, []).append(Sighting(*row))
    forgotten = [
        {"vehicle": vehicle_id, "start": one.start, "end": one.end}
        for vehicle_id, of_vehicle in seen.items()
        for one in without_trips(of_vehicle, trips.get(vehicle_id, []))
    ]
    if forgotten:
        same = (
            s.vehicle_id == sa.bindparam("vehicle"),
            s.start_time == sa.bindparam("start"),
            s.end_time == sa.bindparam("end"),
        )
        connection.execute(sa.delete(logbook_sightings).where(*same), forgotten)
