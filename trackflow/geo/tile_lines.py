"""Cutting many lines to a map tile at once: what of them lies in it, and what of that can be seen.

All steps are numpy's, over all vertices together: a tile of ten years has twelve thousand lines.
"""

from dataclasses import dataclass

import numpy as np
import shapely

from trackflow.geo.points import Bools, Floats, Ints
from trackflow.geo.vector_tiles import EXTENT

BUFFER = 96
"""Units beyond the edge of a tile to which lines go on, so that their width is not cut."""

CELLS = 256
"""Of a tile's side: a cell is two pixels wide, as is the line that covers it."""

MOST_SAMPLES = 2_000_000
"""Places at which lines are looked at: half a second of work, and 100 MB."""

DEGREE = 1e-5
"""Encoded polylines count these."""


@dataclass(frozen=True, slots=True, eq=False)
class WorldLines:
    """Lines on the square of Web Mercator, whose sides are 1 long; y grows to the south.

    Attributes:
        x: of all vertices, line after line; beyond 0 and 1 past the antimeridian.
        y: of all vertices.
        starts: where each line begins, and the number of vertices at the end.
    """

    x: Floats
    y: Floats
    starts: Ints


@dataclass(frozen=True, slots=True, eq=False)
class CutLines:
    """The parts of lines that lie in a tile.

    Attributes:
        vertices: in units of the tile, shape (n, 2).
        parts: where each part begins in `vertices`.
        line: the line of each part, in no order of their own: as they were given.
    """

    vertices: Ints
    parts: Ints
    line: Ints


def world_lines(texts: list[str]) -> WorldLines:
    """Encoded polylines as lines on the square; the whole world's edges lie at 85 degrees.

    Raises:
        ValueError: one of them is no encoded polyline.
    """
    grid, starts = _decoded(texts)
    lat = np.clip(grid[:, 0] * DEGREE, -85.0511, 85.0511)
    y = 0.5 - np.arctanh(np.sin(np.radians(lat))) / (2 * np.pi)
    return WorldLines(grid[:, 1] * DEGREE / 360 + 0.5, y, starts)


def _decoded(texts: list[str]) -> tuple[Ints, Ints]:
    """Latitude and longitude of each vertex of all lines, in units of the last decimal."""
    groups = np.frombuffer("".join(texts).encode(), np.uint8).astype(np.int64) - 63
    ends = np.flatnonzero(groups < 32)
    edges = np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)])
    numbers = np.searchsorted(ends, edges)
    if np.any(numbers % 2) or (len(groups) and (groups.min() < 0 or groups[-1] >= 32)):
        raise ValueError("not an encoded polyline")
    if not len(ends):
        return np.empty((0, 2), np.int64), np.zeros(len(texts) + 1, np.int64)
    begins = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(groups)) - np.repeat(begins, ends - begins + 1)
    folded = np.add.reduceat((groups & 31) << (5 * place), begins)
    steps = np.where(folded & 1, ~(folded >> 1), folded >> 1).reshape(-1, 2)
    starts = numbers // 2
    sums = np.concatenate([np.zeros((1, 2), np.int64), np.cumsum(steps, axis=0)])
    grid: Ints = sums[1:] - np.repeat(sums[starts[:-1]], np.diff(starts), axis=0)
    return grid, starts


