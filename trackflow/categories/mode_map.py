"""What is around a movement: rails, roads, paths, ferries and stops of an OpenStreetMap extract.

Stenneth et al. (2011) showed what this is worth: with rails and bus stops at hand, trains and buses
are distinguished from cars far better than by speed. Here each kind of line is a sorted list of
the cells that it passes, of about 20 m: whether a position is near a line is one search, and a
country fits into files that are read where they are needed only.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trackflow.categories.features import Slots
from trackflow.categories.modes import CLASSES
from trackflow.errors import NetworkBuildError
from trackflow.geo.bbox import Bbox
from trackflow.geo.lookup import find_in
from trackflow.geo.points import Bools, Floats, Ints

CELL_DEGREES = 0.00018
"""20 m from south to north; a position is near a line that passes its cell or one beside it."""

STOP_CELL_DEGREES = 0.00045
"""50 m: a train is longer than a platform is far, and a bus stop is a point beside the road."""

COVER_DEGREES = 0.02
"""Cells of 2 km: the map knows about those that any of its lines passes."""

LINES = ("road", "cycleway", "path", "rail", "tram", "subway", "ferry")
STOPS = ("bus_stop", "tram_stop", "station")
COVER = "cover"

ROADS = {
    *("motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential"),
    *("motorway_link", "trunk_link", "primary_link", "secondary_link", "tertiary_link"),
    *("living_street", "service", "road", "busway"),
}
PATHS = {"footway", "path", "pedestrian", "steps", "track", "bridleway"}
RAILS = {"rail": "rail", "narrow_gauge": "rail", "light_rail": "rail", "tram": "tram"}
RAILS |= {"subway": "subway", "monorail": "subway", "funicular": "rail"}

WINDOW_SLOTS = 5
"""Slots on each side whose surroundings count: one position between two rails says little."""

MOVING_MS = 1.0
UNSEEN_S = 60.0
"""Positions between points further apart in time are guesses: they say nothing about rails."""

# How likely a position is near such a line: for who travels on it, and for who does not. Round
# numbers, from the accuracy of phones and the density of towns; they were not fitted.
NEAR_RAIL = (0.9, 0.15)
NEAR_ROAD = (0.95, 0.5)
NEAR_CYCLEWAY = (0.5, 0.25)
NEAR_PATH = (0.6, 0.35)


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What is near each slot of a journey.

    Attributes:
        known: whether the map covers the slot and its position was seen; shape (n,).
        near: by kind of line or stop, whether one is near; each of shape (n,).
        speed_ms: of the slots.
        edges: number of each journey's first slot, and n.
    """

    known: Bools
    near: Mapping[str, Bools]
    speed_ms: Floats
    edges: Ints

    def log_odds(self) -> Floats:
        """What to add to the logarithms of the classes' probabilities, shape (n, classes)."""
        moving = self.known & (self.speed_ms > MOVING_MS)
        rail = self.near["rail"] | self.near["tram"] | self.near["subway"] | self.near["ferry"]
        found = np.zeros((len(moving), len(CLASSES)))
        for name, near, odds in (
            ("rail", rail, NEAR_RAIL),
            ("road", self.near["road"], NEAR_ROAD),
            ("bicycle", self.near["cycleway"], NEAR_CYCLEWAY),
            ("foot", self.near["path"], NEAR_PATH),
        ):
            values = _log_ratio(near, odds)
            found[:, CLASSES.index(name)] = _mean_around(values, moving, self.edges)
        return found

    def evidence(self, part: slice) -> dict[str, float | str]:
        """Shares of a leg's moving slots that are near lines, and of its halts near stops."""
        moving = self.known[part] & (self.speed_ms[part] > MOVING_MS)
        if not moving.any():
            return {}
        found: dict[str, float | str] = {
            f"{name}_share": round(float(self.near[name][part][moving].mean()), 3) for name in LINES
        }
        halts = self.known[part] & ~moving
        if halts.sum() >= 2:
            at_stops = self.near["bus_stop"][part][halts].mean()
            found["halts_at_bus_stops"] = round(float(at_stops), 3)
        return found


@dataclass(frozen=True, slots=True)
class MapArea:
    """Where a map of one extract knows anything.

    Attributes:
        version: of the map.
        bbox: west, south, east and north of all that it knows, in degrees.
    """

    version: str
    bbox: Bbox


