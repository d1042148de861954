"""Stays of a device: what lies between two of its tracks. Pure: ends of tracks in, stays out.

A stay lies between two neighbouring tracks, so it depends on these two alone, and finding the stays
of some days gives the same as one pass over all. Where the device was silent and may have been
elsewhere, there is none. The last one is open-ended: the device has stopped, and no track follows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trackflow.geo.distance import haversine_m, wrap_degrees
from trackflow.places.geocoding import Coordinates

STOP, GAP = "stop", "gap"
"""Why a track begins or ends: the device stayed, or it was silent. All else is no stay."""

AGREE_M = 100.0
"""The positions before and after a stay are averaged if they are this near: then both are noise of
one place. Further apart, a tracker has woken up on its way, and only the first one is right."""

CELL_DEG = 2.5e-4
"""Edge of the cells in which addresses are kept: 28 m from south to north, less across."""

type IsParked = Callable[[float, float], bool]
"""Whether a device that was silent between two tracks stood there: metres apart, seconds."""


@dataclass(frozen=True, slots=True)
class TrackEnds:
    """Where and how a track begins and ends.

    Attributes:
        start_us: UTC microseconds since 1970.
        end_us: UTC microseconds since 1970.
        began: why it begins there.
        ended: why it ends there.
        first: its first position.
        last: its last position.
    """

    start_us: int
    end_us: int
    began: str
    ended: str
    first: Coordinates
    last: Coordinates


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay of one device.

    Attributes:
        start_us: UTC microseconds since 1970.
        end_us: the same; None while the device is there.
        longitude: degrees.
        latitude: degrees.
    """

    start_us: int
    end_us: int | None
    longitude: float
    latitude: float

    @property
    def cell(self) -> str:
        """The cell of its address."""
        return cell_of(self.longitude, self.latitude)


def find_stays(
    tracks: Sequence[TrackEnds],
    is_parked: IsParked,
    *,
    first_us: int | None = None,
    is_last: bool = False,
) -> list[Stay]:
    """The stays between neighbouring tracks of a device, in order.

    Args:
        tracks: in order of time, without one left out.
        is_parked: judges a silence between two tracks.
        first_us: the time of the device's first point, if no track comes before these; None if
            there are some.
        is_last: whether no track comes after these.
    """
    if not tracks:
        return []
    found = []
    first, last = tracks[0], tracks[-1]
    if first_us is not None and first_us < first.start_us and first.began == STOP:
        found.append(_stay(first_us, first.start_us, first.first))
    for before, after in pairwise(tracks):
        if (where := _between(before, after, is_parked)) is not None:
            found.append(_stay(before.end_us, after.start_us, where))
    if is_last and last.ended == STOP:
        found.append(_stay(last.end_us, None, last.last))
    return found


def cell_of(longitude: float, latitude: float) -> str:
    """The key of the address of a position: the middle of its cell, in degrees.

    Two positions of one cell have one address, which is asked for once.
    """
    lat = round(latitude / CELL_DEG) * CELL_DEG
    lon = round(_wrapped(longitude) / CELL_DEG) * CELL_DEG
    return f"{lon:.5f},{lat:.5f}".replace("-0.00000", "0.00000")


def middle_of(cell: str) -> Coordinates:
    """The position that a cell's address is asked for."""
    lon, lat = cell.split(",")
    return Coordinates(float(lon), float(lat))


def metres_between(one: Coordinates, other: Coordinates) -> float:
    """The distance of two positions."""
    lon, lat = np.array([one.longitude, other.longitude]), np.array([one.latitude, other.latitude])
    return float(haversine_m(lon[:1], lat[:1], lon[1:], lat[1:])[0])


def _between(before: TrackEnds, after: TrackEnds, is_parked: IsParked) -> Coordinates | None:
    """Where a device stayed between two tracks; None if it may have been elsewhere."""
    apart_m = metres_between(before.last, after.first)
    is_known = before.ended == STOP or after.began == STOP
    if not is_known:
        silent_s = (after.start_us - before.end_us) / 1e6
        is_silence = before.ended == GAP and after.began == GAP
        if not (is_silence and is_parked(apart_m, silent_s)):
            return None
    if apart_m <= AGREE_M:
        return _middle(before.last, after.first)
    return after.first if is_known and before.ended != STOP else before.last


def _middle(one: Coordinates, other: Coordinates) -> Coordinates:
    """The middle of two positions near each other, also across the antimeridian."""
    east = _wrapped(other.longitude - one.longitude) / 2
    return Coordinates(_wrapped(one.longitude + east), (one.latitude + other.latitude) / 2)


def _wrapped(degrees: float) -> float:
    return float(wrap_degrees(np.array(degrees)))


def _stay(start_us: int, end_us: int | None, where: Coordinates) -> Stay:
    # rounded as lines are: else the last digit would differ from one machine to another
    return Stay(start_us, end_us, round(where.longitude, 6), round(where.latitude, 6))
