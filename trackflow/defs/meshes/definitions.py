"""Definitions of meshes."""

import dagster as dg

from trackflow.defs.meshes.assets import mesh_asset, mesh_usage_report
from trackflow.defs.meshes.checks import mesh_checks
from trackflow.defs.meshes.jobs import (
    clean_meshes_job,
    make_mesh_job,
    make_waiting_meshes_job,
    mesh_batch_job,
    mesh_sync_job,
    mesh_usage_job,
)
from trackflow.defs.meshes.schedules import (
    mesh_files_schedule,
    mesh_orphans_schedule,
    mesh_sync_schedule,
    mesh_usage_schedule,
    old_meshes_schedule,
)
from trackflow.defs.meshes.sensors import (
    images_sensor,
    mesh_batches_sensor,
    mesh_events_sensor,
    waiting_meshes_sensor,
)
from trackflow.defs.resources import TrackflowResource


def definitions(trackflow: TrackflowResource) -> dg.Definitions:
    """The meshes of images, their checks, batches, syncs, cleanups and reports."""
    return dg.Definitions(
        assets=[mesh_asset(trackflow), mesh_usage_report],
        asset_checks=mesh_checks(trackflow),
        jobs=[
            make_mesh_job,
            make_waiting_meshes_job,
            mesh_batch_job,
            mesh_sync_job,
            mesh_usage_job,
            clean_meshes_job,
        ],
        sensors=[images_sensor, waiting_meshes_sensor, mesh_batches_sensor, mesh_events_sensor],
        schedules=[
            mesh_sync_schedule,
            mesh_files_schedule,
            old_meshes_schedule,
            mesh_orphans_schedule,
            mesh_usage_schedule,
        ],
    )
