"""Adds the values that a backup of an older version lacks, as the migrations do."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.mileage.tables import logbook_entries, logbook_sightings, vehicles
from trackflow.store.tables import devices, quarantined_points, tracks

ONE_DISTANCE = "0006"
"""The schema since which a track has one best distance, and its parts by quarters of an hour."""

SENDERS_NAMED = "0011"
"""The schema since which quarantined live input has its sender and its size."""

OVERVIEWS, WHOLE_OVERVIEWS = "track_overviews", "0024"
"""The table of tracks' overviews, and the schema since which these are whole numbers."""

OPEN_TRIPS = "0025"
"""The schema since which books know since when they have known of trips."""

SENDERS = ("owntracks", "overland", "traccar", "geojson")
"""Those of schema 0010, by the beginning of `source`."""


def keep_distances(connection: Connection) -> None:
    """Fill the distance columns of tracks of older versions.

    Tracks whose points are stored are made again later; the others keep the distance that they had.
    """
    t, d = tracks.c, devices.c
    connection.execute(sa.update(tracks).values(raw_distance_m=t.distance_m))
    # "UTC" was the default of devices without a zone of their own
    connection.execute(sa.update(devices).where(d.time_zone == "UTC").values(time_zone=None))


def name_senders(connection: Connection) -> None:
    """Fill the senders and sizes of quarantined input of older versions."""
    q = quarantined_points.c
    for sender in SENDERS:
        is_senders = sa.or_(q.source == sender, q.source.like(f"{sender}: %"))
        # a point that lost against another one was no error
        was_error = q.reason.not_in(("equal_time", "too_old"))
        connection.execute(
            sa.update(quarantined_points).where(is_senders, was_error).values(sender=sender)
        )
    connection.execute(sa.update(quarantined_points).values(size_bytes=sa.func.length(q.raw)))


def keep_open_times(connection: Connection) -> None:
    """Let the entries of a backup of an older version close when they would have closed there.

    As migration 0025 does: what is open counts as seen when it ended, and a book is closed from the
    first month that has a closed trip.
    """
    e = logbook_entries.c
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
