"""The tables of stays, places and addresses."""

import sqlalchemy as sa

from trackflow.store.table_base import metadata
from trackflow.store.types import UtcTime

places = sa.Table(
    "places",
    metadata,
    sa.Column("place_id", sa.Uuid, primary_key=True),
    # None: a place of all devices
    sa.Column("device_id", sa.Text),
    sa.Column("name", sa.Text, nullable=False),
    # home, work, customer, race_track or other
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("longitude", sa.Double, nullable=False),
    sa.Column("latitude", sa.Double, nullable=False),
    sa.Column("radius_m", sa.Double, nullable=False),
    # learned, confirmed, rejected or merged
    sa.Column("status", sa.Text, nullable=False),
    # of a learned place, 0 to 1
    sa.Column("confidence", sa.Double),
    sa.Column("merged_into", sa.Uuid),
    sa.Column("changed_by", sa.Text),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Index(None, "device_id"),
)


# What people did to places. Undoing one restores `before`.
place_decisions = sa.Table(
    "place_decisions",
    metadata,
    sa.Column("decision_id", sa.Uuid, primary_key=True),
    sa.Column("place_id", sa.Uuid, nullable=False),
    # None: a place of all devices
    sa.Column("device_id", sa.Text),
    # add, confirm, change, merge or reject
    sa.Column("action", sa.Text, nullable=False),
    # the place before, its columns by name; None where there was none
    sa.Column("before", sa.JSON),
    sa.Column("after", sa.JSON, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("decided_at", UtcTime, nullable=False),
    sa.Column("undone_at", UtcTime),
    sa.Index(None, "place_id"),
)


stays = sa.Table(
    "stays",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("start_time", UtcTime, primary_key=True),
    # None while the device is still there
    sa.Column("end_time", UtcTime),
    sa.Column("longitude", sa.Double, nullable=False),
    sa.Column("latitude", sa.Double, nullable=False),
    # that of `addresses`
    sa.Column("cell", sa.Text, nullable=False),
    # the place visited; None for a stay at no known place
    sa.Column("place_id", sa.Uuid),
    sa.Index(None, "start_time"),
    sa.Index(None, "place_id"),
    sa.Index(None, "cell"),
)


stay_days = sa.Table(
    "stay_days",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    # the generation of the batch whose tracks were read
    sa.Column("generation", sa.BigInteger, nullable=False),
    # version of the code, and hash of the day's stays with their places
    sa.Column("inputs_hash", sa.Text, nullable=False),
)


addresses = sa.Table(
    "addresses",
    metadata,
    # longitude and latitude, rounded
    sa.Column("cell", sa.Text, primary_key=True),
    sa.Column("geocoder", sa.Text, nullable=False),
    # None where the geocoder knows none
    sa.Column("address", sa.Text),
    # None: still to be asked
    sa.Column("found_at", UtcTime),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_try_at", UtcTime),
    sa.Index(None, "next_try_at"),
)
