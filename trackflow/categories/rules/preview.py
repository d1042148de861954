"""The difference that other rules would make: tracks that change, and sums before and after."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from trackflow.categories.rules.rules import Outcome


@dataclass(frozen=True, slots=True)
class TrackChange:
    """A track with what it was for by two sets of rules.

    Attributes:
        track_id: the track.
        device_id: its device.
        start_time: UTC.
        end_time: UTC.
        distance_m: its length in metres.
        before: by the rules in use.
        after: by the other rules.
    """

    track_id: str
    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime
    distance_m: float
    before: Outcome
    after: Outcome


@dataclass(slots=True)
class CategorySum:
    """How many tracks have a category, and their length in whole millimetres."""

    tracks: int = 0
    distance_mm: int = 0


@dataclass(slots=True)
class Differences:
    """What other rules would change.

    Attributes:
        tracks: how many tracks were compared.
        changed: how many of them would change.
        changes: some of those that would change, in order.
        before: sums by category with the rules in use; "" is no category.
        after: sums by category with the other rules.
        missing_rates: that the other rules name, and the table of rates lacks.
    """

    tracks: int = 0
    changed: int = 0
    changes: list[TrackChange] = field(default_factory=list)
    before: dict[str, CategorySum] = field(default_factory=dict)
    after: dict[str, CategorySum] = field(default_factory=dict)
    missing_rates: tuple[str, ...] = ()

    def add(self, compared: Iterable[TrackChange], skip: int, limit: int) -> None:
        """Count more tracks; of all that change, `limit` after the first `skip` are kept."""
        for one in compared:
            self.tracks += 1
            _add(self.before, one.before.category, one.distance_m)
            _add(self.after, one.after.category, one.distance_m)
            if one.before.values != one.after.values:
                if skip <= self.changed < skip + limit:
                    self.changes.append(one)
                self.changed += 1


def _add(sums: dict[str, CategorySum], category: str | None, distance_m: float) -> None:
    found = sums.setdefault(category or "", CategorySum())
    found.tracks += 1
    # whole millimetres: a sum of floats would depend on the order
    found.distance_mm += round(distance_m * 1000)
