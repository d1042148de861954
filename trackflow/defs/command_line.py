"""The definitions of a checkout for `dg`: all of trackflow, any range of days as one run."""

from trackflow.defs.building import build

defs = build(days_per_run=None)
