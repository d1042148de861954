"""Catalogue tracks, the syncs with their source, and kill switches."""

import sqlalchemy as sa

from trackflow.store.tables.base import metadata
from trackflow.store.types import UtcTime

_COUNTS = {
    "laps": "Laps that were driven, as the source counts them.",
    "practice_sessions": "Practice sessions.",
    "races": "Races.",
    "entries": "Entries of drivers.",
    "events": "Events.",
    "results_this_month": "Results of this month.",
    "sessions_this_month": "Sessions of this month.",
    "videos_this_month": "Videos of this month.",
}
"""Numbers that a source may give, with what each counts."""

catalogue_tracks = sa.Table(
    "catalogue_tracks",
    metadata,
    sa.Column("source", sa.Text, primary_key=True, doc="Name of the source, such as `liverc`."),
    sa.Column("slug", sa.Text, primary_key=True, doc="The source's short name of the race track."),
    sa.Column("name", sa.Text, nullable=False, doc="Name of the race track."),
    sa.Column("url", sa.Text, doc="Its page."),
    sa.Column("series_code", sa.Text, doc="Code of its racing series."),
    sa.Column("activity", sa.Text, doc="What the source says of its activity."),
    sa.Column("event_name", sa.Text, doc="Event that is running or comes next."),
    sa.Column("has_video", sa.Boolean, doc="Whether it offers video."),
    sa.Column("is_featured", sa.Boolean, doc="Whether the source features it."),
    sa.Column("address", sa.Text, doc="Address as written."),
    sa.Column("city", sa.Text, doc="City."),
    sa.Column("country", sa.Text, doc="Country as written."),
    sa.Column("country_code", sa.Text, doc="ISO 3166 code of the country."),
    sa.Column("phone", sa.Text, doc="Phone number in international form."),
    sa.Column("email", sa.Text, doc="E-mail address."),
    sa.Column("website", sa.Text, doc="Its own website."),
    sa.Column("map_query", sa.Text, doc="What its page asks a map for."),
    sa.Column("logo_url", sa.Text, doc="Address of its logo."),
    sa.Column("longitude", sa.Double, doc="Degrees east, as the source says."),
    sa.Column("latitude", sa.Double, doc="Degrees north, as the source says."),
    *(sa.Column(count, sa.BigInteger, doc=counted) for count, counted in _COUNTS.items()),
    sa.Column(
        "is_active",
        sa.Boolean,
        nullable=False,
        server_default=sa.true(),
        doc="Whether it is in use. Two complete lists without it take it out of use.",
    ),
    sa.Column(
        "misses",
        sa.Integer,
        nullable=False,
        server_default="0",
        doc="Complete lists in a row that lacked it.",
    ),
    sa.Column("created_at", UtcTime, nullable=False, doc="When the row was made."),
    sa.Column("updated_at", UtcTime, nullable=False, doc="When the row was last changed."),
    info={"doc": "Catalogue tracks: race tracks as their source lists them."},
)

catalogue_syncs = sa.Table(
    "catalogue_syncs",
    metadata,
    sa.Column("sync_id", sa.Uuid, primary_key=True, doc="Id of the sync and of its job."),
    sa.Column("source", sa.Text, nullable=False, doc="Name of the source."),
    sa.Column(
        "outcome",
        sa.Text,
        nullable=False,
        server_default="running",
        doc="running, completed, stopped_for_approval, refused, failed or cancelled.",
    ),
    sa.Column("number", sa.BigInteger, doc="Counts the syncs of a source that changed something."),
    sa.Column("started_at", UtcTime, nullable=False, doc="When it began."),
    sa.Column("finished_at", UtcTime, doc="When it ended."),
    sa.Column("undone_at", UtcTime, doc="When it was undone."),
    sa.Column(
        "listing",
        sa.JSON(none_as_null=True),
        doc="The list that it works through. With `catalogue_fetched` it is all that a new start "
        "needs.",
    ),
    sa.Column("listed_at", UtcTime, doc="When the list was fetched."),
    sa.Column(
        "report", sa.JSON(none_as_null=True), doc="What it added, changed, missed and doubted."
    ),
    sa.CheckConstraint(
        "outcome IN ('running', 'completed', 'stopped_for_approval', 'refused', 'failed', "
        "'cancelled')",
        name="known_outcome",
    ),
    sa.UniqueConstraint("source", "number"),
    sa.Index(None, "source", "started_at"),
    # one sync of a source at a time
    sa.Index(
        "uq_catalogue_syncs_running",
        "source",
        unique=True,
        sqlite_where=sa.text("outcome = 'running'"),  # on PostgreSQL, too, by the migration: naming
        # it here would load all that SQLAlchemy has for PostgreSQL, a tenth of a second per command
    ),
    info={"doc": "Syncs of a catalogue with its source, one row each."},
)

catalogue_fetched = sa.Table(
    "catalogue_fetched",
    metadata,
    sa.Column("sync_id", sa.Uuid, primary_key=True, doc="The sync."),
    sa.Column("slug", sa.Text, primary_key=True, doc="The source's short name of the race track."),
    # one of `details` and `failure`
    sa.Column(
        "details", sa.JSON(none_as_null=True), doc="What the page says; none where it failed."
    ),
    sa.Column(
        "failure", sa.JSON(none_as_null=True), doc="Why the page failed; none where it was read."
    ),
    sa.Column("seconds", sa.Double, nullable=False, doc="Seconds that fetching it took."),
    sa.Column("tries", sa.Integer, nullable=False, doc="Tries that it took."),
    info={
        "doc": "Pages that the running sync has fetched. A sync that was killed goes on from here."
    },
)

catalogue_changes = sa.Table(
    "catalogue_changes",
    metadata,
    sa.Column("sync_id", sa.Uuid, primary_key=True, doc="The sync."),
    sa.Column("slug", sa.Text, primary_key=True, doc="The source's short name of the race track."),
    sa.Column("source", sa.Text, nullable=False, doc="Name of the source."),
    sa.Column(
        "kind",
        sa.Text,
        nullable=False,
        doc="added, changed, reactivated, deactivated, missed or found.",
    ),
    sa.Column(
        "before", sa.JSON(none_as_null=True), doc="The row before; none where there was none."
    ),
    sa.Column("after", sa.JSON, nullable=False, doc="The row after."),
    sa.CheckConstraint(
        "kind IN ('added', 'changed', 'reactivated', 'deactivated', 'missed', 'found')",
        name="known_kind",
    ),
    sa.Index(None, "source", "slug"),
    info={"doc": "What each sync changed in `catalogue_tracks`, so that it can be undone."},
)

catalogue_switches = sa.Table(
    "catalogue_switches",
    metadata,
    sa.Column("site", sa.Text, primary_key=True, doc="The site."),
    sa.Column("reason", sa.Text, nullable=False, doc="Why a person or a guard stopped it."),
    sa.Column("thrown_at", UtcTime, nullable=False, doc="When."),
    info={"doc": "Kill switches: sites that are asked for nothing until a person allows it again."},
)
