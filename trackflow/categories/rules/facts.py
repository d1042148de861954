"""What rules know about a trip: a track with its legs, places, driver and vehicle."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """A place that a trip begins at, ends at or passes."""

    place_id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class TripFacts:
    """A track as rules see it.

    Attributes:
        device_id: the device.
        start: when it begins, in the device's zone.
        end: when it ends, in the device's zone.
        distance_m: its length in metres.
        average_speed_kmh: mean speed.
        max_speed_kmh: highest speed.
        driver: who drives the vehicle at the start; None if unknown.
        vehicle: id of the vehicle that the device is in at the start; None if unknown.
        plate: the vehicle's number plate; None if unknown.
        modes: travel modes of its legs.
        main_mode: the mode of the longest of its legs by distance; None without legs.
        said_mode: the main mode, if a person said it; None if only the model did.
        start_place: where it begins; None at no known place.
        end_place: where it ends; None at no known place.
        via_places: places at which the device stays in between.
        race_tracks: names and keys ("source/slug") of the race tracks visited.
    """

    device_id: str
    start: dt.datetime
    end: dt.datetime
    distance_m: float
    average_speed_kmh: float
    max_speed_kmh: float
    driver: str | None = None
    vehicle: str | None = None
    plate: str | None = None
    modes: frozenset[str] = frozenset()
    main_mode: str | None = None
    said_mode: str | None = None
    start_place: PlaceFacts | None = None
    end_place: PlaceFacts | None = None
    via_places: tuple[PlaceFacts, ...] = ()
    race_tracks: frozenset[str] = frozenset()

    @property
    def duration_s(self) -> float:
        """Seconds from start to end; clocks that change meanwhile do not count."""
        return (self.end.astimezone(dt.UTC) - self.start.astimezone(dt.UTC)).total_seconds()
