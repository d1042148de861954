"""`kill -9` at any moment, then another run: the state is that of a run that was not killed."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from trackflow.context import Context
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    difference,
    drive,
    empty,
    open_context,
    statuses,
)

LEASE_S = 1

SEED = 20261127
KILLS = 2
MOST_KILLS = 20
"""A worker may be faster than the run that was timed, and done when it is to be killed."""


def fleet(context: Context) -> None:
    start = dt.datetime.combine(NOON.date(), dt.time(20), dt.UTC)
    for device in range(2):
        deliver(context.store, batch_of_device(f"van-{device}", drive(start, 2000, every_s=60)))
        for day in range(3, 9):
            later = NOON + dt.timedelta(days=day)
            deliver(context.store, batch_of_device(f"van-{device}", drive(later, 300)))


@pytest.mark.slow
def test_a_killed_run_is_made_good_by_the_next(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        fleet(context)
        started = time.monotonic()
        run(context)
        run_s = time.monotonic() - started
        expected = contents(context.store)
        environment = os.environ | {
            "TRACKFLOW_HOME": str(tmp_path),
            "TRACKFLOW_DATABASE_URL": database_url,
            "TRACKFLOW_ENGINE_URL": "none",
            "TRACKFLOW_LEASE_S": str(LEASE_S),
            "TRACKFLOW_WORKERS": "1",
        }
        empty(context.store)
        fleet(context)
        print(f"seed {SEED}")  # shown when it fails
        random = np.random.default_rng(SEED)
        killed_at_work = 0
        for _ in range(MOST_KILLS):
            if (
                "pending" not in statuses(context.store).values()
            ):  # it was faster than we: once more
                empty(context.store)
                fleet(context)
            killed_at_work += _killed(context, environment, random.uniform(0, run_s))
            time.sleep(LEASE_S + 0.1)
            if killed_at_work == KILLS:
                break
        assert killed_at_work == KILLS, "it was always done already"
    with open_context(database_url, tmp_path) as context:
        assert not run(context).problems
        assert set(statuses(context.store).values()) == {"completed"}
        assert difference(contents(context.store), expected) == []
        assert verify(context).ok


def _killed(context: Context, environment: dict[str, str], after_s: float) -> bool:
    """Kill a run some time after it has begun to work; whether it was at work then."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "trackflow", "run"], env=environment, stdout=subprocess.DEVNULL
    )
    _wait_for_a_claim(context, worker)
    time.sleep(after_s)
    was_at_work = worker.poll() is None
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    return was_at_work


def _wait_for_a_claim(context: Context, worker: subprocess.Popen[bytes]) -> None:
    while worker.poll() is None and "processing" not in statuses(context.store).values():
        time.sleep(0.01)