@dataclass(frozen=True, slots=True, eq=False)
class ModeMap:
    """The cells of each kind of line and stop, sorted.

    Attributes:
        version: changes whenever the cells do.
        cells: by kind.
        others: maps of other extracts, which know further places.
        areas: of this map and the others.
    """

    version: str
    cells: Mapping[str, NDArray[np.int64]]
    others: "tuple[ModeMap, ...]" = ()
    areas: tuple[MapArea, ...] = ()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The map in a folder; cells are read when they are asked for.

        Raises:
            FileNotFoundError: there is no map.
        """
        version = cls.version_of(folder)
        files = {name: folder / f"{name}.npy" for name in (*LINES, *STOPS, COVER)}
        cells = {name: np.load(path, mmap_mode="r") for name, path in files.items()}
        bbox = _bbox(cells[COVER])
        return cls(version, cells, areas=(MapArea(version, bbox),) if bbox else ())

    @classmethod
    def together(cls, maps: Sequence[Self]) -> Self:
        """One map that knows what any of the maps knows; there is at least one."""
        version = " ".join(one.version for one in maps)
        areas = tuple(area for one in maps for area in one.areas)
        return cls(version, maps[0].cells, tuple(maps[1:]), areas)

    @staticmethod
    def version_of(folder: Path) -> str:
        """The version of the map in a folder.

        Raises:
            FileNotFoundError: there is no map.
        """
        return (folder / "version").read_text("utf-8").strip()

    def around(self, slots: Slots) -> Surroundings:
        """What is near the slots of a journey."""
        covered = self._has(COVER, _cells(slots.lon, slots.lat, COVER_DEGREES))
        known = covered & (slots.sampling_s <= UNSEEN_S)
        at = np.flatnonzero(known)
        fine, coarse = (
            _cells(slots.lon[at], slots.lat[at], degrees)
            for degrees in (CELL_DEGREES, STOP_CELL_DEGREES)
        )
        near = {}
        for name in (*LINES, *STOPS):
            near[name] = np.zeros(len(slots), dtype=bool)
            near[name][at] = self._has(name, coarse if name in STOPS else fine)
        return Surroundings(known, near, slots.speed_ms, slots.edges)

    def _has(self, name: str, asked: Ints) -> Bools:
        _, found = find_in(self.cells[name], asked)
        for other in self.others:
            found |= find_in(other.cells[name], asked)[1]
        return found


def build_mode_map(extract: Path, target: Path, version: str) -> None:
    """Make the map of an extract: a folder of files, whole or not at all.

    Args:
        extract: an OpenStreetMap file that osmium reads: pbf, or XML plain or packed.
        target: the folder; one that is there is replaced.
        version: of the map.

    Raises:
        NetworkBuildError: the extract cannot be read.
    """
    cells = {name: _CellSet(_degrees(name)) for name in (*LINES, *STOPS)}
    cover = _CellSet(COVER_DEGREES, with_neighbours=False)
    for names, lon, lat in _shapes(extract):
        for name in names:
            cells[name].add(*_sampled(lon, lat, _degrees(name) / 2))
        cover.add(*_sampled(lon, lat, COVER_DEGREES / 2))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".building-map-") as made:
        (Path(made) / "map").mkdir()
        for name, found in (*cells.items(), (COVER, cover)):
            np.save(Path(made) / "map" / f"{name}.npy", found.sorted())
        (Path(made) / "map" / "version").write_text(version, "utf-8")
        if target.exists():
            target.replace(Path(made) / "before")
        (Path(made) / "map").replace(target)


def _degrees(name: str) -> float:
    return STOP_CELL_DEGREES if name in STOPS else CELL_DEGREES


POSITIONS_AT_ONCE = 100_000
"""Positions that become cells together: a call of numpy per line would take most of the time."""


class _CellSet:
    """The cells of positions, which are added line by line, and those beside them."""

    def __init__(self, degrees: float, *, with_neighbours: bool = True) -> None:
        self._degrees, self._steps = degrees, (-1, 0, 1) if with_neighbours else (0,)
        self._lon: list[Floats] = []
        self._lat: list[Floats] = []
        self._waiting = 0
        self._cells = [np.zeros(0, dtype=np.int64)]

    def add(self, lon: Floats, lat: Floats) -> None:
        """Add positions."""
        self._lon.append(lon)
        self._lat.append(lat)
        self._waiting += len(lon)
        if self._waiting >= POSITIONS_AT_ONCE:
            self._number()

    def sorted(self) -> NDArray[np.int64]:
        """All cells, each once."""
        if self._waiting:
            self._number()
        return np.unique(np.concatenate(self._cells))

    def _number(self) -> None:
        lon, lat = np.concatenate(self._lon), np.concatenate(self._lat)
        # with those beside it, a question is one search and not nine
        around = [
            _cells(lon, lat, self._degrees, step_lon, step_lat)
            for step_lat in self._steps
            for step_lon in self._steps
        ]
        self._cells.append(np.unique(np.concatenate(around)))
        self._lon, self._lat, self._waiting = [], [], 0


def _shapes(extract: Path) -> Iterator[tuple[list[str], Floats, Floats]]:
    """Each line and stop: its kinds and its positions."""
    # the reader of extracts takes a tenth of a second to load: only where a map is built
    import osmium

    try:
        for item in (
            osmium.FileProcessor(extract)
            .with_locations()
            .with_filter(osmium.filter.KeyFilter("highway", "railway", "route", "public_transport"))
        ):
            if isinstance(item, osmium.osm.Node):
                kinds = _stop_kinds(item.tags)
                if kinds and item.location.valid():
                    yield kinds, np.array([item.location.lon]), np.array([item.location.lat])
            elif isinstance(item, osmium.osm.Way):
                kinds = _line_kinds(item.tags)
                places = [node.location for node in item.nodes if node.location.valid()]
                if kinds and len(places) > 1:
                    lon = np.array([place.lon for place in places])
                    yield kinds, lon, np.array([place.lat for place in places])
    except RuntimeError as error:
        raise NetworkBuildError(
            f"{extract.name} cannot be read ({error}): download it again"
        ) from None


def _line_kinds(tags: Any) -> list[str]:
    highway, found = tags.get("highway"), []
    if highway in ROADS:
        found.append("road")
    if highway in PATHS or tags.get("sidewalk") in {"both", "left", "right"}:
        found.append("path")
    if highway == "cycleway" or tags.get("bicycle") == "designated" or _has_lane(tags):
        found.append("cycleway")
    rail = RAILS.get(tags.get("railway") or "")
    if rail is not None and not tags.get("service"):
        found.append(rail)
    if tags.get("route") == "ferry":
        found.append("ferry")
    return found


def _has_lane(tags: Any) -> bool:
    names = ("cycleway", "cycleway:left", "cycleway:right", "cycleway:both")
    return any(tags.get(name) in {"lane", "track"} for name in names)


def _stop_kinds(tags: Any) -> list[str]:
    found = []
    if tags.get("highway") == "bus_stop":
        found.append("bus_stop")
    if tags.get("railway") == "tram_stop":
        found.append("tram_stop")
    if tags.get("railway") in {"station", "halt", "subway_entrance"}:
        found.append("station")
    return found


def _sampled(lon: Floats, lat: Floats, degrees: float) -> tuple[Floats, Floats]:
    """Positions along a line, so close that no cell is passed over."""
    if len(lon) < 2:
        return lon, lat
    shrink = np.cos(np.radians(lat[:-1]))
    counts = np.ceil(np.hypot(np.diff(lon) * shrink, np.diff(lat)) / degrees).astype(int) + 1
    start = np.repeat(np.arange(len(counts)), counts)
    share = (np.arange(len(start)) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[start]
    return (
        np.append(lon[start] + share * np.diff(lon)[start], lon[-1]),
        np.append(lat[start] + share * np.diff(lat)[start], lat[-1]),
    )


def _cells(lon: Floats, lat: Floats, degrees: float, step_lon: int = 0, step_lat: int = 0) -> Ints:
    """The number of each position's cell, or of one beside it: rows from the south pole."""
    row = np.floor((lat + 90) / degrees).astype(np.int64) + step_lat
    # cells are as wide as they are high: a row has fewer of them towards the poles
    in_row = np.maximum(np.floor(360 / degrees * np.cos(np.radians(row * degrees - 90))), 1)
    column = np.floor((lon + 180) / 360 * in_row).astype(np.int64) + step_lon
    return row * (1 << 32) + column % in_row.astype(np.int64)


