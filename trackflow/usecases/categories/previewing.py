"""What a draft of rules would change about past tracks; nothing is written."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trackflow.categories.rules.calendars import with_known_days
from trackflow.categories.rules.preview import Differences, TrackChange
from trackflow.categories.rules.rules import RuleSet, RulesUse
from trackflow.context import Context
from trackflow.store.categories import rule_sets, trips
from trackflow.store.categories.trips import TripRow
from trackflow.store.database import Connection
from trackflow.store.days.queries import Devices
from trackflow.usecases.categories.categorising import outcome_for, read_decisions
from trackflow.usecases.categories.rule_versions import missing_in
from trackflow.usecases.categories.trips import read_sources

PART_TRACKS = 5_000
"""Tracks that are compared at a time, so that memory stays flat."""

DRAFT = 0
"""Stands for the version of rules that are not saved."""


@dataclass(frozen=True, slots=True)
class PreviewRange:
    """Which tracks to compare, and which of the changes to list.

    Attributes:
        device_ids: the devices; None for all.
        start: tracks that begin at this time or later, aware; None for no limit.
        end: tracks that begin before this time, aware; None for no limit.
        offset: changes that are left out at the beginning of the list.
        limit: the largest number of changes in the list.
    """

    device_ids: Devices = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    offset: int = 0
    limit: int = 100


def preview_rules(context: Context, draft: RuleSet, chosen: PreviewRange) -> Differences:
    """Compare the rules in use with a draft that would be applied to a range.

    Args:
        context: the store and settings.
        draft: the rules.
        chosen: the tracks, and which of the changes to list.
    """
    complete = with_known_days(draft, context.clock().date())
    found = Differences()
    with context.store.read() as connection:
        found.missing_rates = missing_in(connection, complete)
        uses = rule_sets.read_uses(connection)
        newest = max((use.use_no for use in uses), default=0)
        applied = [*uses, RulesUse(newest + 1, DRAFT, chosen.start, chosen.end, complete)]
        for part in _parts(connection, chosen):
            compared = _compared(context, connection, chosen, part, (uses, applied))
            found.add(compared, chosen.offset, chosen.limit)
    return found


def _parts(connection: Connection, chosen: PreviewRange) -> Iterator[list[TripRow]]:
    after: TripRow | None = None
    while part := trips.read_trips(
        connection, chosen.device_ids, chosen.start, chosen.end, after=after, limit=PART_TRACKS
    ):
        yield part
        after = part[-1]


def _compared(
    context: Context,
    connection: Connection,
    chosen: PreviewRange,
    part: Sequence[TripRow],
    uses: tuple[Sequence[RulesUse], Sequence[RulesUse]],
) -> Iterator[TrackChange]:
    """Tracks with what they were for before and after.

    Args:
        context: the settings.
        connection: to the store.
        chosen: names the devices.
        part: the tracks.
        uses: the uses of rules before and after.
    """
    sources = read_sources(connection, chosen.device_ids, part, context.settings.time_zone)
    by_people = read_decisions(connection, chosen.device_ids, part)
    before, after = uses
    for trip in part:
        facts = sources.facts(trip)
        mine = by_people.get(trip.device_id, ())
        yield TrackChange(
            str(trip.track_id),
            trip.device_id,
            trip.start_time,
            trip.end_time,
            trip.distance_m,
            outcome_for(trip, facts, before, mine).outcome,
            outcome_for(trip, facts, after, mine).outcome,
        )
