"""Stores and backups of every older version: all of it is kept, and comes right by itself."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.geo.time import to_us
from trackflow.matching.match import WindowMatch
from trackflow.matching.networks import network_name
from trackflow.store.access import no_token
from trackflow.store.database import _engine, open_store
from trackflow.store.days.segments import read_days
from trackflow.store.days.track_ids import resolve
from trackflow.store.devices.settings import read_device
from trackflow.store.mileage.tables import logbook_entries
from trackflow.store.tables import (
    cached_polylines,
    devices,
    metadata,
    quarantined_points,
    road_networks,
    track_aliases,
)
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.housekeeping.archive import LEFT_OUT
from trackflow.usecases.housekeeping.restoring import restore
from trackflow.usecases.queries.lines import TimeRange
from trackflow.usecases.queries.tracks import TrackSelection, read_tracks
from trackflow_tests.helpers.filled import everything, fill
from trackflow_tests.helpers.older_stores import (
    LOST_ALIAS,
    REVISIONS,
    Schemas,
    Tables,
    write_backup,
    write_store,
)
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
    settings_of,
    statuses,
)

THRESHOLDS = {"a": {"min_track_m": 50}, "b": {"dwell_radius_m": 60}, "c": {}}
TIME_ZONES = {"a": None, "b": "Asia/Tokyo", "c": None}
MADE = ("gps_points", "segments", "day_ledgers", "cached_polylines", "tracks")

CONVERTED = {
    "0006": {"time_zone", "status", "pending_since", "tracked_generation"},
    "0007": {"track_id"},
    "0008": {"began", "ended", "thresholds", "generation", "status", "pending_since", "updated_at"},
    "0021": {"status", "pending_since", "tracked_generation"},
    "0024": {"mark"},
    "0026": {"generation", "status", "pending_since", "updated_at"},
}
"""Columns whose values a migration changes on purpose, by its revision."""

ONE_DISTANCE, NO_TOKEN_MODE, PRESENT_RULES = "0006", "0009", "0026"
SEVERAL_NETWORKS, OPEN_TRIPS = "0022", "0025"
FIRST_TOKENS = FIRST_BACKUPS = "0002"


@dataclass(frozen=True)
class Today:
    """A store of today: points and what is made of them, and a row in every other table.

    Attributes:
        schemas: of all versions.
        rows: all rows of all tables.
        made: the points and what is made of them, without what differs from run to run.
        former_id: one that a track had before.
        present_id: the one that this track has now.
    """

    schemas: Schemas
    rows: Tables
    made: Tables
    former_id: UUID
    present_id: UUID


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Today:
    folder = tmp_path_factory.mktemp("today")
    with open_context(f"sqlite:///{folder / 'trackflow.db'}", folder) as context:
        _deliver_and_process(context)
        present_id = next(
            row["track_id"]
            for row in everything(context.store)["tracks"]
            if row["device_id"] == "a"
        )
        former_id = UUID(int=1)
        _add_what_is_not_made_of_points(context, former_id, present_id)
        rows = everything(context.store)
        assert all(rows.values()), "a table has no rows"
        return Today(Schemas(folder), rows, contents(context.store, *MADE), former_id, present_id)


def _deliver_and_process(context: Context) -> None:
    # over midnight, and a short one
    deliver(context.store, batch_of_device("a", _noisy(drive(NOON + dt.timedelta(hours=10), 1000))))
    deliver(context.store, batch_of_device("b", _noisy(drive(NOON, 60))))
    with context.store.write() as connection:
        connection.execute(sa.insert(devices).values(device_id="c", created_at=NOON))
        for name, thresholds in THRESHOLDS.items():
            values = {"thresholds": thresholds, "time_zone": TIME_ZONES[name]}
            connection.execute(sa.update(devices).where(devices.c.device_id == name).values(values))
    run(context)


def _noisy(found: Points) -> Points:
    """A drive whose steps add up to more than its way."""
    lat = found.lat + np.random.default_rng(1).normal(0, 1e-4, len(found))
    return Points.of(found.time_us, found.lon, lat)


def _add_what_is_not_made_of_points(context: Context, former_id: UUID, present_id: UUID) -> None:
    """A line of device c, whose points are deleted; a former id; a row in each other table."""
    match = WindowMatch(
        to_us(NOON), to_us(NOON) + 300_000_000, "", (), (), (), 0.0, None, True, 0, 0
    )
    line = {
        "device_id": "c", "start_time": NOON, "end_time": NOON + dt.timedelta(minutes=5),
        "day": NOON.date(), "encoded_polyline": "", "is_raw": True, "matched_share": 0.0,
        "point_count": 0, "source_coordinates_count": 0, "processing_duration_ms": 0.0,
        "input_hash": "x", "match": match.to_bytes(), "created_at": NOON,
    }  # fmt: skip
    track = next(
        row for row in everything(context.store)["tracks"] if row["track_id"] == present_id
    )
    alias = {name: track[name] for name in ("device_id", "start_time", "end_time")}
    with context.store.write() as connection:
        connection.execute(sa.insert(cached_polylines).values(line))
        connection.execute(
            sa.insert(track_aliases).values(alias | {"alias_id": former_id, "created_at": NOON})
        )
    fill(
        context.store,
        "c",
        1,
        {name for name, rows in everything(context.store).items() if not rows},
    )
    q = quarantined_points
    with context.store.write() as connection:
        values = {
            "source": "owntracks: x",
            "sender": "owntracks",
            "size_bytes": sa.func.length(q.c.raw),
        }
        connection.execute(sa.update(q).values(values))
        connection.execute(sa.update(road_networks).values(folder="networks/car-1"))
        (entry,) = connection.execute(sa.select(logbook_entries)).mappings()
        still_open = dict.fromkeys(("closed_at", "chain_no", "previous_hash", "entry_hash"))
        later = {"end_time": entry["start_time"] + dt.timedelta(hours=1)}
        connection.execute(
            sa.insert(logbook_entries), {**entry, **still_open, **later, "entry_id": UUID(int=2)}
        )


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_store_of_an_older_version_is_kept_whole(
    revision: str, today: Today, blank_database_url: str, tmp_path: Path
) -> None:
    before = today.schemas.rows_as_of(revision, today.rows)
    assert all(before.values())
    engine = _engine(settings_of(blank_database_url, tmp_path).url)
    write_store(engine, today.schemas, revision, before)
    engine.dispose()

    open_store(settings_of(blank_database_url, tmp_path)).close()

    with open_context(blank_database_url, tmp_path) as context:
        _check_that_it_is_kept(revision, context, before)
        with context.store.read() as connection:
            had_tokens = revision >= FIRST_TOKENS
            assert no_token.read_mode(connection).is_on is not had_tokens
        _check_that_it_reads_right(revision, context, today)
        _check_that_it_comes_right(revision, context, today)


# restoring converts rows alike on both databases; PostgreSQL gets each conversion once
@pytest.mark.parametrize(
    ("revision", "database_url"),
    [
        *((r, "sqlite") for r in REVISIONS if r >= FIRST_BACKUPS),
        *((r, "postgresql") for r in ("0005", "0007", "0010", REVISIONS[-1])),
    ],
    indirect=["database_url"],
)
def test_a_backup_of_an_older_version_is_restored_whole(
    revision: str, today: Today, database_url: str, tmp_path: Path
) -> None:
    before = today.schemas.rows_as_of(revision, today.rows)
    write_backup(tmp_path / "old.zip", revision, before)

    with open_context(database_url, tmp_path / "restored") as context:
        restore(context, tmp_path / "old.zip")
        in_backup = {name: rows for name, rows in before.items() if name not in LEFT_OUT}
        _check_that_it_is_kept(revision, context, in_backup)
        _check_that_it_reads_right(revision, context, today)
        _check_that_it_comes_right(revision, context, today)


def _check_that_it_is_kept(revision: str, context: Context, before: Tables) -> None:
    """Each row is there with each of its values, but for those that a migration converts."""
    converted = {name for r, names in CONVERTED.items() if revision < r for name in names}
    after = everything(context.store)
    for table, rows in before.items():
        primary_key = metadata.tables[table].primary_key.columns
        keys = [column.name for column in primary_key if column.name in rows[0]]
        found = {tuple(row[key] for key in keys): row for row in after[table]}
        rows = [row for row in rows if row.get("alias_id") != LOST_ALIAS]
        assert len(found) == len(rows), table
        for row in rows:
            same = (row.keys() & {*metadata.tables[table].columns.keys()}) - (converted - {*keys})
            present = found[tuple(row[key] for key in keys)]
            assert {k: present[k] for k in same} == {k: row[k] for k in same}, table
    written = {name for name, rows in after.items() if rows}
    # overviews are made of the tracks that are there
    assert written - before.keys() <= {
        "no_token_changes",
        "track_overviews",
        "logbook_sightings",
    }


def _check_that_it_reads_right(revision: str, context: Context, today: Today) -> None:
    """What people see before the next run."""
    rows = everything(context.store)
    (network,) = rows["road_networks"]
    if revision < SEVERAL_NETWORKS:
        assert network["name"] == network_name(network["source_name"])
        assert network["coverage"] is None, "every window is matched on it, as before"
    with context.store.read() as connection:
        for name, thresholds in THRESHOLDS.items():
            assert read_device(connection, name).overrides == thresholds
        days = read_days(connection, "a", dt.date.min, dt.date.max)
        assert resolve(connection, today.former_id) == today.present_id
        assert resolve(connection, LOST_ALIAS) is None
    assert {row["device_id"]: row["time_zone"] for row in rows["devices"]} == TIME_ZONES
    began = {part.began.value for parts in days.values() for part in parts}
    assert began == {"gap", "midnight"}
    assert [(row["sender"], row["size_bytes"]) for row in rows["quarantined_points"]] == [
        ("owntracks", len(row["raw"])) for row in rows["quarantined_points"]
    ]
    when = TimeRange(NOON - dt.timedelta(days=9), NOON + dt.timedelta(days=9))
    found = read_tracks(context, TrackSelection(None, when, None, "raw", 100, None))
    assert len(found.tracks) == len(today.made["tracks"])
    if revision < OPEN_TRIPS:
        seen = [tuple(row.values()) for row in rows["logbook_sightings"]]
        names = ("vehicle_id", "start_time", "end_time", "end_time")
        still_open = [row for row in rows["logbook_entries"] if row["closed_at"] is None]
        assert seen == [tuple(row[name] for name in names) for row in still_open]
        begins = [row["closed_from"] for row in rows["vehicles"]]
        assert begins == [dt.datetime(2026, 2, 28, tzinfo=dt.UTC) for _ in begins]
    if revision < ONE_DISTANCE:
        assert all(row["raw_distance_m"] == row["distance_m"] for row in rows["tracks"])
        assert all(row["quarters_mm"] is None for row in rows["tracks"])
    expected = "pending" if revision < PRESENT_RULES else "completed"
    assert set(statuses(context.store).values()) == {expected}


def _check_that_it_comes_right(revision: str, context: Context, today: Today) -> None:
    report = run(context)
    assert not report.problems
    days = len(statuses(context.store)) if revision < PRESENT_RULES else 0
    assert len(report["segmented"].days) == days
    assert contents(context.store, *MADE) == today.made
    assert set(statuses(context.store).values()) == {"completed"}
    assert verify(context).ok


def test_distances_differ_from_those_of_the_first_versions(today: Today) -> None:
    """Without this, the tests above could not see whether distances are made anew."""
    assert all(row["distance_m"] < row["raw_distance_m"] * 0.99 for row in today.rows["tracks"])
