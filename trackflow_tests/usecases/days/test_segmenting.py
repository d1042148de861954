"""Devices that are segmented together: what each would get alone, and no harm from a neighbour."""

import datetime as dt
import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.geo.points import Points
from trackflow.store.intake import points
from trackflow.store.tables import devices
from trackflow.tracks.thresholds import Thresholds
from trackflow.tracks.together import DeviceDays, segment_together
from trackflow.usecases.days import run as running
from trackflow.usecases.days import segmenting
from trackflow.usecases.days.run import run
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    contents,
    deliver,
    difference,
    drive,
    empty,
    open_context,
    statuses,
)
from trackflow_tests.helpers.waiting import PATIENCE_S

DAY = NOON.date()
LEASE_S = 60.0
processes = multiprocessing.get_context("spawn")


def test_devices_of_a_run_are_segmented_at_once_and_as_each_alone(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def counted(given: Sequence[DeviceDays], thresholds: Thresholds) -> Any:
        sizes.append(len(given))
        return segment_together(given, thresholds)

    def fill() -> None:
        for k in range(5):
            start = NOON + dt.timedelta(hours=5 * k)  # some go on into the next day
            deliver(context.store, batch_of_device(f"van-{k}", drive(start, 200)))
        other = sa.update(devices).where(devices.c.device_id == "van-3")
        with context.store.write() as connection:
            connection.execute(other.values(preset="asset"))

    monkeypatch.setattr(segmenting, "segment_together", counted)
    with open_context(database_url, tmp_path) as context:
        fill()
        run(context)
        assert max(sizes) == 4, "all with the same thresholds"
        together = contents(context.store)
        empty(context.store)
        monkeypatch.setitem(running.UNIT_DAYS, "segmented", 1)
        sizes.clear()
        fill()
        run(context)
        assert set(sizes) == {1}
        assert difference(together, contents(context.store)) == []


def _run_with_a_deadly_device(url: str, home: Path, clock: Clock) -> None:
    """A run whose process ends as if killed when it comes to read a device's points."""

    def deadly(connection: Any, device_id: str, *bounds_us: int) -> Points:
        if device_id == "b":
            os._exit(9)
        return read(connection, device_id, *bounds_us)

    read = points.read_all
    points.read_all = deadly  # type: ignore[assignment]
    with open_context(url, home, clock, max_tries=2, lease_s=LEASE_S) as context:
        run(context)


def test_a_device_that_kills_its_worker_uses_up_no_tries_of_others(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    with open_context(database_url, tmp_path, clock) as context:
        for name in "abcd":
            deliver(context.store, batch_of_device(name, drive(NOON, 200)))
        ends = []
        for _ in range(3):
            given = (database_url, tmp_path, clock)
            child = processes.Process(target=_run_with_a_deadly_device, args=given)
            child.start()
            child.join(PATIENCE_S)
            ends.append(child.exitcode)
            clock.advance(2 * LEASE_S)
        assert ends == [9, 9, 0], "killed with the others, killed alone, given up"
        assert {name for (name, _), s in statuses(context.store).items() if s == "failed"} == {"b"}
        others = {s for (name, _), s in statuses(context.store).items() if name != "b"}
        assert others == {"completed"}
