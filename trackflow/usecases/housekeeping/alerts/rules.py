"""Rules of alerts: a snapshot of the service in, what is wrong out. Pure functions."""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trackflow.store.housekeeping.alerts import AlertKey
from trackflow.usecases.days.report import counted

WORKER_MISSING_FOR = dt.timedelta(minutes=5)
CATALOGUE_AGE = dt.timedelta(days=3)
"""A sync runs every night: so two have failed, and the third is late."""

STALE_AFTER = dt.timedelta(days=1)
"""Without a point of any device that reports regularly."""

EVERY_DAY = dt.timedelta(days=1.1)
"""A device of this interval, on average, reports every day."""

REGULAR_DAYS = 5
"""A device that has reported on fewer of the days that are looked at is expected at no time."""

SILENT_INTERVALS = 3.0
"""A device is silent after so many of its usual intervals, of a day at least."""

BURST = 100
"""Refused inputs in an hour; fewer are everyday noise."""

BURST_TIMES = 10.0
"""And so many times those of a usual hour."""

DISK_SHARE = 0.1
FILLS_WITHIN = dt.timedelta(days=1)
TREND_SPAN = dt.timedelta(hours=1)
"""Samples over a shorter time say nothing about a day."""

SLACK = 1.25
"""An alert that is on ends only when its figure is this much better than the limit."""

GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class DeviceReporting:
    """How often a device reports.

    Attributes:
        device_id: its id.
        days: that it has reported on lately.
        interval: between two of them, on average.
        last_time: of its last point, UTC.
    """

    device_id: str
    days: int
    interval: dt.timedelta
    last_time: dt.datetime


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """A folder's file system.

    Attributes:
        folder: home, database or meshes.
        total_bytes: its size.
        free_bytes: what is free now.
        samples: times and free bytes of the last hours, the oldest first.
    """

    folder: str
    total_bytes: int
    free_bytes: int
    samples: Sequence[tuple[dt.datetime, int]] = ()


@dataclass(frozen=True, slots=True)
class ServiceSnapshot:
    """What the rules look at.

    Attributes:
        now: the time, UTC.
        waiting: device days that wait, in all stages.
        waiting_since: since when the oldest of them does; None without any.
        failed_batches: device days that were given up.
        failed_jobs: jobs that failed within a day, by kind.
        refused_hour: inputs that were refused within an hour.
        refused_week: the same, within a week.
        worker_died_at: the last heartbeat of a live worker that died; None if none has.
        live_work_since: since when points of yesterday or today wait; None if none do.
        synced_at: when each source of race tracks that was ever synced was last synced.
        devices: those that report.
        disks: the file systems.
    """

    now: dt.datetime
    waiting: int = 0
    waiting_since: dt.datetime | None = None
    failed_batches: int = 0
    failed_jobs: Mapping[str, int] = field(default_factory=dict)
    refused_hour: int = 0
    refused_week: int = 0
    worker_died_at: dt.datetime | None = None
    live_work_since: dt.datetime | None = None
    synced_at: Mapping[str, dt.datetime] = field(default_factory=dict)
    devices: Sequence[DeviceReporting] = ()
    disks: Sequence[DiskSpace] = ()


@dataclass(frozen=True, slots=True)
class AlertLimits:
    """Limits of the rules.

    Attributes:
        backlog: how long work may wait.
        silent: how long a device may say nothing; None for three of its own intervals.
        disk_bytes: what should be free; None for a tenth of the disk.
        slack: by which a figure has to be better for an alert that is on to end.
    """

    backlog: dt.timedelta = dt.timedelta(hours=1)
    silent: dt.timedelta | None = None
    disk_bytes: float | None = None
    slack: float = 1.0


type Found = Iterator[tuple[str, str]]
"""The device (empty for none), and what is wrong, in words."""

type AlertRule = Callable[[ServiceSnapshot, AlertLimits], Found]


