"""The step that deletes what meshes leave behind, and notes on each image what has gone."""

from collections.abc import Sequence
from enum import Enum

import dagster as dg
from pydantic import Field

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.errors import StepError, step
from trackflow.defs.meshes.checks import MESHES_ASSET
from trackflow.defs.meshes.events import trouble_of
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.meshes.cleanup import (
    CleanupReport,
    clean_failed_files,
    clean_old_meshes,
    clean_orphans,
)
from trackflow.usecases.meshes.control import MOST_LISTED, Mesh, MeshStatus, list_meshes
from trackflow.usecases.meshes.history import deleted_of


class Cleaning(Enum):
    """What a cleanup deletes."""

    failed_files = "failed_files"
    old_meshes = "old_meshes"
    orphans = "orphans"


CLEANINGS = {
    Cleaning.failed_files: clean_failed_files,
    Cleaning.old_meshes: clean_old_meshes,
    Cleaning.orphans: clean_orphans,
}


class CleaningConfig(dg.Config):
    """What to delete."""

    what: Cleaning = Field(
        default=Cleaning.orphans,
        description="`failed_files`: files of meshes that failed more than an hour ago. "
        "`old_meshes`: meshes that failed or were retired more than a week ago. `orphans`: files "
        "older than a day that belong to nothing.",
    )
    dry_run: bool = Field(default=False, description="Only report what would be deleted.")


@dg.op(
    name="clean_meshes",
    description="Deletes files of failed meshes, old failed and retired meshes, or files that "
    "belong to nothing. What it deletes of an image is noted on the asset `meshes`.",
)
@step
def clean_meshes(
    context: dg.OpExecutionContext,
    config: CleaningConfig,
    trackflow: dg.ResourceParam[TrackflowResource],
) -> None:
    """Delete, report, and note on each image what has gone."""
    key = trackflow.key(MESHES_ASSET)
    with trackflow.open() as trackflow_context:
        before = _ended(trackflow_context)
        report = CLEANINGS[config.what](trackflow_context, dry_run=config.dry_run)
        for mesh in deleted_of(trackflow_context, before):
            what = f"its {mesh.status.value} mesh was deleted by a cleanup"
            context.log_event(trouble_of(key, trackflow_context, mesh, what))
        for mesh in _emptied(trackflow_context, before):
            what = f"the files of its {mesh.status.value} mesh were deleted by a cleanup"
            context.log_event(trouble_of(key, trackflow_context, mesh, what))
    context.log.info(report.to_markdown())
    context.add_output_metadata(_numbers(report))
    if report.problems:
        raise StepError(f"{len(report.problems):,} files were not deleted: {report.problems[0]}")


def _ended(trackflow_context: Context) -> list[Mesh]:
    statuses = (MeshStatus.FAILED, MeshStatus.CANCELLED, MeshStatus.RETIRED)
    return list_meshes(trackflow_context, statuses=statuses, limit=MOST_LISTED)


def _emptied(trackflow_context: Context, before: Sequence[Mesh]) -> list[Mesh]:
    """Meshes that had files and have none now."""
    had = {mesh.mesh_id for mesh in before if mesh.size_bytes}
    return [
        mesh for mesh in _ended(trackflow_context) if mesh.mesh_id in had and not mesh.size_bytes
    ]


def _numbers(report: CleanupReport) -> dict[str, metadata.Value]:
    return {
        "report": dg.MetadataValue.md(report.to_markdown()),
        "dry_run": dg.MetadataValue.bool(report.is_dry_run),
        "files": report.files,
        "bytes": report.size_bytes,
        "orphans": report.orphans,
        "half_written": report.half_written,
        "failed_meshes": report.failed_meshes,
        "retired_meshes": report.retired_meshes,
        "images": report.images,
    }
