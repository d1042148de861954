"""How things stand: counts for a person and for monitoring."""

import datetime as dt
from dataclasses import dataclass, field

import sqlalchemy as sa

from trackflow.pipeline.noticing import DeviceGuess, read_guesses, read_notices
from trackflow.pipeline.work import Work
from trackflow.store import batches
from trackflow.store.tables import (
    cached_polylines,
    devices,
    gps_points,
    quarantined_points,
    road_networks,
    tracks,
)
from trackflow.tracks.notices import Notice


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be said of a batch that failed or waits."""

    device_id: str
    day: dt.date
    status: str
    tries: int
    message: str


@dataclass(slots=True)
class Status:
    """The state of a store; `looks_like` and `notices` are what `pipeline.noticing` finds."""

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
    networks: list[dict[str, object]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    looks_like: list[DeviceGuess] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def read_status(work: Work) -> Status:
    """Counts over the whole store, from one consistent view of it."""
    p, t, c, q = gps_points.c, tracks.c, cached_polylines.c, quarantined_points.c
    count = sa.func.count
    notices, guesses = read_notices(work), read_guesses(work)
    with work.store.read() as connection:
        points, first, last = connection.execute(
            sa.select(count(), sa.func.min(p.recorded_at), sa.func.max(p.recorded_at))
        ).one()
        track_count, distance_m = connection.execute(
            sa.select(count(), sa.func.coalesce(sa.func.sum(t.distance_m), 0.0))
        ).one()
        windows, raw = connection.execute(
            sa.select(count(), count(sa.case((c.is_raw, 1)))).select_from(cached_polylines)
        ).one()
        reasons = connection.execute(
            sa.select(q.reason, count()).group_by(q.reason).order_by(count().desc())
        )
        networks = connection.execute(
            sa.select(
                road_networks.c.profile,
                road_networks.c.source_name,
                road_networks.c.version,
                road_networks.c.size_bytes,
                road_networks.c.built_at,
            ).order_by(road_networks.c.profile)
        ).mappings()
        return Status(
            devices=connection.scalar(sa.select(count()).select_from(devices)) or 0,
            points=points,
            first_point=first,
            last_point=last,
            quarantined={reason: number for reason, number in reasons},  # noqa: C416
            batches=batches.counts(connection),
            tracks=track_count,
            distance_km=round(distance_m / 1000, 3),
            windows=windows,
            raw_windows=raw,
            networks=[dict(row) for row in networks],
            messages=[
                Message(row.device_id, row.day, row.status, row.retry_count, row.error_message)
                for row in batches.failures(connection)
            ],
            looks_like=guesses,
            notices=notices,
        )
