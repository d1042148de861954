"""Dagster's web server, its daemon and all definitions in one process, for `trackflow serve`.

`dagster dev` starts a process for each, one that watches the code server, and stays itself as a
fifth; all load the same hundred megabytes of modules. Runs have processes of their own.

`python -m trackflow.defs.machines.programs MODULE HOST PORT`
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from dagster import DagsterInstance
from dagster._daemon.controller import DagsterDaemonController, create_daemons_from_instance
from dagster._utils.log import configure_loggers
from dagster_webserver.cli import host_dagster_ui_with_workspace_process_context
from dagster_webserver.version import __version__

from trackflow.defs.machines.own_code import first_day_followed, own_workspace
from trackflow.defs.partitions import FIRST_DAY_FILE_VARIABLE
from trackflow.settings import Settings
from trackflow.sources.parsing.arrow_start import start_without_pandas
from trackflow.supervising import signals_interrupt

LEVEL = "info"

POLL_MS = 2000
"""How often a page of the UI asks for news."""

log = logging.getLogger(__name__)


def main() -> None:
    """Run all until interrupted; the end of one is the end of the others."""
    module, host, port = sys.argv[1:]
    os.environ["DAGSTER_IS_DEV_CLI"] = "1"
    start_without_pandas()
    configure_loggers(formatter="colored", log_level=LEVEL.upper())
    with suppress(KeyboardInterrupt), signals_interrupt(), ExitStack() as stack:
        instance = stack.enter_context(DagsterInstance.get())
        workspace = stack.enter_context(own_workspace(instance, module, __version__))
        daemons = [stack.enter_context(one) for one in create_daemons_from_instance(instance)]
        controller = stack.enter_context(DagsterDaemonController(workspace, daemons))
        stack.enter_context(_watched(controller))
        if file := os.environ.get(FIRST_DAY_FILE_VARIABLE):
            settings = Settings.from_env()
            stack.enter_context(first_day_followed(workspace, settings, Path(file)))
        host_dagster_ui_with_workspace_process_context(
            workspace, host, int(port), "", "warning", POLL_MS
        )


@contextmanager
def _watched(controller: DagsterDaemonController) -> Iterator[None]:
    """End this process, which is then started again, when a thread of the daemon has ended."""
    is_over = threading.Event()

    def watch() -> None:
        try:
            controller.check_daemon_loop()
        finally:
            if not is_over.is_set():
                log.error("a thread of the daemon has ended")
                os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="watch daemon", daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


if __name__ == "__main__":
    main()
