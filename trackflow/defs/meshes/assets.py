"""Assets of meshes: the mesh of each image, and the report of each month."""

from collections.abc import Iterator, Sequence

import dagster as dg

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.errors import StepError, step
from trackflow.defs.meshes.checks import MESHES_ASSET
from trackflow.defs.meshes.describing import describe, describe_trouble, what_became_of
from trackflow.defs.meshes.events import new_events
from trackflow.defs.meshes.interrupts import cancelling_on_interrupt
from trackflow.defs.meshes.partitions import IMAGES_PER_RUN, MONTHS, images_of, month_of
from trackflow.defs.owners import OWNERS
from trackflow.defs.pools import MESHES
from trackflow.defs.resources import TrackflowResource
from trackflow.errors import TrackflowError
from trackflow.usecases.meshes.control import MeshStatus
from trackflow.usecases.meshes.image_meshes import (
    ImageMeshes,
    cancel_image_meshes,
    make_image_meshes,
)
from trackflow.usecases.meshes.tools import opened_tools
from trackflow.usecases.meshes.usage import usage_of
from trackflow.usecases.meshes.usage_files import write_usage_report

GROUP = "meshes"
CODE_VERSION = "1"

MESHES_TEXT = """
**The 3D mesh of each image**: a terrain of a height map, or the outline of a silhouette, as GLB
with a picture, and closed bodies for a printer where they are asked for.

Each image is a partition. It comes from the folder in `TRACKFLOW_MESH_INBOX`, the logos of race
tracks, an upload or an address; `images_sensor` adds it and starts its run. The events of a
partition are the life of its meshes: each that was made, with its picture and numbers; each try
that failed, with the reason and the time of the next one; what was cancelled, retired, cleaned up.

trackflow tries again by itself what may get better, so a run has no retries. What is there already
is not made again: a run of it shows it anew.
"""

USAGE_TEXT = """
**What the meshes of a month took**, project by project: how many were made, their bytes, the
seconds of work, and failures by kind.

It is made on the first of the month for the month before, shown here as Markdown, and written to
`reports/meshes-YYYY-MM.md` in `TRACKFLOW_HOME`. `trackflow mesh report --month` prints the same.
"""


def mesh_asset(trackflow: TrackflowResource) -> dg.AssetsDefinition:
    """The meshes of images."""
    spec = dg.AssetSpec(
        MESHES_ASSET,
        partitions_def=images_of(trackflow),
        skippable=True,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"python", "table"},
        tags={"trackflow/stage": "meshes"},
        code_version=CODE_VERSION,
        metadata=metadata.of_table("meshes"),
        description=MESHES_TEXT,
    )

    @dg.multi_asset(
        name="make_meshes",
        specs=[spec],
        backfill_policy=dg.BackfillPolicy.multi_run(IMAGES_PER_RUN),
        pool=MESHES,
    )
    @step
    def make_meshes(
        context: dg.AssetExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Make the meshes of the chosen images; one that is given up fails the run at the end."""
        yield from _made(context, trackflow)

    return make_meshes


def _made(
    context: dg.AssetExecutionContext, trackflow: TrackflowResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Make meshes and report those that are completed.

    All else is reported by `mesh_events_sensor`: two writers would report the same failure twice.
    """
    made: list[ImageMeshes] = []
    problem: TrackflowError | None = None
    key = trackflow.key(MESHES_ASSET)
    keys = list(context.partition_keys)
    with trackflow.open() as trackflow_context:

        def on_done(of_image: ImageMeshes) -> None:
            made.append(of_image)
            _log(context, key, trackflow_context, of_image, with_wanted=len(keys) > 1)

        with (
            opened_tools(trackflow_context) as tools,
            cancelling_on_interrupt(lambda: cancel_image_meshes(trackflow_context, keys)),
        ):
            try:
                make_image_meshes(trackflow_context, tools, keys, on_done)
            except TrackflowError as error:
                problem = error
        if len(keys) == 1 and made and made[0].wanted.status is MeshStatus.COMPLETED:
            values = describe(trackflow_context, made[0].wanted)
            yield dg.MaterializeResult(asset_key=key, metadata=values)
        if problem is not None:
            raise problem
        _raise_if_failed(trackflow_context, made)


def _log(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    trackflow_context: Context,
    of_image: ImageMeshes,
    *,
    with_wanted: bool,
) -> None:
    """Say in the log what became of an image's meshes, and report those that are completed.

    Args:
        context: of the step.
        key: of the asset.
        trackflow_context: for files, pictures and settings.
        of_image: the meshes.
        with_wanted: whether the wanted one is reported too; else it is the result of the step.
    """
    for mesh in (*of_image.others, of_image.wanted):
        context.log.info(f"{mesh.image_key}: {what_became_of(mesh)}. {mesh.error_message or ''}")
        is_reported = mesh is not of_image.wanted or with_wanted
        if is_reported and mesh.status is MeshStatus.COMPLETED:
            for event in new_events(context.instance, key, trackflow_context, [mesh]):
                if not isinstance(event, dg.AssetCheckEvaluation):  # the checks' own steps follow
                    context.log_event(event)


def _raise_if_failed(trackflow_context: Context, made: Sequence[ImageMeshes]) -> None:
    failed = [one.wanted for one in made if one.wanted.status is MeshStatus.FAILED]
    if failed:
        first = failed[0]
        more = f" ({len(failed) - 1:,} more failed)" if len(failed) > 1 else ""
        raise StepError(
            f"{first.image_key}: {first.error_message}{more}",
            metadata=describe_trouble(trackflow_context.settings, first),
        )


@dg.asset(
    partitions_def=MONTHS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "markdown"},
    tags={"trackflow/stage": "mesh-usage"},
    code_version=CODE_VERSION,
    metadata=metadata.of_table("mesh_usage"),
    description=USAGE_TEXT,
)
@step
def mesh_usage_report(
    context: dg.AssetExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.MaterializeResult[None]:
    """Sum up the month, show it and write it down."""
    with trackflow.open() as trackflow_context:
        report = usage_of(trackflow_context, month_of(context.partition_key))
        path = write_usage_report(trackflow_context, report)
    total = report.total
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.md(report.to_markdown()),
            "file": dg.MetadataValue.path(str(path)),
            "projects": len(report.projects),
            "meshes": total.meshes,
            "bytes": total.size_bytes,
            "seconds": total.seconds,
            "failures": sum(total.failures.values()),
            **{f"failures/{kind}": count for kind, count in sorted(total.failures.items())},
        }
    )
