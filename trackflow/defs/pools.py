"""Pools: resources that several runs share, so that one limit can hold for all of them.

There is no limit unless one is set: `dagster instance concurrency set road_engine 2`, or in the UI
under Deployment, Concurrency. The pools of meshes have default limits. A pool spares a server; it
is no lock, as a killed run frees its slot while its process may still run.
"""

import dagster as dg

ROAD_ENGINE = "road_engine"
"""Steps that match: they need processor and memory, or an OSRM server."""

CATALOGUE_SOURCE = "catalogue_source"
"""The site that a catalogue is fetched from."""

GEOCODER = "geocoder"
"""The server that gives coordinates of addresses."""

MESHES = "meshes"
"""Runs that make meshes of single images; at most ten meshes are made at once in any case, which
the store itself sees to."""

MESH_BATCHES = "mesh_batches"
"""Runs that make batches of meshes."""

DEFAULT_LIMITS = {MESHES: 10, MESH_BATCHES: 2}
"""Limits that are set where nobody has set another one."""


def set_default_limits(instance: dg.DagsterInstance) -> None:
    """Give pools their default limits; one that a person has set stays."""
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return
    known = {found.name for found in storage.get_pool_limits() if not found.from_default}
    for pool, limit in DEFAULT_LIMITS.items():
        if pool not in known:
            storage.set_concurrency_slots(pool, limit)
