"""The tables of the catalogue of race tracks, their places and visits to them."""

import sqlalchemy as sa

from trackflow.store.table_base import metadata
from trackflow.store.types import UtcTime

catalogue_tracks = sa.Table(
    "catalogue_tracks",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("slug", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("series_code", sa.Text),
    sa.Column("activity", sa.Text),
    sa.Column("event_name", sa.Text),
    sa.Column("has_video", sa.Boolean),
    sa.Column("is_featured", sa.Boolean),
    sa.Column("address", sa.Text),
    sa.Column("city", sa.Text),
    sa.Column("country", sa.Text),
    sa.Column("country_code", sa.Text),
    sa.Column("phone", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("website", sa.Text),
    sa.Column("map_query", sa.Text),
    sa.Column("logo_url", sa.Text),
    sa.Column("longitude", sa.Double),
    sa.Column("latitude", sa.Double),
    *(
        sa.Column(count, sa.BigInteger)
        for count in (
            "laps", "practice_sessions", "races", "entries", "events",
            "results_this_month", "sessions_this_month", "videos_this_month",
        )
    ),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
    # plausible lists in a row without this track
    sa.Column("misses", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
)  # fmt: skip


catalogue_syncs = sa.Table(
    "catalogue_syncs",
    metadata,
    # the id of its job
    sa.Column("sync_id", sa.Uuid, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False, server_default="running"),
    # the number among the syncs that have changed the source, in their order
    sa.Column("number", sa.BigInteger),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("finished_at", UtcTime),
    sa.Column("undone_at", UtcTime),
    # the list of tracks; a restart needs only this and `catalogue_fetched`
    sa.Column("listing", sa.JSON(none_as_null=True)),
    sa.Column("listed_at", UtcTime),
    sa.Column("report", sa.JSON(none_as_null=True)),
    sa.CheckConstraint(
        "outcome IN ('running', 'completed', 'stopped_for_approval', 'refused', 'failed', "
        "'cancelled')",
        name="known_outcome",
    ),
    sa.UniqueConstraint("source", "number"),
    sa.Index(None, "source", "started_at"),
    # one running sync per source
    sa.Index(
        "uq_catalogue_syncs_running",
        "source",
        unique=True,
        sqlite_where=sa.text("outcome = 'running'"),  # on PostgreSQL by the migration: naming it
        # here would import SQLAlchemy's module for PostgreSQL, a tenth of a second per command
    ),
)


catalogue_fetched = sa.Table(
    "catalogue_fetched",
    metadata,
    sa.Column("sync_id", sa.Uuid, primary_key=True),
    sa.Column("slug", sa.Text, primary_key=True),
    # exactly one of the two is set
    sa.Column("details", sa.JSON(none_as_null=True)),
    sa.Column("failure", sa.JSON(none_as_null=True)),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
)


catalogue_changes = sa.Table(
    "catalogue_changes",
    metadata,
    sa.Column("sync_id", sa.Uuid, primary_key=True),
    sa.Column("slug", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    # the whole row; None if it is new
    sa.Column("before", sa.JSON(none_as_null=True)),
    sa.Column("after", sa.JSON, nullable=False),
    sa.CheckConstraint(
        "kind IN ('added', 'changed', 'reactivated', 'deactivated', 'missed', 'found')",
        name="known_kind",
    ),
    sa.Index(None, "source", "slug"),
)


catalogue_switches = sa.Table(
    "catalogue_switches",
    metadata,
    sa.Column("site", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("thrown_at", UtcTime, nullable=False),
)


catalogue_places = sa.Table(
    "catalogue_places",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("slug", sa.Text, primary_key=True),
    # the geocoder's input; a changed address is geocoded again
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("geocoder", sa.Text, nullable=False),
    # None where the geocoder knows no such address
    sa.Column("longitude", sa.Double),
    sa.Column("latitude", sa.Double),
    sa.Column("located_at", UtcTime, nullable=False),
)


catalogue_visits = sa.Table(
    "catalogue_visits",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("start_time", UtcTime, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("slug", sa.Text, primary_key=True),
    sa.Column("end_time", UtcTime, nullable=False),
    sa.Index(None, "start_time"),
)


catalogue_visit_days = sa.Table(
    "catalogue_visit_days",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    # the generation of the batch whose tracks were compared
    sa.Column("generation", sa.BigInteger, nullable=False),
    # hash of the places and limits that they were compared with
    sa.Column("places_hash", sa.Text, nullable=False),
)
