"""What is made by day: batches, segments, tracks and ledgers."""

import sqlalchemy as sa

from trackflow.store.tables.base import metadata
from trackflow.store.types import UtcTime

STAGES = ("segmented", "matched", "tracked")
"""What is done with a batch, in this order; each has a column `<stage>_generation`."""

_MADE_OF = (
    "The generation whose points the segments are made of.",
    "The generation whose segments the cached polylines are made of.",
    "The generation whose segments the tracks are made of.",
)

processing_batches = sa.Table(
    "processing_batches",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True, doc="The device."),
    sa.Column("day", sa.Date, primary_key=True, doc="The day, UTC."),
    sa.Column(
        "status",
        sa.Text,
        nullable=False,
        server_default="pending",
        doc="pending, processing, completed or failed.",
    ),
    sa.Column(
        "generation",
        sa.BigInteger,
        nullable=False,
        server_default="1",
        doc="Grows with each change of the day's points or settings.",
    ),
    *(
        sa.Column(
            f"{stage}_generation", sa.BigInteger, nullable=False, server_default="0", doc=made
        )
        for stage, made in zip(STAGES, _MADE_OF, strict=True)
    ),
    sa.Column(
        "epoch",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        doc="Grows with each claim. A worker publishes only while its epoch is the newest.",
    ),
    sa.Column(
        "lease_until", UtcTime, doc="Until when a worker holds the batch without a sign of life."
    ),
    sa.Column(
        "retry_count",
        sa.Integer,
        nullable=False,
        server_default="0",
        doc="Tries that failed since the batch last succeeded.",
    ),
    sa.Column("next_try_at", UtcTime, doc="Not before this moment is it tried again."),
    sa.Column("pending_since", UtcTime, doc="Since when it waits; measures how late live work is."),
    sa.Column(
        "error_message", sa.Text, doc="The last error, until the stage that failed succeeds."
    ),
    sa.Column(
        "point_count", sa.Integer, doc="Points that were read for the day at the last segmentation."
    ),
    sa.Column("segment_count", sa.Integer, doc="Segments that came of it."),
    sa.Column("segment_ms", sa.Double, doc="Milliseconds that segmentation took."),
    sa.Column("match_ms", sa.Double, doc="Milliseconds that matching took."),
    sa.Column("track_ms", sa.Double, doc="Milliseconds that merging took."),
    sa.Column(
        "matched_on",
        sa.Text,
        doc="Road network that its lines were matched on; empty without one, none before they are "
        "made.",
    ),
    sa.Column("created_at", UtcTime, nullable=False, doc="When the row was made."),
    sa.Column("updated_at", UtcTime, nullable=False, doc="When the row was last changed."),
    sa.CheckConstraint(
        "status IN ('pending', 'processing', 'completed', 'failed')", name="known_status"
    ),
    sa.Index(None, "status", "day"),
    sa.Index(None, "day"),
    info={"doc": "One row for each device and day with points: the state of its work."},
)

segments = sa.Table(
    "segments",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True, doc="The device."),
    sa.Column("day", sa.Date, primary_key=True, doc="The day, UTC."),
    sa.Column("start_time", UtcTime, primary_key=True, doc="Moment of its first point."),
    sa.Column("end_time", UtcTime, nullable=False, doc="Moment of its last point."),
    sa.Column("began", sa.Text, nullable=False, doc="Why it begins: a cut, or open at midnight."),
    sa.Column("ended", sa.Text, nullable=False, doc="Why it ends: a cut, or open at midnight."),
    sa.Column("point_count", sa.Integer, nullable=False, doc="Its points."),
    sa.Column(
        "distance_mm", sa.BigInteger, nullable=False, doc="Length along its points in millimetres."
    ),
    sa.Column(
        "link_mm",
        sa.BigInteger,
        nullable=False,
        doc="Length in millimetres from the last point of the day before, or from where the "
        "device stood unseen before it set out; else 0.",
    ),
    sa.Column(
        "content_hash",
        sa.Text,
        nullable=False,
        doc="Hash of all of it: an unchanged segment is written and matched only once.",
    ),
    sa.Column("points", sa.LargeBinary, nullable=False, doc="Blob: its points, see below."),
    sa.Index(None, "day"),
    info={"doc": "Segments: the parts of tracks that lie in one day."},
)

