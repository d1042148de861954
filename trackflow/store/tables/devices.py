"""Devices and what overrides the defaults for each."""

import sqlalchemy as sa

from trackflow.store.tables.base import metadata
from trackflow.store.types import UtcTime

devices = sa.Table(
    "devices",
    metadata,
    sa.Column(
        "device_id", sa.Text, primary_key=True, doc="Name of the device, 1 to 200 characters."
    ),
    sa.Column(
        "profile",
        sa.Text,
        nullable=False,
        server_default="car",
        doc="Which road network its points are matched on: car, bicycle or foot.",
    ),
    sa.Column(
        "time_zone",
        sa.Text,
        doc="Its own time zone, such as Europe/Helsinki; none where TRACKFLOW_TIME_ZONE holds.",
    ),
    sa.Column(
        "preset",
        sa.Text,
        doc="What is tracked, a name in `trackflow.tracks.presets`; none for the defaults.",
    ),
    sa.Column(
        "thresholds",
        sa.JSON,
        nullable=False,
        server_default="{}",
        doc="Its own limits, by their names in `trackflow.tracks.thresholds`.",
    ),
    sa.Column("created_at", UtcTime, nullable=False, doc="When the device was first seen."),
    sa.Column(
        "kept_from",
        sa.Date,
        doc="Retention has deleted or frozen what is older: points before this day are refused.",
    ),
    info={
        "doc": "Devices that sent points or were given settings, with what overrides the defaults."
    },
)
