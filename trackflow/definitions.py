"""The one Dagster entry: everything that the UI, the daemon and runs know of trackflow.

Loading it needs no environment, no database and no network.
"""

from trackflow.defs import build

defs = build()
