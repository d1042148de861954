"""Cutting many lines to a map tile at once: what of them lies in it, and what of that can be seen.

All steps are numpy's, over all vertices together: a tile of a fleet's month has a hundred thousand
lines. Positions are whole numbers, which are quicker than others and the same on each machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from trackflow.geo import polylines
from trackflow.geo.points import Bools, Floats, Ints
from trackflow.geo.vector_tiles import EXTENT

type Whole = NDArray[np.int32]
type Degrees = NDArray[np.floating[Any]]

BUFFER = 96
"""Units beyond the edge of a tile to which lines go on, so that their width is not cut."""

CELLS = 256
"""Of a tile's side: a cell is two pixels wide, as is the line that covers it."""

CELL_BITS = 4
"""A cell is 16 units of a tile wide."""

MOST_SAMPLES = 2_000_000
"""Places at which lines are looked at: a tenth of a second of work."""

DEGREE = 1e-5
"""Encoded polylines count these."""

WORLD_BITS = 28
WORLD = 1 << WORLD_BITS
"""Units of the whole Earth: 15 cm at the equator, a quarter of a unit of the closest tiles."""


@dataclass(frozen=True, slots=True, eq=False)
class WorldLines:
    """Lines on the square of Web Mercator, whose sides are `WORLD` long; y grows to the south.

    Attributes:
        x: of all vertices, line after line; beyond 0 and `WORLD` past the antimeridian.
        y: of all vertices.
        starts: where each line begins, and the number of vertices at the end.
    """

    x: Whole
    y: Whole
    starts: Ints

    def boxes(self) -> tuple[Whole, Whole, Whole, Whole]:
        """The least x and y and the greatest x and y of each line; none is empty."""
        if not len(self.x):
            none = np.empty(0, np.int32)
            return none, none, none, none
        first = self.starts[:-1]
        low, high = np.minimum.reduceat, np.maximum.reduceat
        return low(self.x, first), low(self.y, first), high(self.x, first), high(self.y, first)


@dataclass(frozen=True, slots=True, eq=False)
class CutLines:
    """The parts of lines that lie in a tile.

    Attributes:
        vertices: in units of the tile, shape (n, 2).
        parts: where each part begins in `vertices`.
        line: the line of each part, in order.
    """

    vertices: Ints
    parts: Ints
    line: Ints


# ---- lines of the world --------------------------------------------------------------------------


def world_bytes(positions: Floats) -> bytes:
    """A line as `read_bytes` reads it, from longitude and latitude of each vertex."""
    x, y = _projected(positions[:, 0], positions[:, 1])
    return np.column_stack([x, y]).astype("<i4").tobytes()


def read_bytes(lines: Sequence[bytes]) -> WorldLines:
    """Lines of `world_bytes`, each of a vertex or more, together."""
    sizes = np.fromiter(map(len, lines), np.int64, len(lines)) // 8
    both = np.frombuffer(b"".join(lines), "<i4").reshape(-1, 2)
    x, y = (np.ascontiguousarray(both[:, k], np.int32) for k in (0, 1))
    return WorldLines(x, y, np.concatenate([[0], np.cumsum(sizes)]))


def world_lines(texts: Sequence[str]) -> WorldLines:
    """Encoded polylines as lines on the square; the whole world's edges lie at 85 degrees.

    Raises:
        ValueError: one of them is no encoded polyline, or has no vertex.
    """
    grid, starts = polylines.grids(texts)
    if not np.all(np.diff(starts)):
        raise ValueError("an encoded polyline without a vertex")
    lon = grid[:, 1] * DEGREE
    turns = np.rint(np.diff(lon, prepend=lon[:1]) / 360)
    turns[starts[:-1]] = 0  # a line goes on where it is nearer, around the Earth
    if turns.any():
        turns = np.cumsum(turns)
        lon -= 360 * (turns - np.repeat(turns[starts[:-1]], np.diff(starts)))
    return WorldLines(*_projected(lon, grid[:, 0] * DEGREE), starts)


