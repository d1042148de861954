"""Road networks, the lines matched on them, and the breakers of services."""

import sqlalchemy as sa

from trackflow.store.tables.base import metadata
from trackflow.store.types import UtcTime

road_networks = sa.Table(
    "road_networks",
    metadata,
    sa.Column("profile", sa.Text, primary_key=True, doc="car, bicycle or foot."),
    sa.Column("version", sa.Text, nullable=False, doc="Hash of extract, profile and engine."),
    sa.Column(
        "folder", sa.Text, nullable=False, doc="Folder of the network's files, below the home."
    ),
    sa.Column(
        "source_name", sa.Text, nullable=False, doc="Name of the extract that it was built from."
    ),
    sa.Column(
        "west",
        sa.Double,
        doc="Western edge of the bounding box, degrees. Above `east` where the box crosses the "
        "antimeridian.",
    ),
    sa.Column("south", sa.Double, doc="Southern edge of the bounding box, degrees."),
    sa.Column("east", sa.Double, doc="Eastern edge of the bounding box, degrees."),
    sa.Column("north", sa.Double, doc="Northern edge of the bounding box, degrees."),
    sa.Column("size_bytes", sa.BigInteger, nullable=False, doc="Size of the network's files."),
    sa.Column("built_at", UtcTime, nullable=False, doc="When it was built."),
    info={"doc": "The road network that each profile is matched on."},
)

cached_polylines = sa.Table(
    "cached_polylines",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True, doc="The device."),
    sa.Column(
        "start_time",
        UtcTime,
        primary_key=True,
        doc="Start of the window, or of the segment within it.",
    ),
    sa.Column(
        "end_time", UtcTime, nullable=False, doc="End of the window, or of the segment within it."
    ),
    sa.Column("day", sa.Date, nullable=False, doc="The day of its segment, UTC."),
    sa.Column(
        "encoded_polyline", sa.Text, nullable=False, doc="The line, encoded with precision 5."
    ),
    sa.Column(
        "is_raw",
        sa.Boolean,
        nullable=False,
        doc="Whether the line follows the points because no road fits.",
    ),
    sa.Column(
        "confidence",
        sa.Double,
        doc="How well the line explains its points, 0 to 1; none where nothing matched.",
    ),
    sa.Column(
        "against_oneway",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        doc="Whether the line goes against a one-way street.",
    ),
    sa.Column(
        "matched_share",
        sa.Double,
        nullable=False,
        doc="Share of the time whose line lies on roads, 0 to 1.",
    ),
    sa.Column("point_count", sa.Integer, nullable=False, doc="Vertices of the line."),
    sa.Column("source_coordinates_count", sa.Integer, nullable=False, doc="Points of the window."),
    sa.Column(
        "processing_duration_ms", sa.Double, nullable=False, doc="Milliseconds that the match took."
    ),
    sa.Column(
        "input_hash",
        sa.Text,
        nullable=False,
        doc="Hash of points, profile, parameters and road network: an unchanged window is not "
        "matched again.",
    ),
    sa.Column("match", sa.LargeBinary, nullable=False, doc="Blob: the match, see below."),
    sa.Column("created_at", UtcTime, nullable=False, doc="When it was matched."),
    sa.Column(
        "last_accessed", UtcTime, doc="When a reader last asked for it, to the day; none if never."
    ),
    sa.Index(None, "day"),
    info={
        "doc": "One line for each window of five minutes in which a device moved: matched to "
        "roads, or raw. It is also the cache of matching."
    },
)

breakers = sa.Table(
    "breakers",
    metadata,
    sa.Column("service", sa.Text, primary_key=True, doc="Name of the service."),
    sa.Column(
        "failures_in_row",
        sa.Integer,
        nullable=False,
        server_default="0",
        doc="Failures since its last success.",
    ),
    sa.Column(
        "open_until", UtcTime, doc="Until when it is asked nothing; none while it is closed."
    ),
    sa.Column(
        "probe_until", UtcTime, doc="Until when one process tries it again, and no other does."
    ),
    sa.Column("last_error", sa.Text, doc="Its last error."),
    sa.Column("updated_at", UtcTime, nullable=False, doc="When the row was last changed."),
    info={
        "doc": "Circuit breakers of services such as a road engine or a geocoder, shared by all "
        "processes."
    },
)
