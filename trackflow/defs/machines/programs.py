"""Dagster's web server and daemon in one process, for `trackflow serve`.

`dagster dev` starts a process for each, and stays itself as a third one; all three load the same
hundred megabytes of modules. Here the daemon's threads run beside the web server's. The code server
stays a process of its own, as Dagster replaces it whenever definitions are loaded again.

`python -m trackflow.defs.machines.programs MODULE HOST PORT`
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from dagster import DagsterInstance
from dagster._cli.dev import _optionally_create_temp_workspace
from dagster._cli.workspace.cli_target import workspace_opts_to_load_target
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceLoadTarget
from dagster._daemon.controller import DagsterDaemonController, daemon_controller_from_instance
from dagster._utils.log import configure_loggers
from dagster_shared.cli import WorkspaceOpts
from dagster_webserver.cli import host_dagster_ui_with_workspace_process_context
from dagster_webserver.version import __version__

from trackflow.serving import signals_interrupt

LEVEL = "info"

POLL_MS = 2000
"""How often a page of the UI asks for news."""

log = logging.getLogger(__name__)


def main() -> None:
    """Run both until interrupted; the end of either is the end of the other."""
    module, host, port = sys.argv[1:]
    os.environ["DAGSTER_IS_DEV_CLI"] = "1"
    configure_loggers(formatter="colored", log_level=LEVEL.upper())
    with suppress(KeyboardInterrupt), signals_interrupt(), ExitStack() as stack:
        instance = stack.enter_context(DagsterInstance.get())
        target = _code_server(stack, instance, module)
        controller = stack.enter_context(
            daemon_controller_from_instance(
                instance,
                workspace_load_target=target,
                code_server_log_level=LEVEL,
                log_level=LEVEL,
            )
        )
        stack.enter_context(_watched(controller))
        workspace = stack.enter_context(
            WorkspaceProcessContext(
                instance,
                version=__version__,
                read_only=False,
                workspace_load_target=target,
                code_server_log_level=LEVEL,
            )
        )
        host_dagster_ui_with_workspace_process_context(
            workspace, host, int(port), "", "warning", POLL_MS
        )


def _code_server(stack: ExitStack, instance: DagsterInstance, module: str) -> WorkspaceLoadTarget:
    """Start the code server; returns where the web server and the daemon find it."""
    _, file = stack.enter_context(
        _optionally_create_temp_workspace(
            use_legacy_code_server_behavior=False,
            workspace_opts=WorkspaceOpts(module_name=(module,)),
            instance=instance,
            code_server_log_level=LEVEL,
        )
    )
    return workspace_opts_to_load_target(WorkspaceOpts(workspace=(file,)))


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
