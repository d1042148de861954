"""Tracks of long times as vector tiles, made when a map asks for them.

A tile is made of the overviews of tracks, which are stored in the transaction of their tracks: it
equals the tile of a store that computed the same tracks from the beginning. The tiles of one view
share one reading of the overviews. Close to the ground, where exact lines are few, they are shown.
"""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from trackflow.context import Context
from trackflow.errors import NotFoundError
from trackflow.geo import tile_lines, tiles
from trackflow.geo.bbox import Bbox
from trackflow.geo.points import Ints
from trackflow.geo.tile_lines import CutLines, WorldLines
from trackflow.geo.time import to_us
from trackflow.geo.vector_tiles import EXTENT, lines_layer, points_layer
from trackflow.store.categories.categories import mark_of_categories, outcomes_between
from trackflow.store.categories.leg_days import mark_of_legs
from trackflow.store.database import Connection
from trackflow.store.days import overviews, tracks
from trackflow.store.days.queries import Devices
from trackflow.store.days.track_ids import longest
from trackflow.usecases.queries.legs import main_modes
from trackflow.usecases.queries.lines import TimeRange

HIGHEST_ZOOM = 14
"""A map shows these larger."""

EXACT_ZOOM = 13
"""From here on a pixel is smaller than what overviews may be off by."""

MOST_EXACT = 20_000
"""Lines near a tile: of more than these, overviews are shown."""

ALL_SHOWN = 1000
"""A tile with more lines shows those that are not wholly below others."""

COARSE, FINE = 4, 1
"""Units of a tile, of which a pixel has eight."""

MOST_KEPT = 4
KEPT_S = 60.0
MOST_VERTICES = 20_000_000


class TileContent(StrEnum):
    """What a tile shows of tracks."""

    DEVICE = "device"
    MODE = "mode"
    CATEGORY = "category"
    OFTEN = "often"


@dataclass(frozen=True, slots=True)
class TileSelection:
    """The tracks of a tile: of some devices (None for all) that overlap a time."""

    device_ids: Devices
    when: TimeRange


@dataclass(frozen=True, slots=True)
class TracksExtent:
    """What the tracks of a selection are as a whole.

    Attributes:
        tracks: how many there are.
        version: another one after each change of a track, or of its mode or category if asked.
        bbox: of all of them, not across the antimeridian; None without any.
    """

    tracks: int
    version: str
    bbox: Bbox | None


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """Lines of a selection, the newest first."""

    rows: Sequence[Any]
    lines: WorldLines


class TrackTiles:
    """Makes tiles; may be used by several threads.

    Readings are kept for a minute, under the version that the map has seen: a map that has heard of
    a change asks with the new version, and gets tracks that are at least as new.
    """

    def __init__(self, context: Context, now: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._now = now
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[TileSelection, str], tuple[float, _Reading]] = OrderedDict()

    def tile(
        self,
        selection: TileSelection,
        zoom: int,
        column: int,
        row: int,
        content: TileContent,
        version: str = "",
    ) -> bytes:
        """A Mapbox vector tile with the layer `tracks`, or `often`: how many tracks cross a place.

        Args:
            selection: the tracks.
            zoom: zoom level, 0 for the whole Earth; none above `HIGHEST_ZOOM`.
            column: from the west.
            row: from the north.
            content: what tiles say of tracks.
            version: what the map knows of the tracks; "" for nothing: they are read anew.

        Raises:
            NotFoundError: there is no such tile.
        """
        if not tiles.exists(zoom, column, row) or zoom > HIGHEST_ZOOM:
            raise NotFoundError("there is no such tile")
        reading = self._exact(selection, zoom, column, row) if zoom >= EXACT_ZOOM else None
        if reading is None:
            reading = self._overviews(selection, version)
        step = COARSE if zoom < HIGHEST_ZOOM else FINE
        found = tile_lines.cut(reading.lines, zoom, column, row, step)
        if not len(found.parts):
            return b""
        if content is TileContent.OFTEN:
            return _often(found)
        shown = tile_lines.simplified(_seen(found), step)
        return self._tracks(selection, reading.rows, shown, content)

    def extent(
        self, selection: TileSelection, content: TileContent = TileContent.DEVICE
    ) -> TracksExtent:
        """How many tracks there are, where, and the version of what tiles say of them."""
        with self._context.store.read() as connection:
            found = overviews.read_extent(connection, *_where(selection))
            mark = _mark(connection, selection, content)
        return TracksExtent(found.tracks, f"{found.tracks}-{found.marks}{mark}", found.bbox)

    def _exact(self, selection: TileSelection, zoom: int, column: int, row: int) -> _Reading | None:
        near = _a_little_larger(tiles.tile_bbox(zoom, column, row))
        with self._context.store.read() as connection:
            rows = overviews.read_exact_lines(connection, *_where(selection), near, MOST_EXACT)
        if rows is None:
            return None
        return _Reading(rows, tile_lines.world_lines([row.line for row in rows]))

    def _overviews(self, selection: TileSelection, version: str) -> _Reading:
        if not version:
            return self._read_overviews(selection)
        key = selection, version
        with self._lock:  # the other tiles of a view wait for the one reading
            now = self._now()
            for old in [k for k, (until, _) in self._kept.items() if until < now]:
                del self._kept[old]
            if key in self._kept:
                return self._kept[key][1]
            reading = self._read_overviews(selection)
            self._kept[key] = now + KEPT_S, reading
            while len(self._kept) > MOST_KEPT or self._is_much():
                self._kept.popitem(last=False)
            return reading

    def _is_much(self) -> bool:
        return sum(len(kept.lines.x) for _, kept in self._kept.values()) > MOST_VERTICES

    def _read_overviews(self, selection: TileSelection) -> _Reading:
        with self._context.store.read() as connection:
            rows = overviews.read_lines(connection, *_where(selection))
        return _Reading(rows, tile_lines.read_bytes([row.line for row in rows]))

    def _tracks(
        self, selection: TileSelection, rows: Sequence[Any], found: CutLines, content: TileContent
    ) -> bytes:
        features = np.flatnonzero(np.diff(found.line, prepend=-1))
        shown = [rows[k] for k in found.line[features].tolist()]
        properties = [{"track_id": _id(row), "device_id": row.device_id} for row in shown]
        if content is not TileContent.DEVICE:
            with self._context.store.read() as connection:
                values = _values(connection, selection, shown, content)
            for given, value in zip(properties, values, strict=True):
                if value is not None:
                    given[_NAMES[content]] = value
        return lines_layer("tracks", found.vertices, found.parts, features, properties)


