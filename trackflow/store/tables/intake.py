"""What comes in: receipts, points, what admission refused, and how far each source was read."""

import sqlalchemy as sa

from trackflow.store.tables.base import metadata
from trackflow.store.types import UtcTime

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column(
        "received_seq",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
        doc="Number of the receipt; later ones are higher.",
    ),
    sa.Column("received_at", UtcTime, nullable=False, doc="When it came."),
    sa.Column(
        "source",
        sa.Text,
        nullable=False,
        doc="What brought it: a file's name, the sender of a live report, or a followed table.",
    ),
    sa.Column(
        "import_id",
        sa.Text,
        doc="The import that it is a part of; none for live reports, the inbox and followed "
        "tables.",
    ),
    sa.Index(None, "source", "received_at"),  # when each sender last reported
    sa.Index(
        "ix_receipts_import_id",
        "import_id",
        sqlite_where=sa.text("import_id IS NOT NULL"),  # on PostgreSQL by the migration
    ),
    info={
        "doc": "One row for each import or delivery that stored points, in the order of arrival."
    },
)

imports = sa.Table(
    "imports",
    metadata,
    sa.Column("import_id", sa.Text, primary_key=True, doc="Id that `trackflow import list` shows."),
    sa.Column("imported_at", UtcTime, nullable=False, doc="When it began."),
    sa.Column(
        "points_added",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        doc="Points that it added.",
    ),
    sa.Column("undone_at", UtcTime, doc="When it was undone; none while it counts."),
    info={"doc": "One row for each `trackflow import` that stored something: it can be undone."},
)

import_refusals = sa.Table(
    "import_refusals",
    metadata,
    sa.Column(
        "content_hash",
        sa.Text,
        primary_key=True,
        doc="The quarantined input: key of `quarantined_points`.",
    ),
    sa.Column("import_id", sa.Text, primary_key=True, doc="An import that brought it."),
    sa.Index(None, "import_id"),
    info={
        "doc": "Which imports brought a quarantined input. A row is deleted when its import is "
        "undone."
    },
)

gps_points = sa.Table(
    "gps_points",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True, doc="The device."),
    sa.Column("recorded_at", UtcTime, primary_key=True, doc="The moment of the position."),
    sa.Column("longitude", sa.Double, nullable=False, doc="Degrees east, WGS 84."),
    sa.Column("latitude", sa.Double, nullable=False, doc="Degrees north, WGS 84."),
    sa.Column("altitude_m", sa.Double, doc="Altitude in metres, as the sender counts it."),
    sa.Column(
        "accuracy_m",
        sa.Double,
        doc="Radius in metres that the sender claims; none where it is unknown.",
    ),
    sa.Column("speed_ms", sa.Double, doc="Speed in metres per second that the sender measured."),
    sa.Column("course_deg", sa.Double, doc="Direction of travel in degrees from north, clockwise."),
    sa.Column("source", sa.Text, nullable=False, doc="What brought the point, as in `receipts`."),
    sa.Column(
        "received_seq",
        sa.BigInteger,
        nullable=False,
        doc="The receipt that brought the point as it is stored.",
    ),
    sqlite_with_rowid=False,
    info={"doc": "Accepted points: one position of a device at one moment."},
)

