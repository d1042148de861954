"""The one Dagster entry: everything that the UI, the daemon and runs know of trackflow.

Loading it needs no environment, no database and no network.
"""

import gc

import dagster as dg


def _loaded() -> dg.Definitions:
    """All definitions; each run and each of Dagster's processes loads them.

    What is loaded is many objects and no garbage: looking for some every 700 objects takes a fifth
    of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        from trackflow.defs import build

        return build()
    finally:
        if was_enabled:
            gc.enable()


defs = _loaded()
