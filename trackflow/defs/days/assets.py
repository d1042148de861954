"""Assets made of points, day by day: segments, matched polylines, tracks.

One step makes all three. It runs the stages one after another over all requested days, with one set
of worker processes. With a step per stage, one device that fails in the first stage would keep all
others from the second: Dagster skips steps below a failed one.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from trackflow.defs import metadata
from trackflow.defs.days.config import DaysConfig
from trackflow.defs.days.reporting import DayEvent, ObservedPoints, note_points, report_days
from trackflow.defs.days.running import (
    CODE_VERSIONS,
    POLYLINES,
    SEGMENTS,
    TRACKS,
    DaysStep,
    run_days,
)
from trackflow.defs.errors import step
from trackflow.defs.intake.observing import POINTS
from trackflow.defs.owners import OWNERS
from trackflow.defs.partitions import day_of
from trackflow.defs.pools import ROAD_ENGINE
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.roads.assets import road_network

# Each day reads its neighbours' points (the buffer) or segments and lines (journeys over midnight),
# yet depends on its own day only. A mapping to three days would make Dagster run one day more on
# each side below a backfill, at every stage; the pipeline marks neighbours pending exactly when
# their inputs have changed.
SAME_DAY = dg.IdentityPartitionMapping()

SEGMENTS_TEXT = """
A day's points, cleaned and cut into **stretches of movement**.

Spikes and inaccurate points are dropped. A track is cut at a stay, at a silence whose ends do not
show what happened in it, at a step that is too fast for anything, and where two senders are mixed.
A stretch that goes on over midnight stays open there, and `tracks` joins it with the next day's.

Every point ends in exactly one class (track, stop, excursion, dropped, ...); the check
`ledger_balances` is red if the sums do not match. The check `devices_are_sound` warns of what needs
a person's attention. `trackflow explain DEVICE TIME` shows the rule that decided about a point.
"""

POLYLINES_TEXT = """
The day's segments, **snapped to real roads**, in windows of five minutes.

A window is matched once: its line is kept until its points, the road network or the parameters
change. Where no road fits (a car park, a field, a ferry) the raw line is kept and marked as such;
the check `match_share` warns if that is most of a day. Neighbouring windows meet exactly, also at
midnight (`seams_meet`).

Needs `road_network`. Without one, days wait here and go on as soon as there is one.
"""

TRACKS_TEXT = """
**Whole journeys**, however many days they cross: where each began and why it ended, its length,
duration and speeds, its raw and its matched line.

A journey over midnight counts on both days, each with the part that lies in it: `distance_km`,
`driven_h` and `tracks` of a day are those of the map page and the API, and days add up. `time_zone`
is the zone of the days (`TRACKFLOW_TIME_ZONE`). Tracks do not depend on how the work was cut up, or
on the order in which points arrived. `trackflow export tracks` writes them as GeoJSON, GPX, CSV or
GeoParquet.
"""


def _specs(days: dg.PartitionsDefinition[str]) -> list[dg.AssetSpec]:
    """The three assets; each day depends on the same day only."""
    specs = [
        dg.AssetSpec(
            SEGMENTS,
            deps=[_same_day(POINTS)],
            kinds={"python", "table"},
            tags={"trackflow/stage": "segmented"},
            metadata=metadata.of_table("segments"),
            description=SEGMENTS_TEXT,
        ),
        dg.AssetSpec(
            POLYLINES,
            deps=[_same_day(SEGMENTS), road_network],
            kinds={"python", "osrm", "table"},
            tags={"trackflow/stage": "matched"},
            metadata=metadata.of_table("cached_polylines"),
            description=POLYLINES_TEXT,
        ),
        dg.AssetSpec(
            TRACKS,
            deps=[_same_day(SEGMENTS), _same_day(POLYLINES)],
            kinds={"python", "table"},
            tags={"trackflow/stage": "tracked"},
            metadata=metadata.of_table("tracks"),
            description=TRACKS_TEXT,
        ),
    ]
    return [
        spec.replace_attributes(
            partitions_def=days,
            group_name="tracks",
            owners=OWNERS,
            code_version=CODE_VERSIONS[spec.key.path[-1]],
        )
        for spec in specs
    ]


def _same_day(name: str) -> dg.AssetDep:
    return dg.AssetDep(name, partition_mapping=SAME_DAY)


def day_assets(days: dg.PartitionsDefinition[str], days_per_run: int | None) -> dg.AssetsDefinition:
    """Segments, matched polylines and tracks, with these partitions."""
    one_run = dg.BackfillPolicy.single_run()

    @dg.multi_asset(
        name="process_days",
        specs=_specs(days),
        can_subset=True,
        # Many days in one run: with a run for each day most of the time would go into starting
        # processes. But not all days: Dagster plans every day of every asset before a run starts,
        # at 14 ms each, and a run that takes minutes to start is given up.
        backfill_policy=dg.BackfillPolicy.multi_run(days_per_run) if days_per_run else one_run,
        pool=ROAD_ENGINE,
    )
    @step
    def process_days(
        context: dg.AssetExecutionContext,
        config: DaysConfig,
        trackflow: dg.ResourceParam[TrackflowResource],
    ) -> Iterator[DayEvent]:
        """Run the chosen stages over the chosen days and report each day by itself."""
        selected = [key.path[-1] for key in context.selected_asset_keys]
        with trackflow.open() as trackflow_context:
            of_days = DaysStep(context, trackflow_context, trackflow)
            observed = _observed(of_days, context.partition_keys, selected)
            outcome = run_days(of_days, context.partition_keys, selected, config)
            yield from report_days(of_days, outcome, observed)

    return process_days


def _observed(of_days: DaysStep, keys: Sequence[str], selected: Sequence[str]) -> ObservedPoints:
    """Note the points that the step is going to read, if it reads any."""
    return note_points(of_days, [day_of(key) for key in keys] if SEGMENTS in selected else [])
