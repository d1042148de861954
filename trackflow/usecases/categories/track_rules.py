"""Facts about one track, and the draft of a rule that is made of them."""

import uuid

from trackflow.categories.rules.from_track import rule_of_track
from trackflow.categories.rules.rules import RESULTS, RuleSet
from trackflow.context import Context
from trackflow.store.categories.trips import TripRow
from trackflow.usecases.categories.categorising import TripOutcome, categorised
from trackflow.usecases.queries.track_by_id import track_by_id


def read_trip(context: Context, track_id: uuid.UUID) -> TripOutcome:
    """A track with what rules know about it, and what it is for by the stored rules and decisions.

    Raises:
        NotFoundError: there is no such track (`GoneError` where there was one).
    """
    with context.store.read() as connection:
        row = track_by_id(connection, track_id)
        trip = TripRow(**{name: getattr(row, name) for name in TripRow._fields})
        (found,) = categorised(context, connection, (trip.device_id,), [trip])
    return found


def draft_of_track(context: Context, track_id: uuid.UUID) -> RuleSet:
    """The draft of a rule that holds for a track and for those like it; nothing is saved.

    Raises:
        NotFoundError: there is no such track (`GoneError` where there was one).
    """
    found = read_trip(context, track_id)
    results = dict(zip(RESULTS, found.outcome.values, strict=True))
    return RuleSet((rule_of_track(found.facts, results),))
