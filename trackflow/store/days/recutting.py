"""Converts stored data of the old rules for tracks: drops invalid thresholds, marks all days.

The migration to `TRUE_MOVEMENT` and the restoring of an older backup both use this. Names, ranges
and defaults are copies of those of that version, so that later changes do not alter the conversion.

A device's own thresholds that are invalid now are dropped, as its days could not be processed with
them:

- `jump_m`: this rule no longer exists. A long step is judged by its speed and by the silence that
  it lies in; no length by itself cuts a track.
- values outside of today's range (such as a `gap_s` over six hours).
- all times of a device whose rules would look further around a point than a day: a day is read with
  its two neighbours only. New rules look further, so older values may be too long together although
  each is within its range.

"jump" is no reason for a cut any more. Segments and tracks with it get "gap" until they are made
again: nothing was observed between the two points, which is the meaning of "gap". Days that
retention keeps without a batch are never made again; they stay like this.

After this and each later change of the rules, every device-day is marked as
`batch_marks.mark_again` does it: the next run, or the live worker, cuts, matches and merges it
again. Readers see the old tracks until then.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.types import UtcTime

TRUE_MOVEMENT = "0008"
"""The schema since which tracks are cut by the rules for stays, silences and agreed speeds."""

PRESENT_RULES = "0026"
"""The schema since which tracks are cut by today's rules."""

RANGES = {
    "gap_s": (1, 21_600),
    "silence_s": (0, 43_200),
    "max_speed_kmh": (1, 4_000),
    "noise_m": (0, 1_000),
    "max_accuracy_m": (1, 100_000),
    "spike_s": (1, 3_600),
    "spike_points": (0, 5),
    "dwell_s": (2, 21_600),
    "dwell_radius_m": (1, 10_000),
    "min_track_m": (0, 1_000_000),
    "min_track_points": (1, 1_000_000),
}
"""The range of each threshold, both ends included."""

REACHING = {"gap_s": 600.0, "silence_s": 9_000.0, "spike_s": 300.0, "dwell_s": 300.0}
"""The times that decide how far rules look, in seconds, with their defaults."""

LONGEST_REACH_S = 86_400


def mark_for_recutting(connection: Connection, now: dt.datetime) -> None:
    """Mark everything to be made again from the points; stored tracks stay readable until then."""
    for name in ("segments", "tracks"):
        for column in ("began", "ended"):
            reason = sa.column(column, sa.Text)
            table = sa.table(name, reason)
            connection.execute(sa.update(table).where(reason == "jump").values({column: "gap"}))
    _drop_thresholds(connection)
    mark_all(connection, now)


def kept_thresholds(values: Any) -> dict[str, float]:
    """Those of a device's own thresholds that are still valid."""
    if not isinstance(values, Mapping):
        return {}
    kept = {name: value for name, value in values.items() if _holds(name, value)}
    if _reach_s(kept) >= LONGEST_REACH_S:
        kept = {name: value for name, value in kept.items() if name not in REACHING}
    return kept


def _holds(name: str, value: Any) -> bool:
    if name not in RANGES:
        return False
    right_type = isinstance(value, int if name.endswith("_points") else (int, float))
    low, high = RANGES[name]
    return right_type and not isinstance(value, bool) and low <= value <= high


def _reach_s(values: Mapping[str, float]) -> float:
    """How far rules look around a point, in seconds."""
    t = REACHING | {name: values[name] for name in REACHING if name in values}
    cleaning_s = 12 * t["spike_s"] + 600
    excursions_s = 60 + 3 * 900 + 2_700
    stays_s = max(t["dwell_s"], 1_200) + max(t["gap_s"], t["silence_s"])
    return cleaning_s + excursions_s + stays_s + 2 * t["dwell_s"] + 900


def _drop_thresholds(connection: Connection) -> None:
    devices = sa.table("devices", sa.column("device_id", sa.Text), sa.column("thresholds", sa.JSON))
    for row in connection.execute(sa.select(devices)).all():
        kept = kept_thresholds(row.thresholds)
        if kept != row.thresholds:
            connection.execute(
                sa.update(devices)
                .where(devices.c.device_id == row.device_id)
                .values(thresholds=kept)
            )


def mark_all(connection: Connection, now: dt.datetime) -> None:
    """Mark every device-day to be made again from the points."""
    batches = sa.table(
        "processing_batches",
        sa.column("status", sa.Text),
        sa.column("generation", sa.BigInteger),
        sa.column("retry_count", sa.Integer),
        sa.column("next_try_at", UtcTime),
        sa.column("pending_since", UtcTime),
        sa.column("error_message", sa.Text),
        sa.column("updated_at", UtcTime),
    )
    b = batches.c
    since = sa.case((b.status == "completed", sa.literal(now, UtcTime())), else_=b.pending_since)
    connection.execute(
        sa.update(batches).values(
            generation=b.generation + 1,
            status=sa.case((b.status == "processing", "processing"), else_="pending"),
            pending_since=since,
            retry_count=0,
            next_try_at=None,
            error_message=None,
            updated_at=now,
        )
    )