_NAMES = {TileContent.MODE: "travel_mode", TileContent.CATEGORY: "category"}


def _where(selection: TileSelection) -> tuple[Devices, int, int]:
    return selection.device_ids, to_us(selection.when.start), to_us(selection.when.end)


def _a_little_larger(bbox: Bbox) -> Bbox:
    lon, lat = (bbox.east - bbox.west) / 32, (bbox.north - bbox.south) / 32
    return Bbox(bbox.west - lon, bbox.south - lat, bbox.east + lon, bbox.north + lat)


def _seen(found: CutLines) -> CutLines:
    """What can be seen of many lines; all of few. The newest come last: above the others."""
    wanted = np.ones(len(found.parts), bool)
    if np.count_nonzero(np.diff(found.line)) >= ALL_SHOWN:
        wanted = np.isin(found.line, tile_lines.topmost(*tile_lines.cells_of(found)))
    return tile_lines.only(found, wanted)


def _often(found: CutLines) -> bytes:
    squares, counts = tile_lines.how_often(*tile_lines.cells_of(found))
    return points_layer("often", _middles(squares), [{"n": n} for n in counts.tolist()])


def _middles(squares: Ints) -> Ints:
    side = tile_lines.CELLS // 2
    rows, columns = np.divmod(squares, side)
    middles: Ints = (2 * np.column_stack([columns, rows]) + 1) * (EXTENT // side // 2)
    return middles


def _mark(connection: Connection, selection: TileSelection, content: TileContent) -> str:
    """What changes with the travel modes or the categories of tracks."""
    if content is TileContent.CATEGORY:
        return f"-{mark_of_categories(connection, *_where(selection))}"
    if content is TileContent.MODE:
        when = selection.when
        first, last = (when.start - longest(connection)).date(), when.end.date()
        return f"-{mark_of_legs(connection, selection.device_ids, first, last)}"
    return ""


def _values(
    connection: Connection, selection: TileSelection, shown: Sequence[Any], content: TileContent
) -> Iterable[str | None]:
    """The travel mode or the category of each of some tracks."""
    if content is TileContent.CATEGORY:
        found = outcomes_between(connection, *_where(selection))
        return [found.get((row.device_id, row.start_us)) for row in shown]
    ids = [uuid.UUID(_id(row)) for row in shown]
    modes = main_modes(connection, tracks.read_times(connection, ids))
    return [modes.get(track_id) for track_id in ids]


def _id(row: Any) -> str:
    """The id of a track: SQLite has it without hyphens."""
    found = row.track_id
    return str(found if isinstance(found, uuid.UUID) else uuid.UUID(found))
