"""When a device stayed near a race track. Pure: positions and places in, visits out.

A visit is the longest time in which a device was never seen further away than the radius. Its
positions are those of its journeys; between two of them it is where the one ended and the next
begins, if that is a stop, or a silence of a day at most: trackers sleep while they stand still.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE, haversine_m
from trackflow.geo.points import Bools, Floats, Ints
from trackflow.places.geocoding import Coordinates

MOST_UNSEEN_US = 24 * 3_600_000_000
"""A device that is silent for longer may have been elsewhere, unless it is known to have stood."""

MOST_JOINED = 100_000
"""Positions in one spatial join: each is an object of its own."""

CELL = 0.01
"""Degrees, or the radius if that is more: a coarse grid rules out most positions at once."""

type Key = tuple[str, str]
"""Source and slug of a race track."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Positions of a device in order of time. All arrays have shape (n,).

    Attributes:
        time_us: UTC microseconds since 1970.
        lon: degrees.
        lat: degrees.
        stops: whether the device is known to have stopped there.
        starts: whether it is known to have stood there before.
    """

    time_us: Ints
    lon: Floats
    lat: Floats
    stops: Bools
    starts: Bools

    def __len__(self) -> int:
        return len(self.time_us)

    def __getitem__(self, index: slice) -> "Samples":
        return Samples(
            self.time_us[index],
            self.lon[index],
            self.lat[index],
            self.stops[index],
            self.starts[index],
        )


@dataclass(frozen=True, slots=True)
class Visit:
    """A stay of one device; times in UTC microseconds since 1970."""

    source: str
    slug: str
    start_us: int
    end_us: int


class PlaceIndex:
    """Where race tracks are, and how near is near."""

    def __init__(
        self, places: Mapping[Key, Coordinates], radius_m: float = 300.0, shortest_s: float = 900.0
    ) -> None:
        """Places.

        Args:
            places: by source and slug.
            radius_m: how near a device has to be.
            shortest_s: and for how long.
        """
        self.keys = list(places)
        self.lon = np.array([place.longitude for place in places.values()], np.float64)
        self.lat = np.array([place.latitude for place in places.values()], np.float64)
        self.radius_m, self.shortest_s = radius_m, shortest_s
        self._bboxes: Any = None
        self._grid: Ints | None = None
        self._cell = max(CELL, radius_m / METRES_PER_DEGREE)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def hash(self) -> str:
        """Hash of all that visits depend on besides the positions."""
        rows = sorted(zip(self.keys, self.lon.tolist(), self.lat.tolist(), strict=True))
        identity = repr((rows, self.radius_m, self.shortest_s, MOST_UNSEEN_US)).encode()
        return hashlib.blake2b(identity, digest_size=12).hexdigest()

    def near(self, lon: Floats, lat: Floats) -> tuple[Ints, Ints]:
        """Which positions are near which places: indices of both, in pairs."""
        maybe = np.flatnonzero(np.isin(_cells(lon, lat, self._cell), self._own_cells()))
        parts = [
            self._joined(lon, lat, maybe[k : k + MOST_JOINED])
            for k in range(0, len(maybe), MOST_JOINED)
        ]
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        position, place = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return position, place

    def prepare(self) -> None:
        """Do now what takes seconds the first time."""
        import geopandas

        if self._bboxes is None:
            self._bboxes = self._framed(geopandas)

    def _joined(self, lon: Floats, lat: Floats, some: Ints) -> tuple[Ints, Ints]:
        """The same for some of the positions, exactly."""
        import geopandas  # slow to import, and not needed where no position is near

        self.prepare()
        points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(lon[some], lat[some]))
        joined = geopandas.sjoin(points, self._bboxes, predicate="intersects")
        position = some[joined.index.to_numpy(np.int64)]
        place = joined["place"].to_numpy(np.int64)
        apart_m = haversine_m(lon[position], lat[position], self.lon[place], self.lat[place])
        is_near = apart_m <= self.radius_m
        return position[is_near], place[is_near]

    def _own_cells(self) -> Ints:
        """Cells of a coarse grid that the boxes around the places touch."""
        if self._grid is None:
            _, high, wide = self._sizes()
            found: set[int] = set()
            for lon, lat, dx in zip(self.lon, self.lat, wide, strict=True):
                steps_x = np.arange(-dx, dx + self._cell, self._cell).clip(-dx, dx)
                steps_y = np.arange(-high, high + self._cell, self._cell).clip(-high, high)
                x, y = np.meshgrid(lon + steps_x, lat + steps_y)
                found.update(_cells(x.ravel(), y.ravel(), self._cell).tolist())
            self._grid = np.array(sorted(found), np.int64)
        return self._grid

    def _sizes(self) -> tuple[Floats, float, Floats]:
        """Latitudes, and half the height and width of a box around each place, in degrees."""
        high = self.radius_m / METRES_PER_DEGREE * 1.001
        edge = np.abs(self.lat) + high
        wide = high / np.cos(np.radians(np.minimum(edge, 89.99)))
        # a circle with a pole in it goes around the Earth
        return self.lat, high, np.where(edge < 89.99, np.minimum(wide, 180.0), 180.0)

    def _framed(self, geopandas: Any) -> Any:
        """A box around each place that holds its circle; again beyond the antimeridian."""
        import shapely

        lat, high, wide = self._sizes()
        lon, place = self.lon, np.arange(len(self))
        west = np.flatnonzero(lon - wide < -180)
        east = np.flatnonzero(lon + wide > 180)
        lon = np.concatenate([lon, lon[west] + 360, lon[east] - 360])
        place = np.concatenate([place, west, east])
        lat, wide = lat[place], wide[place]
        bboxes = shapely.box(lon - wide, lat - high, lon + wide, lat + high)
        return geopandas.GeoDataFrame({"place": place}, geometry=bboxes)


@dataclass(slots=True)
class VisitFinder:
    """Reads a device's positions part by part, in order, and keeps those near a place.

    Attributes:
        places: the places to look for.
        count: how many positions have been looked at.
        session: number of the session of the last position; a long gap starts a new one.
        last_us: UTC microseconds of the last position; None before the first.
        last_stops: whether the last position is part of a stop.
        parts: place, index of the position, session and time of each position near a place.
        waiting: positions that have not been looked at yet.
    """

    places: PlaceIndex
    count: int = 0
    session: int = 0
    last_us: int | None = None
    last_stops: bool = False
    parts: list[tuple[Ints, Ints, Ints, Ints]] = field(default_factory=list)
    waiting: list[Samples] = field(default_factory=list)

    def add(self, samples: Samples) -> None:
        """The next positions."""
        self.waiting.append(samples)
        if sum(map(len, self.waiting)) >= MOST_JOINED:
            self._look()

    def _look(self) -> None:
        """Look at the positions so far: many at once cost little more than a few."""
        samples, self.waiting = joined(self.waiting), []
        if not len(samples):
            return
        before_us = samples.time_us[0] if self.last_us is None else self.last_us
        gaps_us = np.diff(samples.time_us, prepend=before_us)
        stood = np.concatenate([[self.last_stops], samples.stops[:-1]]) & samples.starts
        sessions = self.session + np.cumsum((gaps_us > MOST_UNSEEN_US) & ~stood)
        position, place = self.places.near(samples.lon, samples.lat)
        self.parts.append(
            (place, self.count + position, sessions[position], samples.time_us[position])
        )
        self.count += len(samples)
        self.session = int(sessions[-1])
        self.last_us, self.last_stops = int(samples.time_us[-1]), bool(samples.stops[-1])

    def visits(self) -> list[Visit]:
        """All visits that last long enough, by start and place."""
        self._look()
        if not sum(len(part[0]) for part in self.parts):
            return []
        place, index, session, time_us = (
            np.concatenate(columns) for columns in zip(*self.parts, strict=True)
        )
        order = np.lexsort((index, place))
        place, index, session, time_us = (c[order] for c in (place, index, session, time_us))
        begins = np.ones(len(place), np.bool_)
        begins[1:] = (
            (place[1:] != place[:-1])
            | (index[1:] != index[:-1] + 1)
            | (session[1:] != session[:-1])
        )
        starts = np.flatnonzero(begins)
        ends = np.append(starts[1:], len(place)) - 1
        found = [
            self._visit(int(place[a]), int(time_us[a]), int(time_us[b]))
            for a, b in zip(starts, ends, strict=True)
            if time_us[b] - time_us[a] >= self.places.shortest_s * 1e6
        ]
        return sorted(found, key=lambda visit: (visit.start_us, visit.source, visit.slug))

    def _visit(self, place: int, start_us: int, end_us: int) -> Visit:
        source, slug = self.places.keys[place]
        return Visit(source, slug, start_us, end_us)


def joined(parts: Sequence[Samples]) -> Samples:
    """Positions one after another."""
    if not parts:
        nothing, none = np.empty(0), np.empty(0, np.bool_)
        return Samples(np.empty(0, np.int64), nothing, nothing, none, none)
    return Samples(
        np.concatenate([part.time_us for part in parts]),
        np.concatenate([part.lon for part in parts]),
        np.concatenate([part.lat for part in parts]),
        np.concatenate([part.stops for part in parts]),
        np.concatenate([part.starts for part in parts]),
    )


def _cells(lon: Floats, lat: Floats, size: float) -> Ints:
    """Numbers of the cells that positions lie in, the same on both sides of the antimeridian."""
    x = np.floor(((lon + 180.0) % 360.0) / size).astype(np.int64)
    y = np.floor((lat + 90.0) / size).astype(np.int64)
    return x * 100_000 + y


def outside(samples: Samples, places: PlaceIndex) -> Ints:
    """Indices of the positions that are near no place at all."""
    position, _ = places.near(samples.lon, samples.lat)
    is_near = np.zeros(len(samples), np.bool_)
    is_near[position] = True
    return np.flatnonzero(~is_near)
