"""Legs, categories, places, stays, and the logbook."""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "addresses",
        sa.Column("cell", sa.Text(), nullable=False),
        sa.Column("geocoder", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("found_at", UtcTime(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("cell", name=op.f("pk_addresses")),
    )
    op.create_index(op.f("ix_addresses_next_try_at"), "addresses", ["next_try_at"])
    op.create_table(
        "categories",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("track_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("partner", sa.Text(), nullable=True),
        sa.Column("rate", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("rule_id", sa.Text(), nullable=True),
        sa.Column("rules_version", sa.Integer(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("origins", sa.JSON(), nullable=False),
        sa.Column("place_pending", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "start_time", name=op.f("pk_categories")),
    )
    op.create_index(op.f("ix_categories_place_pending"), "categories", ["place_pending"])
    op.create_index(op.f("ix_categories_start_time"), "categories", ["start_time"])
    op.create_index(op.f("ix_categories_track_id"), "categories", ["track_id"])
    op.create_table(
        "category_days",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("sources_hash", sa.Text(), nullable=False),
        sa.Column("inputs_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "day", name=op.f("pk_category_days")),
    )
    op.create_table(
        "category_decisions",
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("partner", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", UtcTime(), nullable=False),
        sa.Column("undone_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_category_decisions")),
    )
    op.create_index(
        op.f("ix_category_decisions_device_id_start_time"),
        "category_decisions",
        ["device_id", "start_time"],
        unique=False,
    )
    op.create_table(
        "category_rule_sets",
        sa.Column("rules_version", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("holidays", sa.JSON(), nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.Column("saved_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("rules_version", name=op.f("pk_category_rule_sets")),
    )
    op.create_table(
        "category_rule_uses",
        sa.Column("use_no", sa.Integer(), nullable=False),
        sa.Column("rules_version", sa.Integer(), nullable=False),
        sa.Column("from_time", UtcTime(), nullable=True),
        sa.Column("until_time", UtcTime(), nullable=True),
        sa.Column("used_by", sa.Text(), nullable=False),
        sa.Column("used_at", UtcTime(), nullable=False),
        sa.Column("undone_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("use_no", name=op.f("pk_category_rule_uses")),
    )
    op.create_table(
        "category_rules",
        sa.Column("rules_version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("rules_version", "position", name=op.f("pk_category_rules")),
    )
    op.create_table(
        "leg_days",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("inputs_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "day", name=op.f("pk_leg_days")),
    )
    op.create_table(
        "legs",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("distance_m", sa.Double(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "start_time", name=op.f("pk_legs")),
    )
    op.create_index(op.f("ix_legs_start_time"), "legs", ["start_time"])
    op.create_table(
        "logbook_amendments",
        sa.Column("amendment_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("vehicle_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amended_by", sa.Text(), nullable=False),
        sa.Column("amended_at", UtcTime(), nullable=False),
        sa.Column("chain_no", sa.BigInteger(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("amendment_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("amendment_id", name=op.f("pk_logbook_amendments")),
    )
    op.create_index(op.f("ix_logbook_amendments_entry_id"), "logbook_amendments", ["entry_id"])
    op.create_index(
        op.f("ix_logbook_amendments_vehicle_id_chain_no"),
        "logbook_amendments",
        ["vehicle_id", "chain_no"],
        unique=True,
    )
    op.create_index(
        op.f("ix_logbook_amendments_vehicle_id_month"),
        "logbook_amendments",
        ["vehicle_id", "month"],
        unique=False,
    )
    op.create_table(
        "logbook_days",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("inputs_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "day", name=op.f("pk_logbook_days")),
    )
    op.create_table(
        "trip_joins",
        sa.Column("join_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", UtcTime(), nullable=False),
        sa.Column("undone_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("join_id", name=op.f("pk_trip_joins")),
    )
    op.create_index(
        op.f("ix_trip_joins_device_id_start_time"), "trip_joins", ["device_id", "start_time"]
    )
    op.create_table(
        "logbook_entries",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("vehicle_id", sa.Text(), nullable=False),
        sa.Column("device_key", sa.Uuid(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("closes_at", UtcTime(), nullable=False),
        sa.Column("closed_at", UtcTime(), nullable=True),
        sa.Column("chain_no", sa.BigInteger(), nullable=True),
        sa.Column("previous_hash", sa.Text(), nullable=True),
        sa.Column("entry_hash", sa.Text(), nullable=True),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_logbook_entries")),
    )
    op.create_index(op.f("ix_logbook_entries_closes_at"), "logbook_entries", ["closes_at"])
    op.create_index(
        op.f("ix_logbook_entries_device_key_start_time"),
        "logbook_entries",
        ["device_key", "start_time"],
    )
    op.create_index(
        op.f("ix_logbook_entries_vehicle_id_chain_no"),
        "logbook_entries",
        ["vehicle_id", "chain_no"],
        unique=True,
    )
    op.create_index(
        op.f("ix_logbook_entries_vehicle_id_start_time"),
        "logbook_entries",
        ["vehicle_id", "start_time"],
        unique=False,
    )
    op.create_table(
        "mileage_rates",
        sa.Column("rate_id", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("vehicle_kind", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("tiers", sa.JSON(), nullable=False),
        sa.Column("year_start", sa.Text(), server_default="01-01", nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("rate_id", "valid_from", name=op.f("pk_mileage_rates")),
    )
    op.create_table(
        "mode_corrections",
        sa.Column("correction_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", UtcTime(), nullable=False),
        sa.Column("undone_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("correction_id", name=op.f("pk_mode_corrections")),
    )
    op.create_index(
        op.f("ix_mode_corrections_device_id_start_time"),
        "mode_corrections",
        ["device_id", "start_time"],
        unique=False,
    )
    op.create_table(
        "odometer_readings",
        sa.Column("reading_id", sa.Uuid(), nullable=False),
        sa.Column("vehicle_id", sa.Text(), nullable=False),
        sa.Column("read_at", UtcTime(), nullable=False),
        sa.Column("odometer_m", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.Column("undone_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("reading_id", name=op.f("pk_odometer_readings")),
    )
    op.create_index(
        op.f("ix_odometer_readings_vehicle_id_read_at"),
        "odometer_readings",
        ["vehicle_id", "read_at"],
        unique=False,
    )
    op.create_table(
        "place_decisions",
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("place_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", UtcTime(), nullable=False),
        sa.Column("undone_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_place_decisions")),
    )
    op.create_index(op.f("ix_place_decisions_place_id"), "place_decisions", ["place_id"])
    op.create_table(
        "places",
        sa.Column("place_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("radius_m", sa.Double(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("changed_by", sa.Text(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("place_id", name=op.f("pk_places")),
    )
    op.create_index(op.f("ix_places_device_id"), "places", ["device_id"])
    op.create_table(
        "stay_days",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("inputs_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "day", name=op.f("pk_stay_days")),
    )
    op.create_table(
        "stays",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("cell", sa.Text(), nullable=False),
        sa.Column("place_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("device_id", "start_time", name=op.f("pk_stays")),
    )
    op.create_index(op.f("ix_stays_cell"), "stays", ["cell"])
    op.create_index(op.f("ix_stays_place_id"), "stays", ["place_id"])
    op.create_index(op.f("ix_stays_start_time"), "stays", ["start_time"])
    op.create_table(
        "vehicle_devices",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("from_time", UtcTime(), nullable=False),
        sa.Column("until_time", UtcTime(), nullable=True),
        sa.Column("vehicle_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "from_time", name=op.f("pk_vehicle_devices")),
    )
    op.create_index(op.f("ix_vehicle_devices_vehicle_id"), "vehicle_devices", ["vehicle_id"])
    op.create_table(
        "vehicle_drivers",
        sa.Column("vehicle_id", sa.Text(), nullable=False),
        sa.Column("from_time", UtcTime(), nullable=False),
        sa.Column("until_time", UtcTime(), nullable=True),
        sa.Column("driver", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("vehicle_id", "from_time", name=op.f("pk_vehicle_drivers")),
    )
    op.create_table(
        "vehicles",
        sa.Column("vehicle_id", sa.Text(), nullable=False),
        sa.Column("plate", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("retired_at", UtcTime(), nullable=True),
        sa.Column("closed_until", UtcTime(), nullable=True),
        sa.Column("chain_length", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reminded_until", UtcTime(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("vehicle_id", name=op.f("pk_vehicles")),
    )
    _keep_closed()


def _keep_closed() -> None:
    """Let the database itself refuse changes of what is closed: a slip in SQL does no harm."""
    text = "a closed logbook is never changed: amend it"
    kept = (("logbook_entries", "OLD.closed_at IS NOT NULL"), ("logbook_amendments", "1 = 1"))
    if op.get_bind().dialect.name == "sqlite":
        for table, condition in kept:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER keep_{table}_{verb.lower()} BEFORE {verb} ON {table} "
                    f"WHEN {condition} BEGIN SELECT RAISE(ABORT, '{text}'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION keep_closed_logbook() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{text}' USING ERRCODE = 'integrity_constraint_violation'; "
        "END $$"
    )
    for table, condition in kept:
        op.execute(
            f"CREATE TRIGGER keep_{table} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW "
            f"WHEN ({condition}) EXECUTE FUNCTION keep_closed_logbook()"
        )
