"""Tracks of a vehicle's devices that its book has not, each with why, as readers may see them."""

import datetime as dt
from dataclasses import dataclass

from trackflow.mileage.entries import Content, TripPart, is_hidden
from trackflow.mileage.grouping import DOUBLE


@dataclass(frozen=True, slots=True)
class LeftOutTrack:
    """A track of a vehicle's device that is not in the vehicle's book.

    Attributes:
        vehicle_id: the vehicle to which the device was assigned when the track began.
        part: the track.
        reason: slow, said or double.
        said_by: who said in which mode it was travelled; None if that is not the reason.
    """

    vehicle_id: str
    part: TripPart
    reason: str
    said_by: str | None = None

    @property
    def local_day(self) -> dt.date:
        """Of its start, in the zone of the book."""
        return self.part.start.date()

    @property
    def distance_m(self) -> int:
        """Whole metres, as the book would have them."""
        return round(self.part.distance_m)

    def shown_to(self, reader: str | None) -> Content:
        """What a reader sees by name: of another driver's private track the kilometres only.

        Args:
            reader: name of the reader; None for reports.
        """
        part = self.part
        private = is_hidden({"category": part.category, "driver": part.driver}, reader)
        details = {
            "reason": self.reason,
            "device_id": part.device_id,
            "track_id": part.track_id,
            "start_time": part.start,
            "end_time": part.end,
            "mode": part.mode,
            "said_by": self.said_by,
        }
        if private:
            # the other reasons say how it was travelled
            is_told = {"reason": self.reason} if self.reason == DOUBLE else {}
            details = dict.fromkeys(details) | is_told
        return {
            "vehicle_id": self.vehicle_id,
            "local_day": self.local_day,
            "distance_m": self.distance_m,
            "category": part.category,
            "driver": part.driver,
            **details,
        }
