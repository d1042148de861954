"""The jobs of meshes: one image, what waits, a batch, a sync, a cleanup, the usage report.

Priorities: a person who waits comes before a batch, a batch before a sync, cleaning last.
"""

import dagster as dg

from trackflow.defs.meshes.cleaning import clean_meshes
from trackflow.defs.meshes.ops import (
    make_due_meshes,
    run_mesh_batch,
    sync_found_images,
    sync_meshes,
)

TAGS = {"trackflow/subject": "meshes"}

PERSON, OF_BATCH, OF_SYNC, OF_CLEANING = "10", "0", "-5", "-10"
"""Dagster's priorities of runs: the higher, the sooner."""

PRIORITY = "dagster/priority"
MAX_RUNTIME = "dagster/max_runtime"

make_mesh_job = dg.define_asset_job(
    "make_mesh_job",
    selection=dg.AssetSelection.tag("trackflow/stage", "meshes"),
    description="Makes the meshes of an image and checks them. `images_sensor` starts it for new "
    "and changed images and for requests; choose partitions to make others.",
    tags=TAGS | {"trackflow/meshes": "image", PRIORITY: PERSON, MAX_RUNTIME: str(3600)},
)

mesh_usage_job = dg.define_asset_job(
    "mesh_usage_job",
    selection=dg.AssetSelection.tag("trackflow/stage", "mesh-usage"),
    description="Sums up what the meshes of a month took, project by project.",
    tags=TAGS | {"trackflow/kind": "mesh-usage", PRIORITY: OF_CLEANING, MAX_RUNTIME: str(3600)},
)


@dg.job(
    name="make_waiting_meshes_job",
    description="Makes the meshes of new and changed images and those that were requested, when "
    "they are too many for a run each. `waiting_meshes_sensor` starts it.",
    tags=TAGS
    | {"trackflow/kind": "meshes-waiting", PRIORITY: OF_BATCH, MAX_RUNTIME: str(6 * 3600)},
)
def make_waiting_meshes_job() -> None:
    """Requests first: a person may wait for them."""
    sync_found_images(make_due_meshes())


@dg.job(
    name="mesh_batch_job",
    description="Makes a batch of meshes that a person requested on the page, by API or by CLI. "
    "Two batches run at once at most. Ending the run cancels the batch.",
    tags=TAGS | {"trackflow/meshes": "batch", PRIORITY: OF_BATCH, MAX_RUNTIME: str(24 * 3600)},
)
def mesh_batch_job() -> None:
    """One op."""
    run_mesh_batch()


@dg.job(
    name="mesh_sync_job",
    description="Brings meshes in step with their images: makes what is missing, out of date or "
    "due for another try, and retires what has lost its image.",
    tags=TAGS | {"trackflow/kind": "mesh-sync", PRIORITY: OF_SYNC, MAX_RUNTIME: str(12 * 3600)},
)
def mesh_sync_job() -> None:
    """One op."""
    sync_meshes()


@dg.job(
    name="clean_meshes_job",
    description="Deletes what meshes leave behind; `dry_run` in the launchpad only counts.",
    tags=TAGS | {"trackflow/kind": "mesh-cleaning", PRIORITY: OF_CLEANING, MAX_RUNTIME: str(3600)},
)
def clean_meshes_job() -> None:
    """One op."""
    clean_meshes()
