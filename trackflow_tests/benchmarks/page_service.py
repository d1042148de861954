"""What the service does for the pages of `page`, in processor seconds of one process.

Unlike milliseconds they hardly depend on what else the machine does.
"""

import datetime as dt
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from trackflow.basemap.archive import TileArchive
from trackflow.basemap.making import base_map_file, build_base_map
from trackflow.context import Context
from trackflow.geo.periods import By
from trackflow.geo.time import ONE_DAY, midnight
from trackflow.settings import Settings
from trackflow.usecases.queries.lines import TimeRange
from trackflow.usecases.queries.numbers import NumbersQuery, Per, read_numbers
from trackflow.usecases.queries.track_tiles import TileContent, TileSelection, TrackTiles
from trackflow.usecases.queries.visited import read_visited
from trackflow_tests.benchmarks.long_history import HOMES, LAST
from trackflow_tests.helpers.tiles import tile_at
from trackflow_tests.helpers.wrong_ways import SHARED

TOWN = (24.94, 60.25)

type Figures = dict[str, float | int | str]


def of_person(home: Path) -> Figures:
    """Tiles of ten years."""
    with Context.open(Settings(home=home, engine_url="none")) as context:
        whole = _selection(LAST - dt.timedelta(days=3649))
        return _tiles(context, "all", whole, HOMES[0], (3, 6, 9, 12))


def of_fleet(home: Path) -> Figures:
    """Tiles and numbers of a month of many vehicles."""
    first = LAST - dt.timedelta(days=29)
    with Context.open(Settings(home=home, engine_url="none")) as context:
        figures = _tiles(context, "a fleet's month", _selection(first), TOWN, (9, 10, 12))
        for per in (None, Per.DEVICE, Per.MODE):
            asked = NumbersQuery(first, LAST, By.MONTH, per)
            spent = _spent(partial(read_numbers, context, asked))
            figures[f"a fleet's month: numbers by {per or 'nothing'}, processor s"] = spent
        wanted = NumbersQuery(first, LAST)
        read_visited(context, NumbersQuery(LAST, LAST))  # the borders and the towns
        spent = _spent(lambda: read_visited(context, wanted))
        figures["a fleet's month: countries and towns, processor s"] = spent
        return figures


def _selection(first: dt.date) -> TileSelection:
    return TileSelection(None, TimeRange(midnight(first), midnight(LAST + ONE_DAY)))


def _tiles(
    context: Context,
    name: str,
    selection: TileSelection,
    place: tuple[float, float],
    zooms: tuple[int, ...],
) -> Figures:
    tiles = TrackTiles(context)
    figures: Figures = {f"{name}: extent, processor s": _spent(lambda: tiles.extent(selection))}
    version = tiles.extent(selection).version

    def make(zoom: int, content: TileContent) -> Callable[[], bytes]:
        return lambda: tiles.tile(selection, zoom, *tile_at(zoom, *place), content, version)

    for k, zoom in enumerate(zooms):
        first = "first tile" if k == 0 else "tile"
        spent = _spent(make(zoom, TileContent.DEVICE))
        figures[f"{name}: {first} of zoom {zoom}, processor s"] = spent
    spent = _spent(make(zooms[-1], TileContent.OFTEN))
    return figures | {f"{name}: tile of how often, processor s": spent}


def _spent(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def base_maps(folder: Path) -> Figures:
    """Base maps of the extracts at hand: their making, their size, and how quick tiles are read."""
    figures: Figures = {}
    for extract in sorted((SHARED / "osm_extracts").glob("*.osm.pbf")):
        name = extract.name.partition(".")[0]
        started = time.perf_counter()
        build_base_map(extract, folder / name, name)
        figures[f"base map of {name}, built in, s"] = time.perf_counter() - started
        file = base_map_file(folder / name)
        figures[f"base map of {name}, MB"] = file.stat().st_size / 1e6
        with TileArchive(file) as archive:
            west, south, east, north = archive.bbox
            middle = (west + east) / 2, (south + north) / 2
            slowest = 0.0
            for zoom in range(15):
                started = time.perf_counter()
                archive.tile(zoom, *tile_at(zoom, *middle))
                slowest = max(slowest, (time.perf_counter() - started) * 1000)
        figures[f"base map of {name}, slowest tile of 15 zooms, ms"] = slowest
    return figures
