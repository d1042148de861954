"""The Dagster definitions, and the only code that imports Dagster.

Each definition is thin: it calls one use case of `trackflow.usecases` and reports its result. Each
subject has a folder with the same files: `definitions` (its definitions for Dagster), `assets`,
`checks`, `jobs`, `schedules`, `sensors`, and modules of its own beside them. Modules that several
subjects share lie beside the folders.

`build` merges all of them, also for a code location of your own.
"""

from trackflow.defs.building import build

__all__ = ["build"]
