"""Celery's application for workers: `celery -A trackflow.defs.machines.celery_worker worker`.

`trackflow worker` starts it with the right options.
"""

import os
import socket
import threading
import time
from typing import Any

from celery import signals
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value
from dagster_celery.config import TASK_EXECUTE_JOB_NAME
from dagster_celery.make_app import make_app

from trackflow.defs.machines.celery_settings import celery_app_arguments
from trackflow.defs.machines.run_processes import RunProcesses
from trackflow.settings import Settings

_settings = Settings.from_env()
app = make_app(celery_app_arguments(_settings))  # type: ignore[no-untyped-call]

# a worker that is started again under the same host name must not vouch for its predecessor's runs
_runs = RunProcesses(f"{socket.gethostname()}-{os.getpid()}", _settings.lease_s)


HAND_BACK_S, HAND_BACKS = 2, 20
"""A helper that comes to the machine of the run that it helps is handed back to the broker, so that
another machine may take it; after so many times there is no other machine. The wait is before that:
a message that Celery puts off stays with its worker, and is lost when the broker restarts."""


@app.task(  # type: ignore[untyped-decorator]  # Celery has no types
    name=TASK_EXECUTE_JOB_NAME,
    bind=True,
    # the database may be away when a message comes
    autoretry_for=(Exception,),
    retry_backoff=5,
    retry_backoff_max=60,
    max_retries=60,
)
def execute_run(self: Any, execute_job_args_packed: Any) -> None:
    """Execute a run, by the name and with the argument that Dagster's launcher sends."""
    args = unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs)
    if not _runs.is_beside_its_leader(args.run_id):
        _runs.execute(args)
    elif self.request.retries < HAND_BACKS:
        time.sleep(HAND_BACK_S)
        raise self.retry(countdown=0)
    else:
        _runs.send_home(args.run_id)


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def _begin(**_: object) -> None:
    threading.Thread(target=_runs.watch, name="signs of life", daemon=True).start()


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _end(**_: object) -> None:
    _runs.stop()