replaced_points = sa.Table(
    "replaced_points",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True, doc="The device."),
    sa.Column("recorded_at", UtcTime, primary_key=True, doc="The moment of the position."),
    sa.Column(
        "import_id",
        sa.Text,
        primary_key=True,
        doc="The import that brought it; empty for what no import brought.",
    ),
    sa.Column("longitude", sa.Double, primary_key=True, doc="Degrees east, WGS 84."),
    sa.Column("latitude", sa.Double, primary_key=True, doc="Degrees north, WGS 84."),
    sa.Column("altitude_m", sa.Double, doc="Altitude in metres, as the sender counts it."),
    sa.Column(
        "accuracy_m",
        sa.Double,
        doc="Radius in metres that the sender claims; none where it is unknown.",
    ),
    sa.Column("speed_ms", sa.Double, doc="Speed in metres per second that the sender measured."),
    sa.Column("course_deg", sa.Double, doc="Direction of travel in degrees from north, clockwise."),
    sa.Column("source", sa.Text, nullable=False, doc="What brought the point, as in `receipts`."),
    sa.Column("received_seq", sa.BigInteger, nullable=False, doc="The receipt that brought it."),
    sa.Index(None, "import_id"),
    info={
        "doc": "Points of a moment at which another point is stored: the best of each import and "
        "place. When an import is undone, the best of those that are left is stored again."
    },
)

quarantined_points = sa.Table(
    "quarantined_points",
    metadata,
    sa.Column(
        "content_hash",
        sa.Text,
        primary_key=True,
        doc="Hash of reason and content: the same input twice is one row.",
    ),
    sa.Column("device_id", sa.Text, doc="The device that it names, where one could be read."),
    sa.Column("recorded_at", UtcTime, doc="The moment that it names, where one could be read."),
    sa.Column(
        "reason",
        sa.Text,
        nullable=False,
        doc="Why it was refused, such as `out_of_range` or `no_time`.",
    ),
    sa.Column(
        "raw",
        sa.Text,
        nullable=False,
        doc="What was sent, as text. Rows of files are cut to 500 characters.",
    ),
    sa.Column("source", sa.Text, nullable=False, doc="What brought it, as in `receipts`."),
    sa.Column("received_at", UtcTime, nullable=False, doc="When it came."),
    sa.Column("sender", sa.Text, doc="Who sent it; live input only."),
    sa.Column("envelope", sa.Text, doc="The request without its body, as JSON; live input only."),
    sa.Column(
        "body",
        sa.LargeBinary,
        doc="The body byte for byte, where `raw` in UTF-8 is not what was sent; live input only.",
    ),
    sa.Column(
        "size_bytes",
        sa.Integer,
        nullable=False,
        server_default="0",
        doc="Bytes that count towards TRACKFLOW_QUARANTINE_MB.",
    ),
    sa.Index(None, "device_id", "recorded_at"),
    sa.Index(None, "sender", "size_bytes"),
    info={"doc": "Inputs that admission refused, with the reason and the raw input."},
)

followed_tables = sa.Table(
    "followed_tables",
    metadata,
    sa.Column(
        "source",
        sa.Text,
        primary_key=True,
        doc="Name of the source; the address without its password.",
    ),
    sa.Column(
        "last_id",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        doc="Highest id that was read.",
    ),
    sa.Column(
        "missing_ids",
        sa.JSON,
        nullable=False,
        server_default="[]",
        doc="Ids below `last_id` that were not there yet: they may still be committed.",
    ),
    sa.Column("updated_at", UtcTime, nullable=False, doc="When the row was last changed."),
    info={"doc": "How far each table of another database has been read."},
)

inbox_files = sa.Table(
    "inbox_files",
    metadata,
    sa.Column("path", sa.Text, primary_key=True, doc="Path within the inbox."),
    sa.Column("size_bytes", sa.BigInteger, nullable=False, doc="Size when it was imported."),
    sa.Column(
        "modified_at",
        UtcTime,
        nullable=False,
        doc="Time of the file when it was imported; a file that changed is imported again.",
    ),
    sa.Column(
        "points_added", sa.Integer, nullable=False, server_default="0", doc="Points that it added."
    ),
    sa.Column(
        "refused", sa.Integer, nullable=False, server_default="0", doc="Inputs that were refused."
    ),
    sa.Column("error", sa.Text, doc="Why it could not be read."),
    sa.Column("imported_at", UtcTime, nullable=False, doc="When it was imported."),
    info={"doc": "Files of the inbox that were imported, or could not be."},
)