def _projected(lon: Degrees, lat: Degrees) -> tuple[Whole, Whole]:
    lat = np.clip(lat, -85.0511, 85.0511)
    y = 0.5 - np.arctanh(np.sin(np.radians(lat))) / (2 * np.pi)
    x = lon / 360 + 0.5
    return np.rint(x * WORLD).astype(np.int32), np.rint(y * WORLD).astype(np.int32)


# ---- cutting -------------------------------------------------------------------------------------


def cut(lines: WorldLines, zoom: int, column: int, row: int, step: int = 1) -> CutLines:
    """The parts of lines in a tile and a little beyond, on a grid.

    Args:
        lines: the lines.
        zoom: of the tile.
        column: of the tile.
        row: of the tile.
        step: width of the grid in units of the tile; what moves by less is no vertex.
    """
    west, north, east, south = (_in_tile(edges, zoom, 0) for edges in lines.boxes())
    north, south = north - row * EXTENT, south - row * EXTENT
    near = (north <= EXTENT + BUFFER) & (south >= -BUFFER)
    inside = (north >= -BUFFER) & (south <= EXTENT + BUFFER)
    found = []
    for left in _left_edges(west[near], east[near], zoom, column):
        is_in = inside & (west >= left - BUFFER) & (east <= left + EXTENT + BUFFER)
        crosses = near & ~is_in & (west <= left + EXTENT + BUFFER) & (east >= left - BUFFER)
        corner = left, row * EXTENT
        found.append(_whole(lines, np.flatnonzero(is_in), zoom, corner, step))
        found.append(_clipped(lines, np.flatnonzero(crosses), zoom, corner, step))
    return _joined([one for one in found if len(one.parts)])


def _in_tile(places: Whole, zoom: int, origin: int) -> Whole:
    """Places of the square in units of tiles of a zoom, from an origin."""
    shift = WORLD_BITS - 12 - zoom
    return ((places + (1 << (shift - 1))) >> shift) - np.int32(origin)


