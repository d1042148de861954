"""The Dagster definitions, and the only code that imports Dagster.

Each definition is thin: it calls one use case of `trackflow.usecases` and reports its result. Each
subject has a folder with the same files: `definitions` (its definitions for Dagster), `assets`,
`checks`, `jobs`, `schedules`, `sensors`, and modules of its own beside them. Modules that several
subjects share lie beside the folders.

`build` merges all of them, also for a code location of your own. It is loaded when it is used:
Dagster's web server and daemon load the launcher from here, and need no definitions.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackflow.defs.building import build

__all__ = ["build"]


def __getattr__(name: str) -> Any:
    if name != "build":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from trackflow.defs.building import build

    return build
