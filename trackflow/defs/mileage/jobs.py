"""The jobs of the logbook: reports of months, and the daily closing with its reminders."""

import dagster as dg

from trackflow.defs.errors import step
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.mileage.closing import close_due
from trackflow.usecases.mileage.reminding import remind

TAGS = {"trackflow/subject": "mileage"}

mileage_report_job = dg.define_asset_job(
    "mileage_report_job",
    selection=dg.AssetSelection.tag("trackflow/stage", "mileage"),
    description="Writes the logbooks of a month and checks the books.",
    tags=TAGS | {"trackflow/kind": "mileage-report", "dagster/max_runtime": "3600"},
)


@dg.op(
    name="close_entries",
    description="Brings the books up to date, closes the entries that are due, and sends the list "
    "of trips that close within two days and still need a purpose.",
)
@step
def close_entries_op(
    context: dg.OpExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> None:
    """Close and remind; report the numbers."""
    with trackflow.open() as trackflow_context:
        followed = follow_tracks(trackflow_context)
        for device_id, text in followed.errors.items():
            context.log.warning(f"{device_id}: {text}")
        closed = close_due(trackflow_context)
        reminded = remind(trackflow_context)
    context.add_output_metadata(
        {
            "devices_not_followed": len(followed.errors),
            "books": closed.vehicles,
            "closed": closed.closed,
            "unpaid": closed.unpaid,
            "messages": reminded.messages,
            "trips_that_need_a_purpose": reminded.trips,
        }
    )


@dg.job(
    name="close_entries_job",
    description="Closes the entries of logbooks that are due, and reminds people of trips that "
    "still need a purpose.",
    tags=TAGS | {"trackflow/kind": "logbook", "dagster/max_runtime": str(6 * 3600)},
)
def close_entries_job() -> None:
    """One op."""
    close_entries_op()
