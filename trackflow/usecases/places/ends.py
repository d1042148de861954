"""From where to where tracks went, without asking any service.

A place of people's or learned comes first, then an address that is stored already, then the town
around it. Computed when it is read: names of places change, and a thousand tracks take a fraction
of a second.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trackflow.geo.points import Floats
from trackflow.places.areas import Area, places_of
from trackflow.places.stays import cell_of
from trackflow.places.towns import load_towns
from trackflow.store.database import Connection
from trackflow.store.places import addresses, named

GRID_DECIMALS = 3
"""Positions of one town are looked up once for each hundred metres."""


@dataclass(frozen=True, slots=True)
class NamedSpot:
    """What a position is called.

    Attributes:
        name: its name.
        kind: place, address or town.
    """

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class TrackEnds:
    """Where a track began and ended; None where nothing has a name."""

    start: NamedSpot | None
    end: NamedSpot | None

    @property
    def words(self) -> str:
        """Such as `Home to Helsinki`; empty if neither end has a name."""
        names = [spot.name if spot else "…" for spot in (self.start, self.end)]
        return " to ".join(names) if self.start or self.end else ""


def ends_of(connection: Connection, lines: Sequence[tuple[str, Floats, Floats]]) -> list[TrackEnds]:
    """The names of the ends of tracks.

    Args:
        connection: to the store.
        lines: device, longitudes and latitudes in degrees of each.
    """
    # a line without vertices has no ends, and is nowhere: 91 degrees north
    lon = [float(x[k]) if len(x) else 0.0 for _, x, _ in lines for k in (0, -1)]
    lat = [float(y[k]) if len(y) else 91.0 for _, _, y in lines for k in (0, -1)]
    devices = [device_id for device_id, _, _ in lines for _ in range(2)]
    spots = _spots(connection, devices, np.array(lon), np.array(lat))
    return [TrackEnds(*spots[k : k + 2]) for k in range(0, len(spots), 2)]


def _spots(
    connection: Connection, devices: Sequence[str], lon: Floats, lat: Floats
) -> list[NamedSpot | None]:
    rows = named.read_places(connection)
    names = {row.place_id: row.name for row in rows}
    areas: dict[str | None, list[Area]] = defaultdict(list)
    for one in rows:
        areas[one.device_id].append(one.area)
    found: list[NamedSpot | None] = [None] * len(devices)
    mine: dict[str, list[int]] = defaultdict(list)
    for k, device_id in enumerate(devices):
        if lat[k] <= 90:
            mine[device_id].append(k)
    for device_id, some in mine.items():
        its = [*areas[None], *areas[device_id]]
        at = places_of(lon[some], lat[some], device_id, its)
        for k, place in zip(some, at, strict=True):
            if place is not None:
                found[k] = NamedSpot(names[place], "place")
    left = [k for some in mine.values() for k in some if found[k] is None]
    cells = {k: cell_of(float(lon[k]), float(lat[k])) for k in left}
    known = addresses.read(connection, sorted(set(cells.values())))
    for k in left:
        row = known.get(cells[k])
        town = _town(round(float(lon[k]), GRID_DECIMALS), round(float(lat[k]), GRID_DECIMALS))
        if row is not None and row.address:
            found[k] = NamedSpot(row.address, "address")
        elif town is not None:
            found[k] = NamedSpot(town, "town")
    return found


@lru_cache(maxsize=20_000)
def _town(lon: float, lat: float) -> str | None:
    town = load_towns().at(lon, lat)
    return None if town is None else town.name
