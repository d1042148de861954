"""The Dagster definitions, and the only code that imports Dagster.

Everything here is thin: it calls one use case of `trackflow.usecases` and reports what came of it.
One folder for each subject, with the same files in each: `definitions` (what it gives to Dagster),
`assets`, `checks`, `jobs`, `schedules`, `sensors`, and modules of its own beside them. Beside the
folders lies what they share.

`build` puts all of it together, also for a code location of your own.
"""

from trackflow.defs.building import build

__all__ = ["build"]
