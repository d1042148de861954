"""Coordinates of catalogue tracks, and visits there."""

import sqlalchemy as sa

from trackflow.store.tables.base import metadata
from trackflow.store.types import UtcTime

catalogue_places = sa.Table(
    "catalogue_places",
    metadata,
    sa.Column("source", sa.Text, primary_key=True, doc="Name of the source."),
    sa.Column(
        "slug", sa.Text, primary_key=True, doc="The source's own short name of the race track."
    ),
    sa.Column(
        "query",
        sa.Text,
        nullable=False,
        doc="What the geocoder was asked; another address is asked for anew.",
    ),
    sa.Column("geocoder", sa.Text, nullable=False, doc="The geocoder that answered."),
    sa.Column(
        "longitude", sa.Double, doc="Degrees east; none where the geocoder knows no such address."
    ),
    sa.Column(
        "latitude", sa.Double, doc="Degrees north; none where the geocoder knows no such address."
    ),
    sa.Column("located_at", UtcTime, nullable=False, doc="When it answered."),
    info={"doc": "Where a geocoder put the address of a catalogue track."},
)

catalogue_visits = sa.Table(
    "catalogue_visits",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True, doc="The device."),
    sa.Column("start_time", UtcTime, primary_key=True, doc="When the stay began."),
    sa.Column("source", sa.Text, primary_key=True, doc="Name of the source of the race track."),
    sa.Column(
        "slug", sa.Text, primary_key=True, doc="The source's own short name of the race track."
    ),
    sa.Column("end_time", UtcTime, nullable=False, doc="When the stay ended."),
    sa.Index(None, "start_time"),
    info={"doc": "Visits: stays of a device near a catalogue track."},
)

catalogue_visit_days = sa.Table(
    "catalogue_visit_days",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True, doc="The device."),
    sa.Column("day", sa.Date, primary_key=True, doc="The day, UTC."),
    sa.Column(
        "generation",
        sa.BigInteger,
        nullable=False,
        doc="Generation of the batch whose tracks were compared.",
    ),
    sa.Column(
        "places_hash",
        sa.Text,
        nullable=False,
        doc="Hash of the places and limits that they were compared with.",
    ),
    info={
        "doc": "Days of devices whose tracks were compared with the catalogue tracks, so that "
        "nothing is compared twice."
    },
)
