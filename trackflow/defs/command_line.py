"""What `dg` loads in a checkout: all of trackflow, with any range of days as one run.

`dg launch --partition-range` runs the days in its own process and takes only assets whose backfills
are a single run. Elsewhere a backfill has at most a year of days per run: Dagster plans each day of
each asset before a run starts, and gives a run up that takes minutes to start.
"""

from trackflow.defs.building import build

defs = build(days_per_run=None)