def _bbox(cover: Ints) -> Bbox | None:
    """The box around cells of `COVER_DEGREES`; None if there are none."""
    if not len(cover):
        return None
    row, column = cover >> 32, cover % (1 << 32)
    south = row * COVER_DEGREES - 90
    width = 360 / np.maximum(np.floor(360 / COVER_DEGREES * np.cos(np.radians(south))), 1)
    west = column * width - 180
    return Bbox(
        float(west.min()),
        float(south.min()),
        float((west + width).max()),
        float(south.max() + COVER_DEGREES),
    )


def _log_ratio(near: Bools, odds: tuple[float, float]) -> Floats:
    """How much likelier each observation is for those who travel on such a line."""
    there, elsewhere = odds
    found: Floats = np.log(np.where(near, there, 1 - there))
    return found - np.log(np.where(near, elsewhere, 1 - elsewhere))


def _mean_around(values: Floats, counts: Bools, edges: Ints) -> Floats:
    """Mean of the values that count in a window around each slot; 0 where none does.

    A window ends where its journey ends.
    """
    # thousandths as whole numbers: a sum of floats would depend on where it began
    whole = np.rint(np.where(counts, values, 0.0) * 1000).astype(np.int64)
    sizes, number = np.diff(edges), np.arange(len(values))
    low = np.maximum(number - WINDOW_SLOTS, np.repeat(edges[:-1], sizes))
    high = np.minimum(number + WINDOW_SLOTS + 1, np.repeat(edges[1:], sizes))
    sums, counted = (np.concatenate([[0], np.cumsum(x)]) for x in (whole, counts.astype(np.int64)))
    found: Floats = (sums[high] - sums[low]) / 1000 / np.maximum(counted[high] - counted[low], 1)
    return found
