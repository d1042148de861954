"""A process that runs one job, set up by its environment; tests and benchmarks kill it."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.usecases.jobs.kinds import run_job
from trackflow_tests.helpers.waiting import wait_until


def killed_job(
    job_id: uuid.UUID, home: Path, url: str, connections: int, is_enough: Callable[[], bool]
) -> None:
    """Run a job that asks for addresses, and kill it (SIGKILL) in the middle.

    Args:
        job_id: the job.
        home: the folder of the store.
        url: the geocoder.
        connections: requests at once.
        is_enough: whether to kill it now; asked often.
    """
    env = os.environ | {
        "TRACKFLOW_HOME": str(home),
        "TRACKFLOW_ENGINE_URL": "none",
        "TRACKFLOW_GEOCODER_URL": url,
        "TRACKFLOW_GEOCODER_PER_S": "100000",
        "TRACKFLOW_GEOCODER_CONNECTIONS": str(connections),
    }
    with subprocess.Popen([sys.executable, "-m", __name__, str(job_id)], env=env) as process:
        wait_until(lambda: is_enough() or process.poll() is not None, "the middle of the job")
        process.kill()


if __name__ == "__main__":
    with Context.open(Settings.from_env()) as context:
        run_job(context, uuid.UUID(sys.argv[1]))
