"""The service: its health, the state of processing, its figures, its base map."""

import datetime as dt
from typing import Literal, TypedDict

from trackflow.concurrency.breaker import Phase
from trackflow.usecases.queries.processing import StoreCounts, WorkerStatus
from trackflow.web.answers.describing import Answers, described, sends, shows

MVT = "application/vnd.mapbox-vector-tile"
PMTILES_TYPE = "application/vnd.pmtiles"


@described
class HealthAnswer(TypedDict):
    """The service can store points."""

    status: Literal["ok"]


@described
class RestingWork(TypedDict):
    """Device-days that failed and wait for their next try."""

    batches: int
    """Number of device-days."""
    next_try_at: dt.datetime | None
    """When the first of them is tried again, UTC; null if none rests."""
    last_error: str | None
    """Why that one failed."""


@described
class WorkerEntry(TypedDict):
    """The live worker."""

    running: bool
    heartbeat_at: dt.datetime | None
    """Its last sign of life, UTC; null if there is none."""


@described
class BreakerEntry(TypedDict):
    """The circuit breaker of a service that failed once."""

    service: str
    state: Phase
    """While it is open, nothing is requested from the service."""
    last_error: str | None


@described
class WorkerStatusAnswer(TypedDict):
    """Whether processing keeps up, and what stops it."""

    unprocessed_points: int
    """Points of device-days that are not completed."""
    processed_points: int
    """Points of completed device-days."""
    active_devices: int
    """Devices with points in the last 24 hours."""
    cached_paths: int
    """Number of stored lines of windows."""
    last_update: dt.datetime | None
    """When a device-day was last completed, UTC; null if never."""
    backlog_age_s: float
    """How long the oldest unfinished device-day has waited."""
    failed_batches: int
    """Device-days that were given up."""
    pending_batches: int
    """Device-days that wait."""
    processing_batches: int
    """Device-days that a worker has in hand."""
    resting: RestingWork
    worker: WorkerEntry
    breakers: list[BreakerEntry]
    """By service."""


def worker_status_answer(found: WorkerStatus) -> WorkerStatusAnswer:
    """The state of processing."""
    counts = found.counts
    return {
        "unprocessed_points": counts.unprocessed_points,
        "processed_points": counts.processed_points,
        "active_devices": counts.active_devices,
        "cached_paths": counts.cached_paths,
        "last_update": counts.last_update,
        "backlog_age_s": found.backlog_age_s,
        "failed_batches": counts.batches["failed"],
        "pending_batches": counts.batches["pending"],
        "processing_batches": counts.batches["processing"],
        "resting": {
            "batches": found.resting_batches,
            "next_try_at": found.next_try_at,
            "last_error": found.last_error,
        },
        "worker": {
            "running": found.heartbeat_at is not None,
            "heartbeat_at": found.heartbeat_at,
        },
        "breakers": [
            {"service": service, "state": phase, "last_error": error}
            for service, (phase, error) in found.breakers.items()
        ],
    }


HEALTHY: HealthAnswer = {"status": "ok"}

_AT = dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC)
_COUNTS = StoreCounts(
    unprocessed_points=1_280,
    processed_points=4_810_000,
    active_devices=42,
    cached_paths=96_000,
    batches={"pending": 1, "processing": 0, "completed": 2_310, "failed": 0},
    last_update=_AT,
    waiting_since=_AT,
)
_STATUS = WorkerStatus(_COUNTS, 4.2, 0, None, None, _AT, {"engine": (Phase.CLOSED, None)})

HEALTH = shows(HealthAnswer, HEALTHY)
WORKER_STATUS = shows(WorkerStatusAnswer, worker_status_answer(_STATUS))
METRICS = sends("text/plain", "Figures in the text format of Prometheus.")
BASE_MAP = sends({MVT: "binary"}, "A tile, packed by gzip if the client takes that.")
PARTS: Answers = {
    206: {"description": "The asked range of bytes."},
    416: {"description": "The file ends before the asked range."},
}
PMTILES = sends({PMTILES_TYPE: "binary"}, "The file, or the asked range of its bytes.")
ROADS = sends({MVT: "binary"}, "A tile; empty where there are no roads.")
