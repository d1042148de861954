"""Reads what the rules of alerts look at."""

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.time import midnight
from trackflow.settings import Settings
from trackflow.store.catalogue import syncs
from trackflow.store.database import Connection
from trackflow.store.housekeeping import counters, figures
from trackflow.usecases.days.waiting import first_live_day
from trackflow.usecases.housekeeping.alerts.rules import (
    GB,
    AlertLimits,
    DeviceReporting,
    DiskSpace,
    ServiceSnapshot,
)

LOOKED_BACK = dt.timedelta(days=60)
"""For how often devices report. One that is silent for longer is no longer expected."""

HOUR, DAY, WEEK = dt.timedelta(hours=1), dt.timedelta(days=1), dt.timedelta(days=7)

SAMPLE_EVERY, SAMPLES_KEPT = dt.timedelta(minutes=10), dt.timedelta(hours=6)
"""Of free space: a day is foretold from the last hours."""


def limits_of(settings: Settings) -> AlertLimits:
    """The limits that the settings name."""
    return AlertLimits(
        backlog=dt.timedelta(minutes=settings.alert_backlog_min),
        silent=dt.timedelta(hours=settings.alert_silent_h) or None,
        disk_bytes=settings.alert_disk_gb * GB or None,
    )


def read_snapshot(context: Context) -> ServiceSnapshot:
    """How the service stands, from one consistent view of the store."""
    now = context.clock()
    with context.store.read() as connection:
        stages = figures.stage_states(connection)
        samples = counters.read_samples(connection)
        return ServiceSnapshot(
            now=now,
            waiting=max(state.waiting for state in stages.values()),
            waiting_since=min(
                (state.waiting_since for state in stages.values() if state.waiting_since),
                default=None,
            ),
            failed_batches=sum(state.failed for state in stages.values()),
            failed_jobs=figures.failed_jobs(connection, now - DAY),
            refused_hour=sum(figures.quarantine_by_reason(connection, now - HOUR).values()),
            refused_week=sum(figures.quarantine_by_reason(connection, now - WEEK).values()),
            worker_died_at=figures.dead_worker_at(connection, now),
            live_work_since=figures.live_work_waits_since(connection, first_live_day(now)),
            synced_at=_synced_at(context, connection),
            devices=read_devices(connection, now),
            disks=[
                replace(one, samples=[*samples.get(one.folder, []), (now, one.free_bytes)])
                for one in disk_spaces(context)
            ],
        )


def sample_disks(context: Context, connection: Connection) -> None:
    """Note the free space from time to time."""
    free = {one.folder: one.free_bytes for one in disk_spaces(context)}
    counters.add_sample(connection, free, context.clock(), every=SAMPLE_EVERY, keep=SAMPLES_KEPT)


def read_devices(connection: Connection, now: dt.datetime) -> Sequence[DeviceReporting]:
    """How often devices report."""
    found = figures.reporting_devices(connection, (now - LOOKED_BACK).date())
    return [
        DeviceReporting(
            one.device_id,
            one.days,
            (one.last_day - one.first_day) / max(one.days - 1, 1),
            one.last_time or midnight(one.last_day),
        )
        for one in found
    ]


def disk_spaces(context: Context) -> list[DiskSpace]:
    """The file systems of the service's folders on this machine, each once."""
    folders = {"home": context.settings.home}
    if not context.store.is_postgresql:
        folders["database"] = Path(context.store.name).absolute().parent
    if context.settings.mesh_storage and "://" not in context.settings.mesh_storage:
        folders["meshes"] = Path(context.settings.mesh_storage)
    found: dict[int, DiskSpace] = {}
    for name, path in folders.items():
        try:
            number, usage = path.stat().st_dev, shutil.disk_usage(path)
        except OSError:  # a folder is made when something is put into it
            continue
        found.setdefault(number, DiskSpace(name, usage.total, usage.free))
    return list(found.values())


def _synced_at(context: Context, connection: Connection) -> dict[str, dt.datetime]:
    """When each source that the settings name was last synced."""
    found = syncs.last_completed(connection)
    if not found:
        return {}
    # its HTTP client takes longer to load than all of `trackflow status` takes
    from trackflow.usecases.catalogue.sources import sources

    try:
        names = sources(context.settings).keys()
    except SettingsError:
        return {}  # a wrong address of a source must not hide all other alerts
    return {name: at for name, at in found.items() if name in names}
