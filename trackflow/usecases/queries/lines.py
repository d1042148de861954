"""Queries of lines and of the state of processing. They never call an engine."""

import datetime as dt
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from trackflow.context import Context
from trackflow.errors import BadInputError, RetryableError
from trackflow.geo.time import midnight
from trackflow.store import breakers
from trackflow.store.days import batch_lists, queries
from trackflow.store.days.queries import Devices
from trackflow.store.jobs import workers
from trackflow.store.roads import polylines

MOST_PATHS = 100_000
"""Lines in one answer: about 30 MB."""

ACTIVE_FOR = dt.timedelta(hours=24)
"""A device that has sent something within this time counts as active."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """`[start, end)`, both aware and UTC."""

    start: dt.datetime
    end: dt.datetime


def note_read(
    context: Context, days: Mapping[str, tuple[dt.date, dt.date]], fresh: dt.timedelta
) -> int:
    """Note that lines of days (first and last, by device) were read; returns the rows changed.

    Lines with a note younger than `fresh` stay unchanged.
    """
    now = context.clock()
    with context.store.write() as connection:
        return polylines.note_read(connection, days, now, now - fresh)


def list_devices(context: Context) -> dict[str, Any]:
    """All devices: settings that readers need, first and last time, last position."""
    with context.store.read() as connection:
        rows = queries.device_rows(connection)
    return {
        "devices": [
            {
                "device_id": row.device_id,
                "profile": row.profile,
                "time_zone": row.time_zone or context.settings.time_zone,
                "first_time": row.first_time,
                "last_time": row.last_time,
                "last_position": None
                if row.last_time is None
                else {
                    "longitude": row.longitude,
                    "latitude": row.latitude,
                    "recorded_at": row.last_time,
                },
            }
            for row in rows
        ]
    }


def list_networks(context: Context) -> dict[str, Any]:
    """The road networks in use, by profile."""
    with context.store.read() as connection:
        rows = queries.network_rows(connection)
    return {
        "networks": [
            {
                "profile": row.profile,
                "version": row.version,
                "source_name": row.source_name,
                "extent": [row.west, row.south, row.east, row.north],
            }
            for row in rows
        ]
    }


def cached_paths(context: Context, device_ids: Devices, when: TimeRange) -> dict[str, Any]:
    """The lines of windows that overlap a time, by device, each with its `complete_until`.

    Raises:
        BadInputError: there are too many.
    """
    with context.store.read() as connection:
        known = queries.device_rows(connection, device_ids)
        unmatched = queries.unmatched_days(connection, device_ids)
        rows = polylines.read_paths(
            connection, [row.device_id for row in known], when.start, when.end, MOST_PATHS + 1
        )
    if len(rows) > MOST_PATHS:
        raise BadInputError(
            f"these are more than {MOST_PATHS:,} lines: ask for a shorter time or fewer devices"
        )
    starts, ends = (_times([row[k] for row in rows]) for k in (1, 2))
    paths = {
        device_id: [
            {
                "start": start,
                "end": end,
                "polyline": polyline,
                "confidence": confidence,
                "matched_share": share,
                "is_raw": is_raw,
                "against_oneway": against,
                "point_count": count,
            }
            for (_, _, _, polyline, confidence, share, is_raw, against, count), start, end in group
        ]
        for device_id, group in itertools.groupby(
            zip(rows, starts, ends, strict=True), lambda item: item[0][0]
        )
    }
    complete = {
        row.device_id: _complete_until(row.first_time, row.last_time, unmatched.get(row.device_id))
        for row in known
    }
    return {
        "from": when.start,
        "to": when.end,
        "complete_until": _all_complete_until(complete, unmatched),
        "count": len(rows),
        "devices": [
            {
                "device_id": row.device_id,
                "complete_until": complete[row.device_id],
                "pending_days": unmatched.get(row.device_id, (0, None))[0],
                "paths": paths.get(row.device_id, []),
            }
            for row in known
        ],
    }


def _times(times_us: list[int]) -> list[dt.datetime]:
    """Convert microseconds to times without a zone, in a tenth of the time of a loop."""
    found: list[dt.datetime] = np.array(times_us, "M8[us]").tolist()
    return found


def _complete_until(
    first: dt.datetime | None, last: dt.datetime | None, unmatched: tuple[int, dt.date] | None
) -> dt.datetime | None:
    """The time until which a device's lines hold all its points; None if none yet.

    Which of a day's points are new is not known, so a day that has any is not counted at all.
    """
    if unmatched is None or first is None or last is None:
        return last
    until = midnight(unmatched[1])
    return min(until, last) if until > first else None


def _all_complete_until(
    complete: dict[str, dt.datetime | None], unmatched: Iterable[str]
) -> dt.datetime | None:
    """The time until which the lines of all devices are complete.

    A device without pending days is complete, so it does not limit the others.
    """
    limits = [complete[device_id] for device_id in unmatched if device_id in complete]
    if None in limits:
        return None
    open_ends = [time for time in limits if time is not None]
    ends = [time for time in complete.values() if time is not None]
    return min(open_ends) if open_ends else max(ends, default=None)


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """Counts of the store. Points are counted apart for pending and completed days.

    Attributes:
        unprocessed_points: points of device-days that are not completed.
        processed_points: points of completed device-days.
        active_devices: devices with points in the last `ACTIVE_FOR`.
        cached_paths: number of stored lines of windows.
        batches: number of device-days by status.
        last_update: when a device-day was last completed; None if never.
        waiting_since: since when the oldest unfinished device-day waits; None if none does.
    """

    unprocessed_points: int
    processed_points: int
    active_devices: int
    cached_paths: int
    batches: dict[str, int]
    last_update: dt.datetime | None
    waiting_since: dt.datetime | None


def count(context: Context) -> StoreCounts:
    """Count the store: this takes up to seconds in a large one, see `CachedValue`."""
    now = context.clock()
    with context.store.read() as connection:
        totals = queries.batch_totals(connection)
        statuses = ("pending", "processing", "completed", "failed")
        waiting = [
            totals[status].waiting_since
            for status in ("pending", "processing")
            if status in totals and totals[status].waiting_since is not None
        ]
        done = totals.get("completed")
        return StoreCounts(
            unprocessed_points=queries.unfinished_points(connection),
            processed_points=int(done.points) if done else 0,
            active_devices=queries.active_devices(connection, now - ACTIVE_FOR),
            cached_paths=queries.line_count(connection),
            batches={s: totals[s].batches if s in totals else 0 for s in statuses},
            last_update=done.last if done else None,
            waiting_since=min(waiting, default=None),
        )


class CachedValue[T]:
    """A value that is slow to compute and may be some seconds old.

    A quick value is computed for every call. A slow one is computed again in a thread while the
    last value is served, and takes a twentieth of the time at most.
    """

    QUICK_S = 0.01
    SHARE = 0.05
    SHORTEST_S = 2.0

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._value: T | None = None
        self._took_s = 0.0
        self._at = float("-inf")

    def get(self) -> T:
        """The value; only the first caller of a slow one ever waits for it."""
        value = self._value
        if value is None or self._took_s <= self.QUICK_S:
            return self._refresh()
        if time.monotonic() - self._at > max(self.SHORTEST_S, self._took_s / self.SHARE):
            threading.Thread(target=self._refresh_alone, daemon=True).start()
        return value

    def _refresh(self) -> T:
        with self._lock:
            started = time.monotonic()
            self._value = value = self._compute()
            self._at = time.monotonic()
            self._took_s = self._at - started
        return value

    def _refresh_alone(self) -> None:
        if self._lock.acquire(blocking=False):
            self._lock.release()
            with suppress(RetryableError):  # the last value has to do
                self._refresh()


def worker_status(context: Context, counts: StoreCounts) -> dict[str, Any]:
    """The state of processing, for people and for the map page."""
    now = context.clock()
    with context.store.read() as connection:
        worker = workers.newest_worker(connection, now)
        found = breakers.read_breakers(connection)
        resting, soonest = batch_lists.next_resting(connection, now)
    waiting = counts.waiting_since
    return {
        "unprocessed_points": counts.unprocessed_points,
        "processed_points": counts.processed_points,
        "active_devices": counts.active_devices,
        "cached_paths": counts.cached_paths,
        "last_update": counts.last_update,
        "backlog_age_s": 0.0 if waiting is None else max((now - waiting).total_seconds(), 0.0),
        "failed_batches": counts.batches["failed"],
        "pending_batches": counts.batches["pending"],
        "processing_batches": counts.batches["processing"],
        "resting": {
            "batches": resting,
            "next_try_at": soonest.next_try_at if soonest else None,
            "last_error": soonest.message if soonest else None,
        },
        "worker": {
            "running": worker is not None,
            "heartbeat_at": worker.heartbeat_at if worker else None,
        },
        "breakers": [
            {
                "service": service,
                "state": breaker.phase(now).value,
                "last_error": breaker.last_error,
            }
            for service, breaker in found.items()
        ],
    }
