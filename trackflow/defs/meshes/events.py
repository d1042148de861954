"""Events of meshes for Dagster's record of their image: made, failed, tried again, retired.

Meshes are also made outside Dagster's runs (by command, by other workers, in batches). So events
are made from the rows of the store, each once: what Dagster has of the same mesh, status and number
of tries is left out.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from trackflow.context import Context
from trackflow.defs.meshes.checks import evaluations
from trackflow.defs.meshes.describing import describe, describe_trouble, state_of
from trackflow.usecases.meshes.control import Mesh, MeshStatus

COMPARED = 20
"""The newest events of an image of one sort that are compared."""

type MeshEvent = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


def new_events(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    trackflow_context: Context,
    meshes: Sequence[Mesh],
) -> Iterator[MeshEvent]:
    """Events of meshes that Dagster does not have yet.

    Args:
        instance: Dagster's records.
        key: of the asset.
        trackflow_context: for files, pictures and settings.
        meshes: in the order of what happened.
    """
    for mesh in meshes:
        if not _is_known(instance, key, mesh):
            yield from _events_of(key, trackflow_context, mesh)


def _events_of(key: dg.AssetKey, trackflow_context: Context, mesh: Mesh) -> Iterator[MeshEvent]:
    """The events of a mesh as it is now; of a completed one its checks as well."""
    if mesh.status is MeshStatus.COMPLETED:
        yield dg.AssetMaterialization(
            key, partition=mesh.image_key, metadata=describe(trackflow_context, mesh)
        )
        yield from evaluations(key, mesh)
    else:
        yield trouble_of(key, trackflow_context, mesh)


def trouble_of(
    key: dg.AssetKey, trackflow_context: Context, mesh: Mesh, what: str = ""
) -> dg.AssetObservation:
    """An observation of a mesh that was not completed.

    Args:
        key: of the asset.
        trackflow_context: for the settings.
        mesh: as it is now.
        what: what has happened to it, in place of what its status says.
    """
    values = describe_trouble(trackflow_context.settings, mesh)
    if what:
        values["what"] = what
    return dg.AssetObservation(key, partition=mesh.image_key, metadata=values)


def _is_known(instance: dg.DagsterInstance, key: dg.AssetKey, mesh: Mesh) -> bool:
    wanted = dg.AssetRecordsFilter(key, asset_partitions=[mesh.image_key])
    if mesh.status is MeshStatus.COMPLETED:
        found = instance.fetch_materializations(wanted, limit=COMPARED).records
    else:
        found = instance.fetch_observations(wanted, limit=COMPARED).records
    state = state_of(mesh)
    return any(_state_in(record) == state for record in found)


def _state_in(record: dg.EventLogRecord) -> dict[str, object]:
    event = record.asset_materialization or record.asset_observation
    shown = event.metadata if event is not None else {}
    return {name: shown[name].value for name in ("mesh_id", "status", "tries") if name in shown}