def at_zoom(lines: WorldLines, zoom: int, step: int) -> WorldLines:
    """Lines without the vertices that nobody could tell apart on tiles of a zoom.

    Args:
        lines: the lines.
        zoom: of the tiles.
        step: how far lines may be off, in units of a tile.
    """
    unit = step / (EXTENT * 2.0**zoom)
    owner = np.repeat(np.arange(len(lines.starts) - 1), np.diff(lines.starts))
    x, y = np.floor(lines.x / unit), np.floor(lines.y / unit)
    kept = np.ones(len(owner), bool)
    kept[1:] = (owner[1:] != owner[:-1]) | (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    kept[lines.starts[1:][np.diff(lines.starts) > 0] - 1] = True  # where it ends
    places, owner = np.column_stack([lines.x[kept], lines.y[kept]]), owner[kept]
    is_line = np.bincount(owner, minlength=len(lines.starts) - 1) > 1
    places, owner = places[is_line[owner]], owner[is_line[owner]]
    counts = np.zeros(len(is_line), np.int64)
    if len(owner):
        found, index = np.unique(owner, return_inverse=True)
        shapes = shapely.linestrings(places, indices=index)
        simple = shapely.simplify(shapes, unit, preserve_topology=False)
        places, index = shapely.get_coordinates(simple, return_index=True)
        counts[found] = np.bincount(index, minlength=len(found))
    starts = np.concatenate([[0], np.cumsum(counts)])
    return WorldLines(places[:, 0], places[:, 1], starts)


def cut(lines: WorldLines, zoom: int, column: int, row: int, step: int = 1) -> CutLines:
    """The parts of lines in a tile and a little beyond, on a grid.

    Args:
        lines: the lines.
        zoom: of the tile.
        column: of the tile.
        row: of the tile.
        step: width of the grid in units of the tile; what moves by less is no vertex.
    """
    begin, line = _segments(lines)
    a, b, begin, line = _seen(lines, begin, line, zoom, column, row)
    from_, to = _within(a, b)
    crosses = from_ < to
    a, b, begin, line = a[crosses], b[crosses], begin[crosses], line[crosses]
    from_, to = from_[crosses], to[crosses]
    goes_on = np.zeros(len(begin), bool)
    goes_on[1:] = (begin[1:] == begin[:-1] + 1) & (line[1:] == line[:-1])
    goes_on[1:] &= (to[:-1] == 1) & (from_[1:] == 0) & np.all(a[1:] == b[:-1], axis=1)
    enters = a + (b - a) * from_[:, None]
    leaves = a + (b - a) * to[:, None]
    return _on_grid(enters, leaves, goes_on, line, step)


def _segments(lines: WorldLines) -> tuple[Ints, Ints]:
    """The first vertex of each segment, and its line."""
    counts = np.maximum(np.diff(lines.starts) - 1, 0)
    line = np.repeat(np.arange(len(counts)), counts)
    before = np.concatenate([[0], np.cumsum(counts)])[:-1]
    return np.arange(len(line)) - before[line] + lines.starts[line], line


def _seen(
    lines: WorldLines, begin: Ints, line: Ints, zoom: int, column: int, row: int
) -> tuple[Floats, Floats, Ints, Ints]:
    """Both ends, in units of the tile, of segments whose box overlaps it."""
    size = 1 << zoom
    low, high = -BUFFER, EXTENT + BUFFER
    y0, y1 = ((lines.y[begin + k] * size - row) * EXTENT for k in (0, 1))
    is_near = (np.minimum(y0, y1) <= high) & (np.maximum(y0, y1) >= low)
    begin, line, y0, y1 = begin[is_near], line[is_near], y0[is_near], y1[is_near]
    x0, x1 = lines.x[begin], lines.x[begin + 1]
    x1 = x1 - np.round(x1 - x0)  # the shorter way around the Earth
    turns = np.floor(x0)
    x0, x1 = x0 - turns, x1 - turns
    found = []
    for shift in (0, -1, 1):
        u0, u1 = (((x + shift) * size - column) * EXTENT for x in (x0, x1))
        is_in = (np.minimum(u0, u1) <= high) & (np.maximum(u0, u1) >= low)
        ends = [np.column_stack([u[is_in], y[is_in]]) for u, y in ((u0, y0), (u1, y1))]
        found.append((*ends, begin[is_in], line[is_in]))
    a, b, begins, owners = (np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.lexsort((begins, owners))
    return a[order], b[order], begins[order], owners[order]


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


def _on_grid(enters: Floats, leaves: Floats, goes_on: Bools, line: Ints, step: int) -> CutLines:
    """Vertices on the grid, each once; what stays on one spot is a line of a step."""
    if not len(line):
        return CutLines(np.empty((0, 2), np.int64), np.empty(0, np.int64), line)
    # a part's vertices: where its first segment enters, and where each of them leaves
    part = np.cumsum(~goes_on) - 1
    owner = line[~goes_on]
    places = np.concatenate([enters[~goes_on], leaves])
    parts = np.concatenate([np.arange(len(owner)), part])
    order = np.argsort(parts, kind="stable")
    vertices = np.rint(places[order] / step).astype(np.int64) * step
    parts = parts[order]
    is_first = np.diff(parts, prepend=-1) > 0
    moves = np.any(np.diff(vertices, axis=0, prepend=vertices[:1]) != 0, axis=1)
    kept = is_first | moves
    vertices, parts, is_first = vertices[kept], parts[kept], is_first[kept]
    spots = np.bincount(parts, minlength=len(owner))[parts] == 1
    copies = np.where(spots, 2, 1)
    vertices = np.repeat(vertices, copies, axis=0)
    starts = np.concatenate([[0], np.cumsum(copies)])[:-1]
    vertices[starts[spots] + 1, 0] += step
    return CutLines(vertices, starts[is_first], owner)


def cells_of(found: CutLines) -> tuple[Ints, Ints]:
    """The cells of the tile that lines cross, and the line of each, in order of the lines.

    A cell may come several times. In a tile that is full of lines, only the first ones, which are
    the newest, are followed cell by cell; of the others, the cells of their vertices count.
    """
    counts = np.diff(np.append(found.parts, len(found.vertices)))
    owner = np.repeat(found.line, counts)
    is_last = np.zeros(len(found.vertices), bool)
    is_last[np.append(found.parts[1:], len(found.vertices))[: len(found.parts)] - 1] = True
    begin = np.flatnonzero(~is_last)
    a, b = found.vertices[begin], found.vertices[begin + 1]
    width = EXTENT // CELLS
    # the end of a segment is where the next one begins, or close to it
    samples = np.abs(b - a).max(axis=1, initial=0) // width + 1
    samples[np.cumsum(samples) > MOST_SAMPLES] = 1
    segment = np.repeat(np.arange(len(begin)), samples)
    first = np.concatenate([[0], np.cumsum(samples)])[:-1]
    share = (np.arange(len(segment)) - first[segment]) / samples[segment]
    places = (a[segment] + (b - a)[segment] * share[:, None]) // width
    inside = np.all((places >= 0) & (places < CELLS), axis=1)
    cells = (places[inside, 1] * CELLS + places[inside, 0]).astype(np.int64)
    return cells, owner[begin][segment][inside]


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
    rows, columns = np.divmod(cells, CELLS)
    pairs = np.unique(line * side**2 + rows // 2 * side + columns // 2)
    counts = np.bincount(pairs % side**2, minlength=side**2)
    found = np.flatnonzero(counts)
    return found, counts[found]


def only(found: CutLines, wanted: Bools) -> CutLines:
    """Some of the parts, in the reverse order: the first line comes last, above the others."""
    counts = np.diff(np.append(found.parts, len(found.vertices)))
    chosen = np.flatnonzero(wanted)
    chosen = chosen[np.argsort(-found.line[chosen], kind="stable")]
    sizes = counts[chosen]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    index = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
    vertices = found.vertices[index + np.repeat(found.parts[chosen], sizes)]
    return CutLines(vertices, starts[:-1], found.line[chosen])