def _left_edges(west: Whole, east: Whole, zoom: int, column: int) -> list[int]:
    """Where the tile's left edge lies for each turn around the Earth that lines come near in."""
    if not len(west):
        return []
    around, left = EXTENT << zoom, column * EXTENT
    first = -(-(int(west.min()) - left - EXTENT - BUFFER) // around)
    last = (int(east.max()) - left + BUFFER) // around
    return [left + turn * around for turn in range(first, last + 1)]


def _whole(
    lines: WorldLines, chosen: Ints, zoom: int, corner: tuple[int, int], step: int
) -> CutLines:
    """Lines that lie in the tile as a whole."""
    x, y, starts = _some(lines, chosen)
    left, top = corner
    return _on_grid(_in_tile(x, zoom, left), _in_tile(y, zoom, top), starts, chosen, step)


def _some(lines: WorldLines, chosen: Ints) -> tuple[Whole, Whole, Ints]:
    """The vertices of some lines, and where each begins."""
    if len(chosen) == len(lines.starts) - 1:
        return lines.x, lines.y, lines.starts[:-1]
    counts = np.diff(lines.starts)
    wanted = np.zeros(len(counts), bool)
    wanted[chosen] = True
    kept = np.repeat(wanted, counts)
    return lines.x[kept], lines.y[kept], np.cumsum(counts[chosen]) - counts[chosen]


def _clipped(
    lines: WorldLines, chosen: Ints, zoom: int, corner: tuple[int, int], step: int
) -> CutLines:
    """What of lines lies in the tile."""
    x, y, starts = _some(lines, chosen)
    begin = _near_segments(x, y, starts, zoom, corner)
    scale = 2.0 ** (WORLD_BITS - 12 - zoom)
    a, b = (np.column_stack([x[at], y[at]]) / scale - corner for at in (begin, begin + 1))
    from_, to = _within(a, b)
    crosses = from_ < to
    a, b, begin, from_, to = a[crosses], b[crosses], begin[crosses], from_[crosses], to[crosses]
    line = chosen[np.searchsorted(starts, begin, side="right") - 1]
    goes_on = np.zeros(len(begin), bool)
    goes_on[1:] = (begin[1:] == begin[:-1] + 1) & (line[1:] == line[:-1])
    goes_on[1:] &= (to[:-1] == 1) & (from_[1:] == 0)
    # a part's vertices: where its first segment enters, and where each of them leaves
    enters, leaves = a + (b - a) * from_[:, None], a + (b - a) * to[:, None]
    part = np.cumsum(~goes_on) - 1
    parts = np.concatenate([np.arange(np.sum(~goes_on)), part])
    order = np.argsort(parts, kind="stable")
    found = np.rint(np.concatenate([enters[~goes_on], leaves])[order]).astype(np.int32)
    is_first = np.flatnonzero(np.diff(parts[order], prepend=-1))
    return _on_grid(found[:, 0], found[:, 1], is_first, line[~goes_on], step)


def _near_segments(x: Whole, y: Whole, starts: Ints, zoom: int, corner: tuple[int, int]) -> Ints:
    """Where segments begin that are not wholly beyond one edge of the tile (Cohen and Sutherland).

    Args:
        x: of each vertex, as in `WorldLines`.
        y: the same.
        starts: where each line begins.
        zoom: of the tile.
        corner: its north-western one, in units of tiles.
    """
    beyond = np.zeros(len(x), np.uint8)
    for places, edge, bits in ((x, corner[0], (1, 2)), (y, corner[1], (4, 8))):
        low, high = ((edge + at) << (WORLD_BITS - 12 - zoom) for at in (-BUFFER, EXTENT + BUFFER))
        beyond |= (places < low) * np.uint8(bits[0])
        beyond |= (places > high) * np.uint8(bits[1])
    is_near = (beyond[1:] & beyond[:-1]) == 0
    is_near[starts[1:] - 1] = False  # no segment leads from a line to the next
    return np.flatnonzero(is_near)


def _within(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """From which to which share of its length each segment lies in the tile (Liang and Barsky)."""
    way = b - a
    from_, to = np.zeros(len(a)), np.ones(len(a))
    for axis in (0, 1):
        along = way[:, axis]
        stands = along == 0
        safe = np.where(stands, 1, along)
        t = np.sort(
            np.stack([(edge - a[:, axis]) / safe for edge in (-BUFFER, EXTENT + BUFFER)]), axis=0
        )
        from_ = np.where(stands, from_, np.maximum(from_, t[0]))
        to = np.where(stands, to, np.minimum(to, t[1]))
    return from_, to


def _on_grid(x: Whole, y: Whole, starts: Ints, line: Ints, step: int) -> CutLines:
    """Vertices on the grid, each once; what stays on one spot is a line of a step."""
    if not len(line):
        return CutLines(np.empty((0, 2), np.int64), np.empty(0, np.int64), line)
    bits = step.bit_length() - 1
    x, y = (((places + step // 2) >> bits) << bits for places in (x, y))
    kept = np.ones(len(x), bool)
    kept[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    kept[starts] = True
    before = np.concatenate([[0], np.cumsum(kept)])
    starts = before[starts]
    vertices = np.column_stack([x[kept], y[kept]]).astype(np.int64)
    spots = np.diff(np.append(starts, len(vertices))) == 1
    if spots.any():
        copies = np.ones(len(vertices), np.int64)
        copies[starts[spots]] = 2
        vertices = np.repeat(vertices, copies, axis=0)
        starts = starts + np.cumsum(spots) - spots
        vertices[starts[spots] + 1, 0] += step
    return CutLines(vertices, starts, line)


def _joined(found: Sequence[CutLines]) -> CutLines:
    """All parts in the order of their lines."""
    if not found:
        return CutLines(np.empty((0, 2), np.int64), np.empty(0, np.int64), np.empty(0, np.int64))
    if len(found) == 1:
        return found[0]
    sizes = np.cumsum([0, *(len(one.vertices) for one in found)])[:-1]
    whole = CutLines(
        np.concatenate([one.vertices for one in found]),
        np.concatenate([one.parts + size for one, size in zip(found, sizes, strict=True)]),
        np.concatenate([one.line for one in found]),
    )
    return _ordered(whole, np.argsort(whole.line, kind="stable"))


def _ordered(found: CutLines, chosen: Ints) -> CutLines:
    """Some of the parts, in another order."""
    sizes = np.diff(np.append(found.parts, len(found.vertices)))[chosen]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    index = np.arange(starts[-1]) + np.repeat(found.parts[chosen] - starts[:-1], sizes)
    return CutLines(found.vertices[index], starts[:-1], found.line[chosen])


# ---- what can be seen ----------------------------------------------------------------------------


def cells_of(found: CutLines) -> tuple[Ints, Ints]:
    """The cells of the tile that lines cross, and the line of each, in order of the lines.

    A cell may come several times. In a tile that is full of lines, only the first ones, which are
    the newest, are followed cell by cell; of the others, the cells of their vertices count.
    """
    vertices = found.vertices.astype(np.int32)
    x, y = np.ascontiguousarray(vertices[:, 0]), np.ascontiguousarray(vertices[:, 1])
    dx, dy = np.diff(x, append=x[-1:]), np.diff(y, append=y[-1:])
    ends = np.append(found.parts[1:], len(x))[: len(found.parts)] - 1
    dx[ends] = dy[ends] = 0
    # the end of a segment is where the next one begins
    samples = (np.maximum(np.abs(dx), np.abs(dy)) >> CELL_BITS) + 1
    samples[np.cumsum(samples) > MOST_SAMPLES] = 1
    first = np.cumsum(samples) - samples
    step = np.arange(samples.sum(), dtype=np.int32) - np.repeat(first.astype(np.int32), samples)
    many = np.repeat(samples.astype(np.int32), samples)
    columns, rows = (
        (np.repeat(at, samples) + np.repeat(way, samples) * step // many) >> CELL_BITS
        for at, way in ((x, dx), (y, dy))
    )
    owner = np.repeat(found.line, np.add.reduceat(samples, found.parts))
    inside = (columns >= 0) & (columns < CELLS) & (rows >= 0) & (rows < CELLS)
    cells = rows * CELLS + columns
    return cells[inside].astype(np.int64), owner[inside]


def topmost(cells: Ints, line: Ints) -> Ints:
    """The lines that can be seen where those with lower numbers lie above the others, in order.

    Args:
        cells: those that lines cross.
        line: the line of each, in order.
    """
    above = np.full(CELLS * CELLS, -1, np.int64)
    above[cells[::-1]] = line[::-1]  # the last one to be written stays
    return np.unique(above[above >= 0])


def how_often(cells: Ints, line: Ints) -> tuple[Ints, Ints]:
    """Squares of two cells by two that lines cross, and how many lines cross each."""
    side = CELLS // 2
    squares = cells // CELLS // 2 * side + cells % CELLS // 2
    pairs = line * side**2 + squares
    pairs = np.unique(pairs[np.diff(pairs, prepend=-1) != 0])
    counts = np.bincount(pairs % side**2, minlength=side**2)
    found = np.flatnonzero(counts)
    return found, counts[found]


def only(found: CutLines, wanted: Bools) -> CutLines:
    """Some of the parts, in the reverse order: the first line comes last, above the others."""
    chosen = np.flatnonzero(wanted)
    return _ordered(found, chosen[np.argsort(-found.line[chosen], kind="stable")])


def simplified(found: CutLines, step: int) -> CutLines:
    """Parts without the vertices that nobody could tell from a straight line.

    Args:
        found: the parts.
        step: how far lines may be off, in units of the tile.
    """
    if not len(found.parts):
        return found
    owner = np.repeat(
        np.arange(len(found.parts)), np.diff(np.append(found.parts, len(found.vertices)))
    )
    shapes = shapely.linestrings(found.vertices, indices=owner)
    places, index = shapely.get_coordinates(
        shapely.simplify(shapes, step, preserve_topology=False), return_index=True
    )
    vertices: Ints = places.astype(np.int64)
    return CutLines(vertices, np.searchsorted(index, np.arange(len(shapes))), found.line)
