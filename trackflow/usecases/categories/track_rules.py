"""Facts about one track, and the draft of a rule that is made of them."""

import uuid

from trackflow.categories.rules.from_track import rule_of_track
from trackflow.categories.rules.rules import RESULTS, RuleSet
from trackflow.context import Context
from trackflow.errors import NotFoundError
from trackflow.store.categories import trips
from trackflow.usecases.categories.categorising import TripOutcome, categorised


def read_trip(context: Context, track_id: uuid.UUID) -> TripOutcome:
    """A track with what rules know about it, and what it is for by the stored rules and decisions.

    Raises:
        NotFoundError: there is no such track.
    """
    with context.store.read() as connection:
        trip = trips.trip_of(connection, track_id)
        if trip is None:
            raise NotFoundError(f"there is no track {track_id}")
        (found,) = categorised(context, connection, (trip.device_id,), [trip])
    return found


def draft_of_track(context: Context, track_id: uuid.UUID) -> RuleSet:
    """The draft of a rule that holds for a track and for those like it; nothing is saved.

    Raises:
        NotFoundError: there is no such track.
    """
    found = read_trip(context, track_id)
    results = dict(zip(RESULTS, found.outcome.values, strict=True))
    return RuleSet((rule_of_track(found.facts, results),))