def find_alerts(
    seen: ServiceSnapshot, limits: AlertLimits, on: Collection[AlertKey] = ()
) -> dict[AlertKey, str]:
    """What is wrong, in words, by rule and device.

    Args:
        seen: the service.
        limits: of the rules.
        on: alerts that are on: they stay so until their figures are better than the limits.
    """
    found = _found(seen, replace(limits, slack=1.0))
    kept = _found(seen, replace(limits, slack=SLACK)) if on else {}
    return found | {key: text for key, text in kept.items() if key in on and key not in found}


def _found(seen: ServiceSnapshot, limits: AlertLimits) -> dict[AlertKey, str]:
    return {
        (name, device_id): text
        for name, rule in RULES.items()
        for device_id, text in rule(seen, limits)
    }


def backlog(seen: ServiceSnapshot, limits: AlertLimits) -> Found:
    """Work waits for too long."""
    if seen.waiting_since is None:
        return
    age = seen.now - seen.waiting_since
    if age > limits.backlog / limits.slack:
        days = counted(seen.waiting, "device day waits", "device days wait")
        yield "", f"{days}, the oldest for {in_words(age)}"


def live_worker(seen: ServiceSnapshot, limits: AlertLimits) -> Found:
    """The live worker has died, no other took its place, and points wait for it."""
    del limits
    if seen.worker_died_at is None or seen.live_work_since is None:
        return
    if min(seen.now - seen.worker_died_at, seen.now - seen.live_work_since) > WORKER_MISSING_FOR:
        ago = in_words(seen.now - seen.worker_died_at)
        yield "", f"the live worker gave its last sign of life {ago} ago, and points wait for it"


def failed_batches(seen: ServiceSnapshot, limits: AlertLimits) -> Found:
    """Device days were given up."""
    del limits
    if seen.failed_batches:
        yield "", f"device days that were given up after too many tries: {seen.failed_batches:,}"


def failed_jobs(seen: ServiceSnapshot, limits: AlertLimits) -> Found:
    """Jobs have failed within a day."""
    del limits
    if seen.failed_jobs:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(seen.failed_jobs.items()))
        yield "", f"jobs that failed within a day: {kinds}"


def quarantine(seen: ServiceSnapshot, limits: AlertLimits) -> Found:
    """Much more input than usual was refused."""
    usual = max(seen.refused_week - seen.refused_hour, 0) / (7 * 24 - 1)
    limit = max(float(BURST), BURST_TIMES * usual) / limits.slack
    if seen.refused_hour >= limit:
        yield (
            "",
            f"{seen.refused_hour:,} inputs were refused within an hour; usual are {usual:,.0f}",
        )


def stale(seen: ServiceSnapshot, limits: AlertLimits) -> Found:
    """No device that reports regularly has sent anything."""
    regular = _regular(seen)
    if not regular:
        return
    age = seen.now - max(one.last_time for one in regular)
    shortest = min(one.interval for one in regular)
    # where nobody reports at weekends, a weekend is no news
    patience = STALE_AFTER if shortest <= EVERY_DAY else SILENT_INTERVALS * shortest
    if age > (limits.silent or patience) / limits.slack:
        yield "", f"no device that reports regularly has sent a point for {in_words(age)}"


def silent_device(seen: ServiceSnapshot, limits: AlertLimits) -> Found:
    """A device that reports regularly is silent; if all are, `stale` says so."""
    silent = [
        one
        for one in _regular(seen)
        if seen.now - one.last_time > _patience(one, limits) / limits.slack
    ]
    if len(silent) > 1 and len(silent) == len(_regular(seen)):
        return
    for one in silent:
        age = in_words(seen.now - one.last_time)
        yield one.device_id, f"silent for {age}; usual is a report every {in_words(one.interval)}"