tracks = sa.Table(
    "tracks",
    metadata,
    sa.Column(
        "track_id", sa.Uuid, primary_key=True, doc="UUIDv5 of the device and the first point."
    ),
    sa.Column("device_id", sa.Text, nullable=False, doc="The device."),
    sa.Column("start_time", UtcTime, nullable=False, doc="Moment of its first point."),
    sa.Column("end_time", UtcTime, nullable=False, doc="Moment of its last point."),
    sa.Column("began", sa.Text, nullable=False, doc="Why it begins."),
    sa.Column("ended", sa.Text, nullable=False, doc="Why it ends."),
    sa.Column(
        "distance_m",
        sa.Double,
        nullable=False,
        doc="Best estimate in metres: on roads where it is matched, else along points thinned to "
        "their noise.",
    ),
    sa.Column(
        "raw_distance_m",
        sa.Double,
        nullable=False,
        server_default="0",
        doc="Sum of the steps between its points in metres.",
    ),
    sa.Column(
        "unobserved_m",
        sa.Double,
        nullable=False,
        server_default="0",
        doc="Metres of steps during which no point was recorded for long.",
    ),
    sa.Column(
        "quarters_mm",
        sa.Text,
        doc="Millimetres of `distance_m` in each quarter of an hour of UTC that it touches, "
        "separated by commas; none in a track of an older version.",
    ),
    sa.Column(
        "duration_s", sa.Double, nullable=False, doc="Seconds from its first to its last point."
    ),
    sa.Column(
        "average_speed_kmh",
        sa.Double,
        nullable=False,
        doc="`distance_m` over `duration_s` in km/h.",
    ),
    sa.Column("max_speed_kmh", sa.Double, nullable=False, doc="Highest believable speed in km/h."),
    sa.Column("point_count", sa.Integer, nullable=False, doc="Its points."),
    sa.Column(
        "segment_count",
        sa.Integer,
        nullable=False,
        doc="Its segments, one for each day that it crosses.",
    ),
    sa.Column(
        "raw_polyline",
        sa.Text,
        nullable=False,
        doc="The line along its points, encoded with precision 5.",
    ),
    sa.Column(
        "matched_polyline",
        sa.Text,
        nullable=False,
        doc="The line on roads, encoded with precision 5; raw where no road fits.",
    ),
    sa.Column(
        "matched_share",
        sa.Double,
        nullable=False,
        doc="Share of its time that lies on roads, 0 to 1.",
    ),
    sa.Column(
        "confidence",
        sa.Double,
        doc="Mean over time of the confidence of its windows; none where nothing matched.",
    ),
    sa.Column(
        "west",
        sa.Double,
        nullable=False,
        doc="Western edge of the bounding box, degrees. Above `east` where the box crosses the "
        "antimeridian.",
    ),
    sa.Column(
        "south", sa.Double, nullable=False, doc="Southern edge of the bounding box, degrees."
    ),
    sa.Column("east", sa.Double, nullable=False, doc="Eastern edge of the bounding box, degrees."),
    sa.Column(
        "north", sa.Double, nullable=False, doc="Northern edge of the bounding box, degrees."
    ),
    sa.Column(
        "content_hash",
        sa.Text,
        nullable=False,
        doc="Hash of its segments: an unchanged track is not written again.",
    ),
    sa.Column("updated_at", UtcTime, nullable=False, doc="When the row was last changed."),
    sa.UniqueConstraint("device_id", "start_time"),
    sa.Index(None, "start_time"),
    sa.Index(None, "duration_s"),
    info={"doc": "Tracks: whole movements between two cuts, however many days they cross."},
)

track_aliases = sa.Table(
    "track_aliases",
    metadata,
    sa.Column("alias_id", sa.Uuid, primary_key=True, doc="The old id."),
    sa.Column(
        "device_id",
        sa.Text,
        nullable=False,
        server_default=sa.text("''"),
        doc="The device; empty where it is not known.",
    ),
    sa.Column(
        "start_time",
        UtcTime,
        doc="Start of the track that had this id last; none once retention has deleted it.",
    ),
    sa.Column(
        "end_time",
        UtcTime,
        doc="End of the track that had this id last; none once retention has deleted it.",
    ),
    sa.Column(
        "track_id",
        sa.Uuid,
        doc="Only while a backup of schema 0004 is restored: the track that the id led to.",
    ),
    sa.Column("created_at", UtcTime, nullable=False, doc="When the row was made."),
    sa.Index(None, "device_id"),
    info={
        "doc": "Ids that tracks had before, so that an old address still leads to a track or says "
        "that it is gone."
    },
)

day_ledgers = sa.Table(
    "day_ledgers",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True, doc="The device."),
    sa.Column("day", sa.Date, primary_key=True, doc="The day, UTC."),
    sa.Column("points", sa.Integer, nullable=False, doc="All points that came in."),
    sa.Column("track", sa.Integer, nullable=False, doc="Points of tracks."),
    sa.Column(
        "short", sa.Integer, nullable=False, doc="Points of tracks that are too short to be kept."
    ),
    sa.Column("stop", sa.Integer, nullable=False, doc="Points of stops."),
    sa.Column(
        "excursion",
        sa.Integer,
        nullable=False,
        server_default="0",
        doc="Points that leave a stay and come back to it without a journey, such as a reflection.",
    ),
    sa.Column(
        "mixed",
        sa.Integer,
        nullable=False,
        server_default="0",
        doc="Points of a second sender under the same id.",
    ),
    sa.Column("spike", sa.Integer, nullable=False, doc="Points that no speed explains."),
    sa.Column(
        "inaccurate", sa.Integer, nullable=False, doc="Points whose claimed accuracy is too large."
    ),
    sa.Column(
        "duplicate",
        sa.Integer,
        nullable=False,
        doc="Points that lost against another one of the same moment.",
    ),
    sa.Column("lone", sa.Integer, nullable=False, doc="Points alone between two cuts."),
    sa.Index(None, "day"),
    info={
        "doc": "How many points of a device and day ended in each class. The classes add up to "
        "`points`."
    },
)
