"""The tables of the logbook.

Entries and amendments of one vehicle form one chain of hashes: its book.
"""

import sqlalchemy as sa

from trackflow.store.table_base import metadata
from trackflow.store.types import UtcTime

vehicles = sa.Table(
    "vehicles",
    metadata,
    sa.Column("vehicle_id", sa.Text, primary_key=True),
    sa.Column("plate", sa.Text),
    # car, van, lorry, motorcycle, bicycle or other
    sa.Column("kind", sa.Text, nullable=False),
    # of its days and months
    sa.Column("time_zone", sa.Text),
    sa.Column("retired_at", UtcTime),
    # trips that ended after this are, if they ended by `closed_until`; None from the beginning
    sa.Column("closed_from", UtcTime),
    # trips that ended by then are in the book, or amendments to it; None before its first closing
    sa.Column("closed_until", UtcTime),
    # number of the last link of its book
    sa.Column("chain_length", sa.BigInteger, nullable=False, server_default="0"),
    # people were reminded of trips that close by then; None before the first reminder
    sa.Column("reminded_until", UtcTime),
    sa.Column("created_at", UtcTime, nullable=False),
)


vehicle_devices = sa.Table(
    "vehicle_devices",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    # None is not possible in a key: the year 1 stands for "always"
    sa.Column("from_time", UtcTime, primary_key=True),
    sa.Column("until_time", UtcTime),
    sa.Column("vehicle_id", sa.Text, nullable=False),
    sa.Index(None, "vehicle_id"),
)


vehicle_drivers = sa.Table(
    "vehicle_drivers",
    metadata,
    sa.Column("vehicle_id", sa.Text, primary_key=True),
    sa.Column("from_time", UtcTime, primary_key=True),
    sa.Column("until_time", UtcTime),
    sa.Column("driver", sa.Text, nullable=False),
)


odometer_readings = sa.Table(
    "odometer_readings",
    metadata,
    sa.Column("reading_id", sa.Uuid, primary_key=True),
    sa.Column("vehicle_id", sa.Text, nullable=False),
    sa.Column("read_at", UtcTime, nullable=False),
    sa.Column("odometer_m", sa.BigInteger, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
    sa.Column("undone_at", UtcTime),
    sa.Index(None, "vehicle_id", "read_at"),
)


mileage_rates = sa.Table(
    "mileage_rates",
    metadata,
    sa.Column("rate_id", sa.Text, primary_key=True),
    sa.Column("valid_from", sa.Date, primary_key=True),
    sa.Column("valid_until", sa.Date),
    # None: of every category, of every kind of vehicle
    sa.Column("category", sa.Text),
    sa.Column("vehicle_kind", sa.Text),
    sa.Column("currency", sa.Text, nullable=False),
    # km or mi
    sa.Column("unit", sa.Text, nullable=False),
    # [[upper limit or null, amount per unit], …], decimals as text; or, where a driver's kilometres
    # in all vehicles count, {"per": "driver", "tiers": that list}
    sa.Column("tiers", sa.JSON, nullable=False),
    # month and day on which the year of the tiers begins, such as 04-06
    sa.Column("year_start", sa.Text, nullable=False, server_default="01-01"),
    sa.Column("source", sa.Text),
)


trip_joins = sa.Table(
    "trip_joins",
    metadata,
    sa.Column("join_id", sa.Uuid, primary_key=True),
    sa.Column("device_id", sa.Text, nullable=False),
    sa.Column("start_time", UtcTime, nullable=False),
    sa.Column("end_time", UtcTime, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("decided_at", UtcTime, nullable=False),
    sa.Column("undone_at", UtcTime),
    sa.Index(None, "device_id", "start_time"),
)


logbook_days = sa.Table(
    "logbook_days",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    # the hash of the day's categories that the book was made from
    sa.Column("inputs_hash", sa.Text, nullable=False),
)


logbook_entries = sa.Table(
    "logbook_entries",
    metadata,
    sa.Column("entry_id", sa.Uuid, primary_key=True),
    sa.Column("vehicle_id", sa.Text, nullable=False),
    # stands for the device; its name would outlive the device's purge
    sa.Column("device_key", sa.Uuid, nullable=False),
    sa.Column("start_time", UtcTime, nullable=False),
    sa.Column("end_time", UtcTime, nullable=False),
    # month of its local start, such as 2026-11
    sa.Column("month", sa.Text, nullable=False),
    # all that the book says about the trip, by name
    sa.Column("content", sa.JSON, nullable=False),
    sa.Column("closes_at", UtcTime, nullable=False),
    # the four below: None while it is open
    sa.Column("closed_at", UtcTime),
    sa.Column("chain_no", sa.BigInteger),
    sa.Column("previous_hash", sa.Text),
    sa.Column("entry_hash", sa.Text),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Index(None, "vehicle_id", "start_time"),
    sa.Index(None, "device_key", "start_time"),
    sa.Index(None, "vehicle_id", "chain_no", unique=True),
    sa.Index(None, "closes_at"),
)


logbook_sightings = sa.Table(
    "logbook_sightings",
    metadata,
    sa.Column("vehicle_id", sa.Text, primary_key=True),
    sa.Column("start_time", UtcTime, primary_key=True),
    sa.Column("end_time", UtcTime, primary_key=True),
    # when the book first had a trip of this time: it is open for some days from then on
    sa.Column("first_seen_at", UtcTime, nullable=False),
)


logbook_amendments = sa.Table(
    "logbook_amendments",
    metadata,
    sa.Column("amendment_id", sa.Uuid, primary_key=True),
    # None: a trip that the closed book lacks
    sa.Column("entry_id", sa.Uuid),
    sa.Column("vehicle_id", sa.Text, nullable=False),
    # month of the trip, such as 2026-11
    sa.Column("month", sa.Text, nullable=False),
    # what changed, by name: old and new value
    sa.Column("changes", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("amended_by", sa.Text, nullable=False),
    sa.Column("amended_at", UtcTime, nullable=False),
    sa.Column("chain_no", sa.BigInteger, nullable=False),
    sa.Column("previous_hash", sa.Text, nullable=False),
    sa.Column("amendment_hash", sa.Text, nullable=False),
    sa.Index(None, "vehicle_id", "month"),
    sa.Index(None, "vehicle_id", "chain_no", unique=True),
    sa.Index(None, "entry_id"),
)