def catalogue(seen: ServiceSnapshot, limits: AlertLimits) -> Found:
    """A list of race tracks was not synced for long."""
    late = {
        source: seen.now - at
        for source, at in sorted(seen.synced_at.items())
        if seen.now - at > CATALOGUE_AGE / limits.slack
    }
    if late:
        parts = (f"{source} for {in_words(age)}" for source, age in late.items())
        yield "", f"race tracks were not synced: {', '.join(parts)}"


def disk(seen: ServiceSnapshot, limits: AlertLimits) -> Found:
    """A disk is nearly full, or will be within a day."""
    parts = []
    for one in seen.disks:
        needed = limits.disk_bytes or DISK_SHARE * one.total_bytes
        left = fills_in(one)
        if one.free_bytes < needed * limits.slack:
            share = 100 * one.free_bytes / max(one.total_bytes, 1)
            parts.append(f"{one.folder} has {one.free_bytes / GB:,.1f} GB free ({share:.0f} %)")
        elif left is not None and left < FILLS_WITHIN * limits.slack:
            parts.append(f"{one.folder} will be full in {in_words(left)} if it goes on like this")
    if parts:
        yield "", f"disk space: {'; '.join(parts)}"


RULES: Mapping[str, AlertRule] = {
    "backlog": backlog,
    "live_worker": live_worker,
    "failed_batches": failed_batches,
    "failed_jobs": failed_jobs,
    "quarantine": quarantine,
    "stale": stale,
    "silent_device": silent_device,
    "catalogue": catalogue,
    "disk": disk,
}

ADVICE: Mapping[str, str] = {
    "backlog": "`trackflow status` names what the batches wait for; is `trackflow serve` running?",
    "live_worker": "Look at the run live_job and at live_sensor in the Dagster UI, or work.log.",
    "failed_batches": "`trackflow status` says why; `trackflow run --retry-failed` tries again.",
    "failed_jobs": "`trackflow jobs list` has the errors; `trackflow jobs resume ID` goes on.",
    "quarantine": "`trackflow quarantine list` says by sender what to set right.",
    "stale": "Is the service reachable for devices? `/health` and the proxy's log tell.",
    "silent_device": "Look at the device, or silence it by TRACKFLOW_ALERTS_OFF.",
    "catalogue": "`trackflow catalogue status` says what the last sync met.",
    "disk": "Make room, or delete old data: TRACKFLOW_RETENTION_DAYS, `trackflow mesh cleanup`.",
}
"""What to do, by rule."""


def fills_in(space: DiskSpace) -> dt.timedelta | None:
    """When the disk is full, by the straight line through its samples; None if it does not fill."""
    if not space.samples or space.samples[-1][0] - space.samples[0][0] < TREND_SPAN:
        return None
    start = space.samples[0][0]
    hours = [(at - start).total_seconds() / 3600 for at, _ in space.samples]
    free = [float(size) for _, size in space.samples]
    mean_h, mean_b = sum(hours) / len(hours), sum(free) / len(free)
    spread = sum((h - mean_h) ** 2 for h in hours)
    slope = sum((h - mean_h) * (b - mean_b) for h, b in zip(hours, free, strict=True)) / spread
    if slope >= 0:
        return None
    # a disk that will last for years has no date
    return dt.timedelta(hours=min(space.free_bytes / -slope, 1e6))


def in_words(span: dt.timedelta) -> str:
    """A time span: "3 days", "5 hours", "12 minutes"."""
    minutes = max(span.total_seconds(), 0.0) / 60
    for size, unit in ((1440, "day"), (60, "hour")):
        if minutes >= 2 * size:
            return f"{minutes / size:,.0f} {unit}s"
    count = round(minutes)
    return f"{count} minute{'' if count == 1 else 's'}"


def _regular(seen: ServiceSnapshot) -> list[DeviceReporting]:
    return [one for one in seen.devices if one.days >= REGULAR_DAYS]


def _patience(one: DeviceReporting, limits: AlertLimits) -> dt.timedelta:
    return limits.silent or SILENT_INTERVALS * max(one.interval, dt.timedelta(days=1))
