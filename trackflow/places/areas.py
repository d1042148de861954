"""Which place a stay is at. Pure: positions and places in, the place of each position out."""

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from trackflow.geo.distance import haversine_m
from trackflow.geo.points import Bools, Floats


class PlaceStatus(StrEnum):
    """Who says that there is a place."""

    LEARNED = "learned"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Area:
    """What stays need to know about a place.

    Attributes:
        place_id: its id.
        device_id: the only device that it counts for; None for all.
        longitude: degrees.
        latitude: degrees.
        radius_m: metres.
        status: who says that it is there.
        merged_into: of a merged place, the place that its visits belong to.
        label: name and kind; a change of them changes what is made of visits.
    """

    place_id: uuid.UUID
    device_id: str | None
    longitude: float
    latitude: float
    radius_m: float
    status: PlaceStatus
    merged_into: uuid.UUID | None = None
    label: tuple[str, str] = ("", "")

    @property
    def is_by_person(self) -> bool:
        """Whether a person decided about it, so that nothing is learned there."""
        return self.status is not PlaceStatus.LEARNED


def target_of(place_id: uuid.UUID, areas: Mapping[uuid.UUID, Area]) -> uuid.UUID | None:
    """The place that visits of a place belong to; None for one that was rejected or is missing."""
    seen: set[uuid.UUID] = set()
    at: uuid.UUID | None = place_id
    while at is not None and at in areas and at not in seen:
        area = areas[at]
        if area.status is not PlaceStatus.MERGED:
            return None if area.status is PlaceStatus.REJECTED else at
        seen.add(at)
        at = area.merged_into
    return None


def places_of(
    longitude: Floats, latitude: Floats, device_id: str, areas: Iterable[Area]
) -> list[uuid.UUID | None]:
    """The place of each position of a device; None for a position at no place.

    Of several, what a person said comes before what was learned, the device's own before that of
    all devices, and then the smaller one: it says more.

    Args:
        longitude: degrees. Shape (n,).
        latitude: degrees. Shape (n,).
        device_id: the device.
        areas: all places.
    """
    by_id = {area.place_id: area for area in areas}
    found: list[uuid.UUID | None] = [None] * len(longitude)
    is_free = np.ones(len(longitude), np.bool_)
    for area in sorted(by_id.values(), key=_rank):
        target = target_of(area.place_id, by_id)
        if target is None or area.device_id not in (None, device_id):
            continue
        inside = is_free & (_apart_m(longitude, latitude, area) <= area.radius_m)
        for k in np.flatnonzero(inside):
            found[k] = target
        is_free &= ~inside
    return found


def are_inside(longitude: Floats, latitude: Floats, areas: Iterable[Area]) -> Bools:
    """Whether each position lies in one of some areas.

    Args:
        longitude: degrees. Shape (n,).
        latitude: degrees. Shape (n,).
        areas: of any device and status.
    """
    found = np.zeros(len(longitude), np.bool_)
    for area in areas:
        found |= _apart_m(longitude, latitude, area) <= area.radius_m
    return found


def visits_hash(rows: Iterable[tuple[object, ...]]) -> str:
    """Hash of the stays of a day with their places, in order."""
    return hashlib.blake2b(repr(list(rows)).encode(), digest_size=12).hexdigest()


def _rank(area: Area) -> tuple[bool, bool, float, uuid.UUID]:
    return not area.is_by_person, area.device_id is None, area.radius_m, area.place_id


def _apart_m(longitude: Floats, latitude: Floats, area: Area) -> Floats:
    return haversine_m(longitude, latitude, np.array([area.longitude]), np.array([area.latitude]))
