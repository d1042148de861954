"""The asset made of tracks, day by day: how they were travelled, and what they were for."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from trackflow.defs import metadata
from trackflow.defs.categories.reporting import numbers_of_days
from trackflow.defs.days.assets import SAME_DAY
from trackflow.defs.days.running import CATEGORIZED, TRACKS
from trackflow.defs.errors import StepError, step
from trackflow.defs.owners import OWNERS
from trackflow.defs.partitions import day_of
from trackflow.defs.resources import TrackflowResource
from trackflow.geo.time import runs_of_days
from trackflow.usecases.categories.following import FollowReport, follow_tracks

CODE_VERSION = "1"

MOST_MESSAGES = 10

TEXT = """
**How each part of a track was travelled, and what the track was for.**

A track is split into legs of one travel mode (walking, cycling, driving, train, ...), by how it
moved and by the rails, roads and paths around it; stays become visits to places; a person's rules
and decisions give each track a category and a purpose, and the logbook its entries.
What a person has decided is kept and counts before everything else.

Only days whose tracks, rules, places or corrections have changed are made anew; `distance_km/…`
plots how people travel. `trackflow legs correct` corrects a mode, `trackflow export legs` writes
them.
"""


class FollowConfig(dg.Config):
    """What to do."""

    device_id: str = Field(default="", description="Only this device. Empty: all devices.")
    everything: bool = Field(
        default=False, description="Days that have not changed as well, as after a repair."
    )


def category_asset(
    days: dg.PartitionsDefinition[str], days_per_run: int | None
) -> dg.AssetsDefinition:
    """Categorized tracks, with these partitions."""
    spec = dg.AssetSpec(
        CATEGORIZED,
        deps=[dg.AssetDep(TRACKS, partition_mapping=SAME_DAY)],
        partitions_def=days,
        group_name="tracks",
        owners=OWNERS,
        kinds={"python", "table"},
        tags={"trackflow/stage": "categorized"},
        code_version=CODE_VERSION,
        metadata=metadata.of_table("legs"),
        description=TEXT,
    )
    one_run = dg.BackfillPolicy.single_run()

    @dg.multi_asset(
        name="categorize_days",
        specs=[spec],
        # many days in one run, as for the tracks
        backfill_policy=dg.BackfillPolicy.multi_run(days_per_run) if days_per_run else one_run,
    )
    @step
    def categorize_days(
        context: dg.AssetExecutionContext,
        config: FollowConfig,
        trackflow: dg.ResourceParam[TrackflowResource],
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Follow the tracks of the chosen days and report each day by itself."""
        chosen = [day_of(key) for key in context.partition_keys]
        key = trackflow.key(CATEGORIZED)
        with trackflow.open() as trackflow_context:
            for first, last in runs_of_days(chosen):
                report = follow_tracks(
                    trackflow_context,
                    first=first,
                    last=last,
                    device_id=config.device_id or None,
                    everything=config.everything,
                )
                context.log.info(report.sentence)
                _raise_errors(report)
            for day, numbers in numbers_of_days(trackflow_context, chosen).items():
                context.add_asset_metadata(numbers, key, day.isoformat())
        yield dg.MaterializeResult(asset_key=key)

    return categorize_days


def _raise_errors(report: FollowReport) -> None:
    """Fail if devices could not be followed; the others are done, and their days do not wait."""
    if report.errors:
        shown = sorted(set(report.errors.values()))[:MOST_MESSAGES]
        raise StepError(
            f"{len(report.errors)} devices could not be followed; the others are done.\n"
            + "\n".join(f"- {message}" for message in shown),
            metadata={"devices": len(report.errors)},
        )
