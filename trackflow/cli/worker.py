"""The command that executes Dagster's runs on this machine, for Celery."""

import os
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from trackflow.errors import SettingsError
from trackflow.settings import Settings

APPLICATION = "trackflow.defs.machines.celery_worker"


def add_to(app: typer.Typer) -> None:
    """Add this command to the `trackflow` command."""
    app.command(epilog="Example: trackflow worker --runs 6")(worker)


def worker(
    runs: Annotated[
        int,
        typer.Option(
            min=1, help="Runs at once; all workers together take those of max_concurrent_runs."
        ),
    ] = 6,
) -> None:
    """Execute runs of Dagster that TRACKFLOW_BROKER_URL brings, until Ctrl-C."""
    from trackflow.serving import dagster_environment

    settings = Settings.from_env()
    if not settings.broker_url:
        raise SettingsError("set TRACKFLOW_BROKER_URL, such as redis://broker:6379/0")
    for package in ("celery", "dagster_celery"):
        if find_spec(package) is None:
            raise SettingsError(f"{package} is missing: pip install 'trackflow[celery]'")
    # Dagster's records are those of all machines, where DAGSTER_HOME names them
    own = {"DAGSTER_HOME": home} if (home := os.environ.get("DAGSTER_HOME")) else {}
    options = ["--pool", "threads", "--concurrency", str(runs), "--loglevel", "INFO"]
    celery = ["celery", "--app", APPLICATION, "worker", *options]
    # workers need not know of each other, and two may be on one machine
    quiet = ["--without-gossip", "--without-mingle", "--hostname", f"trackflow-{os.getpid()}@%h"]
    sys.stdout.flush()
    os.execve(  # noqa: S606  this process becomes Celery's, which gets its signals
        sys.executable,
        [sys.executable, "-m", *celery, *quiet],
        dagster_environment(settings) | own,
    )
