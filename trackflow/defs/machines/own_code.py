"""trackflow's definitions in the process of Dagster's web server and daemon, for `trackflow serve`.

Dagster loads definitions in code servers, as they may change, or belong to several companies. Here
they are those that are installed: a code server and the process that watches it would load the same
modules twice more, and each tick would be packed, sent and unpacked.
"""

import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dagster import DagsterInstance
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceLoadTarget

from trackflow.errors import RetryableError
from trackflow.settings import Settings
from trackflow.usecases.days.first_day import move_first_day

FIRST_DAY_EVERY_S = 30.0
"""Between two checks for points of older days: one query on an index."""

NOT_LOADED_AGAIN = "trackflow.defs.machines"
"""What runs Dagster itself, and holds no definitions."""

log = logging.getLogger(__name__)


class OwnModule(WorkspaceLoadTarget):
    """The one code location: a module, which is loaded in this process."""

    def __init__(self, module: str) -> None:
        self.module = module

    def create_origins(self) -> Sequence[InProcessCodeLocationOrigin]:
        """Where its definitions come from; its name is the module's, as in a code server."""
        target = LoadableTargetOrigin(executable_path=sys.executable, module_name=self.module)
        return [InProcessCodeLocationOrigin(target, location_name=self.module)]


class OwnWorkspace(WorkspaceProcessContext):
    """Dagster's view of the definitions, shared by its web server and its daemon."""

    def refresh_workspace(self) -> None:
        """Do nothing: the daemon asks every minute for what may have changed in code servers."""

    def reload_workspace(self) -> None:
        """As the UI asks for it: Dagster's own way knows no definitions in its own process.

        It would leave none: no schedule, no sensor and no backfill would go on until a restart.
        """
        self.load_again()

    def reload_code_location(self, name: str) -> None:
        """The same: there is one."""
        del name
        self.load_again()

    def load_again(self) -> None:
        """Load the definitions again, as days begin earlier; what runs goes on with the old."""
        names = [origin.location_name for origin in self._origins]
        for module in [*names, *_modules_of_definitions()]:
            sys.modules.pop(module, None)
        ReconstructableJob.get_definition.cache_clear()
        ReconstructableJob.get_repository_definition.cache_clear()
        self._update_workspace(
            {
                origin.location_name: self._load_location(origin, reload=False)
                for origin in self._origins
            }
        )


def own_workspace(instance: DagsterInstance, module: str, version: str) -> OwnWorkspace:
    """The definitions of a module, for the programs of an instance."""
    return OwnWorkspace(instance, version=version, workspace_load_target=OwnModule(module))


def _modules_of_definitions() -> list[str]:
    return [
        name
        for name in sys.modules
        if name == "trackflow.defs" or name.startswith("trackflow.defs.")
        if not name.startswith(NOT_LOADED_AGAIN)
    ]


@contextmanager
def first_day_followed(workspace: OwnWorkspace, settings: Settings, file: Path) -> Iterator[None]:
    """Check once in a while for points of older days, which Dagster shows no partitions of yet.

    Args:
        workspace: has its definitions loaded again when there are some.
        settings: the store.
        file: where the definitions find their first day.
    """
    end = threading.Event()

    def follow() -> None:
        while not end.wait(FIRST_DAY_EVERY_S):
            follow_first_day(workspace, settings, file)

    threading.Thread(target=follow, name="first day", daemon=True).start()
    try:
        yield
    finally:
        end.set()


def follow_first_day(workspace: OwnWorkspace, settings: Settings, file: Path) -> None:
    """Load the definitions again if there are points before their first day."""
    try:
        if move_first_day(settings, file):
            workspace.load_again()
            log.info("Dagster's days begin earlier now")
    except RetryableError as error:
        # the database is busy; those days are processed all the same
        log.warning("days before the first one are not shown yet: %s", error)
