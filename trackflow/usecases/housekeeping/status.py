"""The state of a store: counts for a person and for monitoring."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from trackflow.context import Context
from trackflow.store.days import batch_lists
from trackflow.store.days.lengths import count_and_length_mm
from trackflow.store.housekeeping.totals import read_totals
from trackflow.store.roads import networks
from trackflow.tracks.notices import Notice
from trackflow.usecases.days.notices import DeviceGuess, read_guesses, read_notices
from trackflow.usecases.housekeeping.alerts.watching import alerts_now
from trackflow.usecases.housekeeping.health import write_probe
from trackflow.usecases.roads.rematching import outdated_days


@dataclass(frozen=True, slots=True)
class BatchMessage:
    """The message of a batch that failed or waits.

    Attributes:
        device_id: the device of the batch.
        day: its day.
        status: failed or pending, mostly.
        tries: failed ones so far.
        message: the last error, or the service that it waits for.
        next_try_at: when it is tried again; None if it waits for a service, or the time is over.
    """

    device_id: str
    day: dt.date
    status: str
    tries: int
    message: str
    next_try_at: dt.datetime | None = None


@dataclass(slots=True)
class StoreStatus:
    """The state of a store.

    Attributes:
        devices: the number of devices with points.
        points: the number of stored points.
        first_point: the time of the first of them.
        last_point: the time of the last of them.
        quarantined: points that were refused, by reason.
        batches: device-days by status.
        tracks: the number of tracks.
        distance_km: their length to the millimetre; the days of any time zone add up to it.
        windows: lines of windows that are cached.
        raw_windows: those of them that follow no road.
        outdated_days: device-days whose lines were made without roads, or on a former network.
        networks: the road networks in use.
        messages: of batches that failed or wait: the newest of each message, then the others.
        looks_like: the guessed kind of the first devices without a preset.
        notices: findings that need a person's attention, the most points first.
        alerts: what is wrong now, in words, without what is silenced.
    """

    devices: int
    points: int
    first_point: dt.datetime | None
    last_point: dt.datetime | None
    quarantined: dict[str, int]
    batches: dict[str, int]
    tracks: int
    distance_km: float
    windows: int
    raw_windows: int
    outdated_days: int = 0
    networks: list[dict[str, object]] = field(default_factory=list)
    messages: list[BatchMessage] = field(default_factory=list)
    looks_like: list[DeviceGuess] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)


def read_status(context: Context) -> StoreStatus:
    """Counts over the whole store, from one consistent view of it."""
    notices, guesses = read_notices(context), read_guesses(context)
    alerts = [
        str(alert) for alert in alerts_now(context, write_probe(context)) if not alert.silenced
    ]
    with context.store.read() as connection:
        totals = read_totals(connection)
        track_count, length_mm = count_and_length_mm(connection)
        return StoreStatus(
            devices=totals.devices,
            points=totals.points,
            first_point=totals.first_point,
            last_point=totals.last_point,
            quarantined=totals.quarantined,
            batches=batch_lists.counts(connection),
            tracks=track_count,
            distance_km=length_mm / 1e6,
            windows=totals.windows,
            raw_windows=totals.raw_windows,
            outdated_days=sum(outdated_days(context, connection).values()),
            networks=networks.summaries(connection),
            messages=[_message(row, context.clock()) for row in batch_lists.failures(connection)],
            looks_like=guesses,
            notices=notices,
            alerts=alerts,
        )


def _message(row: Any, now: dt.datetime) -> BatchMessage:
    waits = row.status == "pending" and row.next_try_at is not None and row.next_try_at > now
    return BatchMessage(
        row.device_id,
        row.day,
        row.status,
        row.retry_count,
        row.error_message,
        row.next_try_at if waits else None,
    )
