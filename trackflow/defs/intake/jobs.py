"""The run that imports the new files of the inbox."""

import dagster as dg

from trackflow.defs.errors import step
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.days.report import counted
from trackflow.usecases.intake.inbox import scan

TAGS = {"trackflow/subject": "intake"}


@dg.op(
    name="import_inbox",
    description="Imports the files of the inbox that are new or have changed. A file that cannot "
    "be read is noted in the table `inbox_files` and left alone until it changes.",
)
@step
def import_inbox(
    context: dg.OpExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> None:
    """Scan the inbox once and log each file."""
    with trackflow.open() as trackflow_context:
        report = scan(trackflow_context)
    for file in report.files:
        added = f"{counted(file.points_added, 'point')} added, {file.refused:,} refused"
        if file.error:
            context.log.warning(f"{file.name}: {added}. {file.error}")
        else:
            context.log.info(f"{file.name}: {added}")
    context.add_output_metadata(
        {
            "files": len(report.files),
            "points_added": report.points_added,
            "refused": sum(file.refused for file in report.files),
            "bad_files": len(report.errors),
            "still_being_written": report.waiting,
        }
    )


@dg.job(
    name="import_inbox_job",
    description="Imports what is new in the folder that TRACKFLOW_INBOX names; it is only read.",
    tags=TAGS | {"trackflow/kind": "inbox", "dagster/max_runtime": str(12 * 3600)},
)
def import_inbox_job() -> None:
    """One op."""
    import_inbox()
