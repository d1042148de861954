"""The tables of points and of what is made of them. Users see the names and columns.

Lengths are metres unless the name ends in `_mm`: millimetres are whole numbers, so that sums do
not depend on the order of addition. Lines are encoded polylines of precision 5.

`metadata` holds all tables: those of the catalogue and of the service as well.
"""

import sqlalchemy as sa

# imported so that `metadata` holds their tables: a purge or a backup must not leave one out
import trackflow.store.catalogue.tables
import trackflow.store.categories.tables
import trackflow.store.housekeeping.tables
import trackflow.store.meshes.callback_tables
import trackflow.store.meshes.tables
import trackflow.store.mileage.tables
import trackflow.store.places.tables
import trackflow.store.service_tables  # noqa: F401
from trackflow.store.table_base import metadata as metadata
from trackflow.store.types import UtcTime

STAGES = ("segmented", "matched", "tracked")
"""The stages of a batch, in their order; each has a column `<stage>_generation`."""


devices = sa.Table(
    "devices",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("profile", sa.Text, nullable=False, server_default="car"),
    # None for that of TRACKFLOW_TIME_ZONE
    sa.Column("time_zone", sa.Text),
    # the kind of moving object, a name in `tracks.presets`; None for the defaults
    sa.Column("preset", sa.Text),
    sa.Column("thresholds", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("created_at", UtcTime, nullable=False),
    # points before this day are refused, as retention has deleted or frozen earlier days
    sa.Column("kept_from", sa.Date),
    # how people see it; None for the id, a colour by its place, no icon and no group
    sa.Column("name", sa.Text),
    sa.Column("colour", sa.Text),
    sa.Column("icon", sa.Text),
    sa.Column("group_name", sa.Text),
)


receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column(
        "received_seq",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    # the import that it was a part of; None for live reports, the inbox and followed tables
    sa.Column("import_id", sa.Text),
    sa.Index(None, "source", "received_at"),  # when each sender last reported
    sa.Index(
        "ix_receipts_import_id",
        "import_id",
        sqlite_where=sa.text("import_id IS NOT NULL"),  # on PostgreSQL by the migration
    ),
)


imports = sa.Table(
    "imports",
    metadata,
    sa.Column("import_id", sa.Text, primary_key=True),
    sa.Column("imported_at", UtcTime, nullable=False),
    sa.Column("points_added", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("undone_at", UtcTime),
)


import_refusals = sa.Table(
    "import_refusals",
    metadata,
    # rows of the quarantine that were brought by imports only
    sa.Column("content_hash", sa.Text, primary_key=True),
    sa.Column("import_id", sa.Text, primary_key=True),
    sa.Index(None, "import_id"),
)


# On PostgreSQL, in partitions by month: `trackflow.store.months`. To say so here would load
# SQLAlchemy's module for PostgreSQL with every command on SQLite.
gps_points = sa.Table(
    "gps_points",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("recorded_at", UtcTime, primary_key=True),
    sa.Column("longitude", sa.Double, nullable=False),
    sa.Column("latitude", sa.Double, nullable=False),
    sa.Column("altitude_m", sa.Double),
    sa.Column("accuracy_m", sa.Double),
    sa.Column("speed_ms", sa.Double),
    sa.Column("course_deg", sa.Double),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("received_seq", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


# Points, of imports or of other deliveries in conflict with imports, for moments at which another
# point is stored: the best of each position. When an import is undone, the best is stored again.
replaced_points = sa.Table(
    "replaced_points",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("recorded_at", UtcTime, primary_key=True),
    sa.Column("import_id", sa.Text, primary_key=True),  # empty for other deliveries
    sa.Column("longitude", sa.Double, primary_key=True),
    sa.Column("latitude", sa.Double, primary_key=True),
    sa.Column("altitude_m", sa.Double),
    sa.Column("accuracy_m", sa.Double),
    sa.Column("speed_ms", sa.Double),
    sa.Column("course_deg", sa.Double),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("received_seq", sa.BigInteger, nullable=False),
    sa.Index(None, "import_id"),
)


quarantined_points = sa.Table(
    "quarantined_points",
    metadata,
    sa.Column("content_hash", sa.Text, primary_key=True),
    sa.Column("device_id", sa.Text),
    sa.Column("recorded_at", UtcTime),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("raw", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
    # of live input only: the sender, the request without its body, and the body itself where it
    # differs from `raw` in UTF-8
    sa.Column("sender", sa.Text),
    sa.Column("envelope", sa.Text),
    sa.Column("body", sa.LargeBinary),
    sa.Column("size_bytes", sa.Integer, nullable=False, server_default="0"),
    sa.Index(None, "device_id", "recorded_at"),
    sa.Index(None, "sender", "size_bytes"),
    sa.Index(None, "received_at", "reason"),
)


# Points that a person left out: those within all limits that are given. It counts until it is
# restored. `west` is greater than `east` across the antimeridian.
hidings = sa.Table(
    "hidings",
    metadata,
    sa.Column("hiding_id", sa.Uuid, primary_key=True),
    sa.Column("device_id", sa.Text, nullable=False),
    sa.Column("start_time", UtcTime),
    sa.Column("end_time", UtcTime),
    sa.Column("west", sa.Double),
    sa.Column("south", sa.Double),
    sa.Column("east", sa.Double),
    sa.Column("north", sa.Double),
    sa.Column("hidden_by", sa.Text, nullable=False),
    sa.Column("hidden_at", UtcTime, nullable=False),
    sa.Column("restored_by", sa.Text),
    sa.Column("restored_at", UtcTime),
    sa.Index(None, "device_id"),
)


processing_batches = sa.Table(
    "processing_batches",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("status", sa.Text, nullable=False, server_default="pending"),
    sa.Column("generation", sa.BigInteger, nullable=False, server_default="1"),
    *(
        sa.Column(f"{stage}_generation", sa.BigInteger, nullable=False, server_default="0")
        for stage in STAGES
    ),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lease_until", UtcTime),
    sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_try_at", UtcTime),
    sa.Column("pending_since", UtcTime),
    sa.Column("error_message", sa.Text),
    sa.Column("point_count", sa.Integer),
    sa.Column("segment_count", sa.Integer),
    sa.Column("segment_ms", sa.Double),
    sa.Column("match_ms", sa.Double),
    sa.Column("track_ms", sa.Double),
    # the versions of the road networks that its lines were matched on, with spaces between them,
    # and - for lines that no network covers; empty for matching switched off, None before they are
    # made
    sa.Column("matched_on", sa.Text),
    # around all points that matching has read, in degrees; None if an older trackflow has matched
    sa.Column("seen_west", sa.Double),
    sa.Column("seen_south", sa.Double),
    sa.Column("seen_east", sa.Double),
    sa.Column("seen_north", sa.Double),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.CheckConstraint(
        "status IN ('pending', 'processing', 'completed', 'failed')", name="known_status"
    ),
    sa.Index(None, "status", "day"),
    sa.Index(None, "day"),
)


segments = sa.Table(
    "segments",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("start_time", UtcTime, primary_key=True),
    sa.Column("end_time", UtcTime, nullable=False),
    sa.Column("began", sa.Text, nullable=False),
    sa.Column("ended", sa.Text, nullable=False),
    sa.Column("point_count", sa.Integer, nullable=False),
    sa.Column("distance_mm", sa.BigInteger, nullable=False),
    sa.Column("link_mm", sa.BigInteger, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("points", sa.LargeBinary, nullable=False),
    sa.Index(None, "day"),
)


cached_polylines = sa.Table(
    "cached_polylines",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("start_time", UtcTime, primary_key=True),
    sa.Column("end_time", UtcTime, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("encoded_polyline", sa.Text, nullable=False),
    sa.Column("is_raw", sa.Boolean, nullable=False),
    sa.Column("confidence", sa.Double),
    sa.Column("against_oneway", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("matched_share", sa.Double, nullable=False),
    sa.Column("point_count", sa.Integer, nullable=False),
    sa.Column("source_coordinates_count", sa.Integer, nullable=False),
    sa.Column("processing_duration_ms", sa.Double, nullable=False),
    sa.Column("input_hash", sa.Text, nullable=False),
    sa.Column("match", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("last_accessed", UtcTime),
    sa.Index(None, "day"),
)


tracks = sa.Table(
    "tracks",
    metadata,
    sa.Column("track_id", sa.Uuid, primary_key=True),
    sa.Column("device_id", sa.Text, nullable=False),
    sa.Column("start_time", UtcTime, nullable=False),
    sa.Column("end_time", UtcTime, nullable=False),
    sa.Column("began", sa.Text, nullable=False),
    sa.Column("ended", sa.Text, nullable=False),
    # the best estimate: on roads where it is matched, else along points thinned to their noise
    sa.Column("distance_m", sa.Double, nullable=False),
    # the sum of the steps between its points
    sa.Column("raw_distance_m", sa.Double, nullable=False, server_default="0"),
    sa.Column("unobserved_m", sa.Double, nullable=False, server_default="0"),
    # millimetres of `distance_m` in each quarter of an hour of UTC that it touches, with commas;
    # None in a track of an older version
    sa.Column("quarters_mm", sa.Text),
    sa.Column("duration_s", sa.Double, nullable=False),
    sa.Column("average_speed_kmh", sa.Double, nullable=False),
    sa.Column("max_speed_kmh", sa.Double, nullable=False),
    # these five are None in a track of an older version; the last two where heights are not known
    sa.Column("fastest_at", UtcTime),
    sa.Column("idle_ms", sa.BigInteger),
    sa.Column("quarters_idle_ms", sa.Text),
    sa.Column("climb_cm", sa.BigInteger),
    sa.Column("quarters_climb_cm", sa.Text),
    sa.Column("point_count", sa.Integer, nullable=False),
    sa.Column("segment_count", sa.Integer, nullable=False),
    sa.Column("raw_polyline", sa.Text, nullable=False),
    sa.Column("matched_polyline", sa.Text, nullable=False),
    sa.Column("matched_share", sa.Double, nullable=False),
    sa.Column("confidence", sa.Double),
    sa.Column("west", sa.Double, nullable=False),
    sa.Column("south", sa.Double, nullable=False),
    sa.Column("east", sa.Double, nullable=False),
    sa.Column("north", sa.Double, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.UniqueConstraint("device_id", "start_time"),
    # with all that sums over tracks are made of, so that they need not read the lines
    sa.Index(
        "ix_tracks_sums",
        "start_time",
        "device_id",
        "end_time",
        "distance_m",
        "max_speed_kmh",
        "idle_ms",
        "climb_cm",
    ),
    sa.Index(None, "duration_s"),
)


track_overviews = sa.Table(
    "track_overviews",
    metadata,
    sa.Column("track_id", sa.Uuid, primary_key=True),
    sa.Column("device_id", sa.Text, nullable=False),
    sa.Column("start_time", UtcTime, nullable=False),
    sa.Column("end_time", UtcTime, nullable=False),
    sa.Column("west", sa.Double, nullable=False),
    sa.Column("south", sa.Double, nullable=False),
    sa.Column("east", sa.Double, nullable=False),
    sa.Column("north", sa.Double, nullable=False),
    # the matched line with few vertices: maps of years read no more than that
    sa.Column("line", sa.LargeBinary, nullable=False),
    # of 32 bits, by content: the sum over some tracks changes when one of them does
    sa.Column("mark", sa.BigInteger, nullable=False),
    sa.Index(None, "start_time"),
    sa.Index(None, "device_id", "start_time"),
)


track_aliases = sa.Table(
    "track_aliases",
    metadata,
    sa.Column("alias_id", sa.Uuid, primary_key=True),
    sa.Column("device_id", sa.Text, nullable=False, server_default=sa.text("''")),
    # of the track that had this id last; None once retention has deleted it
    sa.Column("start_time", UtcTime),
    sa.Column("end_time", UtcTime),
    # only while a backup of schema 0004 is restored: the track that the id referred to
    sa.Column("track_id", sa.Uuid),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Index(None, "device_id"),
)


track_notes = sa.Table(
    "track_notes",
    metadata,
    sa.Column("note_id", sa.Uuid, primary_key=True),
    sa.Column("device_id", sa.Text, nullable=False),
    # of the track when it was named; it belongs to the track that holds the middle
    sa.Column("start_time", UtcTime, nullable=False),
    sa.Column("end_time", UtcTime, nullable=False),
    sa.Column("name", sa.Text),
    sa.Column("note", sa.Text),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("decided_at", UtcTime, nullable=False),
    sa.Column("undone_at", UtcTime),
    sa.Index(None, "device_id", "start_time"),
)


day_ledgers = sa.Table(
    "day_ledgers",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("track", sa.Integer, nullable=False),
    sa.Column("short", sa.Integer, nullable=False),
    sa.Column("stop", sa.Integer, nullable=False),
    sa.Column("excursion", sa.Integer, nullable=False, server_default="0"),
    sa.Column("mixed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("spike", sa.Integer, nullable=False),
    sa.Column("inaccurate", sa.Integer, nullable=False),
    sa.Column("duplicate", sa.Integer, nullable=False),
    sa.Column("lone", sa.Integer, nullable=False),
    sa.Column("hidden", sa.Integer, nullable=False, server_default="0"),
    sa.Index(None, "day"),
)


road_networks = sa.Table(
    "road_networks",
    metadata,
    sa.Column("profile", sa.Text, primary_key=True),
    # of its extract; of two with one name, the later takes the place of the earlier
    sa.Column("name", sa.Text, primary_key=True, server_default=sa.text("''")),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("source_name", sa.Text, nullable=False),
    sa.Column("west", sa.Double),
    sa.Column("south", sa.Double),
    sa.Column("east", sa.Double),
    sa.Column("north", sa.Double),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("built_at", UtcTime, nullable=False),
    # the cells with roads, packed, and their size; None where an older trackflow has built it
    sa.Column("coverage", sa.LargeBinary),
    sa.Column("area_km2", sa.Double),
)
