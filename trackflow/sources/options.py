"""What a person can set for files that leave it open: zone, order of dates, columns."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from trackflow.sources.values.moments import DateOrder, TimeRules
from trackflow.sources.values.vocabulary import Role


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read files; the defaults are what `trackflow import` does without options.

    Attributes:
        zone: of times that name none (`--time-zone`).
        order: of day and month in dates (`--dates`).
        columns: of tables, counted from 0 (`--columns`); None = by their names.
        waypoints: take places that have a time, which GPX calls waypoints (`--waypoints`).
        label_tracks: name the points of each unnamed track apart, for `tracks_apart`.
    """

    zone: dt.tzinfo = dt.UTC
    order: DateOrder | None = None
    columns: Mapping[Role, int] | None = None
    waypoints: bool = False
    label_tracks: bool = False

    @property
    def time_rules(self) -> TimeRules:
        """How values are read that are times."""
        return TimeRules(order=self.order, zone=self.zone)


DEFAULTS = ReadOptions()
