"""How things stand: counts for a person and for monitoring."""

import datetime as dt
from dataclasses import dataclass, field

import sqlalchemy as sa

from trackflow.pipeline.work import Work
from trackflow.store import batches
from trackflow.store.lengths import count_and_length_mm
from trackflow.store.tables import (
    cached_polylines,
    devices,
    gps_points,
    quarantined_points,
    road_networks,
)


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
    """The state of a store.

    Attributes:
        devices: how many have sent something.
        points: how many are stored.
        first_point: the time of the first of them.
        last_point: the time of the last of them.
        quarantined: points that were refused, by reason.
        batches: device-days by status.
        tracks: how many.
        distance_km: their length to the millimetre; the days of any time zone add up to it.
        windows: lines of windows that are cached.
        raw_windows: those of them that follow no road.
        networks: the road networks in use.
        messages: what is to be said of batches that failed or wait.
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
    networks: list[dict[str, object]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


def read_status(work: Work) -> Status:
    """Counts over the whole store, from one consistent view of it."""
    p, c, q = gps_points.c, cached_polylines.c, quarantined_points.c
    count = sa.func.count
    with work.store.read() as connection:
        points, first, last = connection.execute(
            sa.select(count(), sa.func.min(p.recorded_at), sa.func.max(p.recorded_at))
        ).one()
        track_count, length_mm = count_and_length_mm(connection)
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
            distance_km=length_mm / 1e6,
            windows=windows,
            raw_windows=raw,
            networks=[dict(row) for row in networks],
            messages=[
                Message(row.device_id, row.day, row.status, row.retry_count, row.error_message)
                for row in batches.failures(connection)
            ],
        )
