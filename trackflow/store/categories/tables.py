"""The tables of legs and categories.

What is computed is keyed by device and start; what a person decided is keyed by device and time,
so that it survives every recompute.
"""

import sqlalchemy as sa

from trackflow.store.table_base import metadata
from trackflow.store.types import UtcTime

legs = sa.Table(
    "legs",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("start_time", UtcTime, primary_key=True),
    sa.Column("end_time", UtcTime, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("probability", sa.Double, nullable=False),
    sa.Column("distance_m", sa.Double, nullable=False),
    # model or person
    sa.Column("decided_by", sa.Text, nullable=False),
    # what `explain` shows: numbers by name
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Index(None, "start_time"),
)


leg_days = sa.Table(
    "leg_days",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    # the generation of the batch whose tracks were read
    sa.Column("generation", sa.BigInteger, nullable=False),
    # hash of the day's tracks, the model, the map, the corrections and the prior
    sa.Column("inputs_hash", sa.Text, nullable=False),
)


mode_corrections = sa.Table(
    "mode_corrections",
    metadata,
    sa.Column("correction_id", sa.Uuid, primary_key=True),
    sa.Column("device_id", sa.Text, nullable=False),
    sa.Column("start_time", UtcTime, nullable=False),
    sa.Column("end_time", UtcTime, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("decided_at", UtcTime, nullable=False),
    sa.Column("undone_at", UtcTime),
    sa.Index(None, "device_id", "start_time"),
)


categories = sa.Table(
    "categories",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    # of the track
    sa.Column("start_time", UtcTime, primary_key=True),
    sa.Column("end_time", UtcTime, nullable=False),
    sa.Column("track_id", sa.Uuid, nullable=False),
    # None: no rule applies and nobody decided
    sa.Column("category", sa.Text),
    sa.Column("purpose", sa.Text),
    sa.Column("partner", sa.Text),
    # id of the rate that a rule names; None for that of the category
    sa.Column("rate", sa.Text),
    # rule, person or import; None while there is no category
    sa.Column("decided_by", sa.Text),
    sa.Column("rule_id", sa.Text),
    sa.Column("rules_version", sa.Integer),
    sa.Column("decision_id", sa.Uuid),
    # by result (category, purpose, partner, rate): [rule, person or import; id of what decided it]
    sa.Column("origins", sa.JSON, nullable=False),
    # whether a place service still owes the place of an end
    sa.Column("place_pending", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Index(None, "start_time"),
    sa.Index(None, "track_id"),
    sa.Index(None, "place_pending"),
)


category_days = sa.Table(
    "category_days",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("generation", sa.BigInteger, nullable=False),
    # hash of the legs, visits, drivers and zone; empty where rules or decisions have changed since
    sa.Column("sources_hash", sa.Text, nullable=False),
    # hash of all that the logbook takes from here: of these and of what the day's tracks were for
    sa.Column("inputs_hash", sa.Text, nullable=False),
)


category_decisions = sa.Table(
    "category_decisions",
    metadata,
    sa.Column("decision_id", sa.Uuid, primary_key=True),
    sa.Column("device_id", sa.Text, nullable=False),
    sa.Column("start_time", UtcTime, nullable=False),
    sa.Column("end_time", UtcTime, nullable=False),
    # None in each of the three: not decided here
    sa.Column("category", sa.Text),
    sa.Column("purpose", sa.Text),
    sa.Column("partner", sa.Text),
    # person or import
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("decided_at", UtcTime, nullable=False),
    sa.Column("undone_at", UtcTime),
    sa.Index(None, "device_id", "start_time"),
)


category_rule_sets = sa.Table(
    "category_rule_sets",
    metadata,
    sa.Column("rules_version", sa.Integer, primary_key=True),
    sa.Column("comment", sa.Text),
    # country, subdivision and own dates, and all days that counted when it was saved
    sa.Column("holidays", sa.JSON, nullable=False),
    sa.Column("saved_by", sa.Text, nullable=False),
    sa.Column("saved_at", UtcTime, nullable=False),
)


category_rules = sa.Table(
    "category_rules",
    metadata,
    sa.Column("rules_version", sa.Integer, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("rule_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    # conditions and results, as in the TOML file
    sa.Column("definition", sa.JSON, nullable=False),
)


category_rule_uses = sa.Table(
    "category_rule_uses",
    metadata,
    # the use with the highest number whose range covers a track's start decides
    sa.Column("use_no", sa.Integer, primary_key=True),
    sa.Column("rules_version", sa.Integer, nullable=False),
    sa.Column("from_time", UtcTime),
    sa.Column("until_time", UtcTime),
    sa.Column("used_by", sa.Text, nullable=False),
    sa.Column("used_at", UtcTime, nullable=False),
    sa.Column("undone_at", UtcTime),
)
