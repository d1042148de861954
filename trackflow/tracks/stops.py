"""Stops: where a device stayed within a small area for a while.

A step belongs to a stop if some stretch of uncut steps around it lasts at least `dwell_s` and fits
into a box whose diagonal is at most twice `dwell_radius_m`. Stay points go back to Hariharan &
Toyama, "Project Lachesis" (2004), and Li et al., "Mining user similarity based on location history"
(2008); their scans grow a stay from its first point, so that its end depends on where the scan
began. Here every stretch counts, whoever looks at it, and a shortest stretch that proves a step
lasts less than twice `dwell_s` (or is one step longer), which makes the decision local.

Looking at all stretches of all points would cost more than everything else together, so three
questions are asked, each only where the one before leaves something open:

1. Blocks: every run of uncut steps is divided by marks half a dwell time apart. A stretch of a
   dwell time holds at least one whole block, so only blocks that fit into the box matter.
2. Three neighbouring blocks that fit together and last long enough are a stop, all of them.
3. Around the others, every shortest stretch is measured.
"""

from dataclasses import dataclass

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Bools, Floats, Ints
from trackflow.geo.steps import cos_latitude, unwrapped
from trackflow.tracks.cleaning import US
from trackflow.tracks.thresholds import Thresholds


def stop_steps(
    time_us: Ints, lon: Floats, lat: Floats, cuts: Ints, thresholds: Thresholds
) -> Bools:
    """Which steps lie inside a stop.

    Args:
        time_us: times of kept points, strictly increasing. Shape (n,).
        lon: longitudes in degrees. Shape (n,).
        lat: latitudes in degrees. Shape (n,).
        cuts: indices of steps that no stop may bridge, in order.
        thresholds: the limits.

    Returns:
        Shape (max(n - 1, 0),).
    """
    stops = np.zeros(max(len(time_us) - 1, 0), dtype=np.bool_)
    if not len(stops):
        return stops
    dwell_us = int(thresholds.dwell_s * US)
    firsts = np.concatenate([[0], cuts + 1])
    lasts = np.concatenate([cuts, [len(time_us) - 1]])
    long = time_us[lasts] - time_us[firsts] >= dwell_us
    if not long.any():
        return stops
    firsts, lasts = firsts[long], lasts[long]
    lon = unwrapped(lon)
    blocks = _fitting_blocks(lon, lat, _edges(time_us, firsts, lasts, dwell_us), lasts, thresholds)
    if not len(blocks.begin):
        return stops
    sure_from, sure_to = _mark_sure(stops, time_us, blocks, thresholds)
    # A stretch that holds a block and is as short as can be lies within these limits.
    run = np.searchsorted(firsts, blocks.begin, side="right") - 1
    low = np.searchsorted(time_us, time_us[blocks.begin] - dwell_us, side="right") - 1
    high = np.searchsorted(time_us, time_us[blocks.end] + dwell_us)
    low, high = np.maximum(low, firsts[run]), np.minimum(high, lasts[run])
    unsure = (low < sure_from) | (high > sure_to)
    if unsure.any():
        _mark_measured(stops, time_us, lon, lat, low[unsure], high[unsure], thresholds)
    return stops


def _boxes(lon: Floats, lat: Floats) -> Floats:
    """Boxes of one point each, of shape (4, n): -west, east, -south, north.

    With two signs turned, the box around two boxes is their maximum: one call instead of four.
    """
    return np.stack([-lon, lon, -lat, lat])


def _fit(boxes: Floats, thresholds: Thresholds) -> Bools:
    """Which of the boxes of shape (4, m) have a diagonal of at most twice the dwell radius.

    Sizes are whole numbers of E7, and the cosine is that of the box's latitude nearest to the
    equator: so a box inside another never has the longer diagonal, not even by rounding, and a
    result never depends on which stretch was asked first.
    """
    west, east, south, north = boxes
    width, height = np.rint((west + east) * 1e7), np.rint((south + north) * 1e7)
    width *= cos_latitude(np.maximum(-np.minimum(south, north), 0.0))
    limit = 2 * thresholds.dwell_radius_m / METRES_PER_DEGREE * 1e7
    fit: Bools = width * width + height * height <= limit * limit
    return fit


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """Blocks that fit: indices of their first and last points, shape (m,), and boxes, (4, m)."""

    begin: Ints
    end: Ints
    boxes: Floats


def _edges(time_us: Ints, firsts: Ints, lasts: Ints, dwell_us: int) -> Ints:
    """Indices of the points that divide runs of uncut steps into blocks, in order.

    They are the first points at or after marks that lie half a dwell time apart, the last point of
    each run, and both ends of a step so long that no mark falls on either side of it. So whatever
    lasts a dwell time within a run holds at least one whole block.
    """
    half_us = dwell_us // 2
    counts = (time_us[lasts] - time_us[firsts]) // half_us + 1
    nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    marks_us = np.repeat(time_us[firsts], counts) + nth * half_us
    edges = np.concatenate([np.searchsorted(time_us, marks_us), lasts])
    edges.sort()
    again = np.flatnonzero(edges[1:] == edges[:-1])
    if not len(again):
        return edges
    # Marks that share a point lie inside one long step; its two ends make a block.
    edges = np.concatenate([edges, edges[again] - 1])
    edges.sort()
    distinct: Ints = edges[np.concatenate([[True], edges[1:] != edges[:-1]])]
    return distinct


def _fitting_blocks(
    lon: Floats, lat: Floats, edges: Ints, lasts: Ints, thresholds: Thresholds
) -> _Blocks:
    """The blocks between neighbouring edges of a run that fit into the box."""
    inner = np.ones(len(edges), dtype=np.bool_)
    inner[np.searchsorted(edges, lasts)] = False
    begin = np.flatnonzero(inner)
    begin, end = edges[begin], edges[begin + 1]
    boxes = np.maximum(_boxes(lon[begin], lat[begin]), _boxes(lon[end], lat[end]))
    # The ends alone rule out nearly every block of a drive.
    near = np.flatnonzero(_fit(boxes, thresholds))
    begin, end, boxes = begin[near], end[near], boxes[:, near]
    if not len(near):
        return _Blocks(begin, end, boxes)
    # reduceat leaves out the end of each pair, and every other result lies between the pairs.
    pairs = np.empty(2 * len(begin), dtype=np.int64)
    pairs[::2], pairs[1::2] = begin, end
    within = [
        -np.minimum.reduceat(lon, pairs)[::2],
        np.maximum.reduceat(lon, pairs)[::2],
        -np.minimum.reduceat(lat, pairs)[::2],
        np.maximum.reduceat(lat, pairs)[::2],
    ]
    boxes = np.maximum(boxes, within)
    fit = np.flatnonzero(_fit(boxes, thresholds))
    return _Blocks(begin[fit], end[fit], boxes[:, fit])


def _mark_sure(
    stops: Bools, time_us: Ints, blocks: _Blocks, thresholds: Thresholds
) -> tuple[Ints, Ints]:
    """Mark the steps of every three neighbouring blocks that are a stop together.

    Returns:
        For each block, the first and last point of the marked stretch that holds it, or a stretch
        of no length if there is none. Shapes (m,).
    """
    begin, end, boxes = blocks.begin, blocks.end, blocks.boxes
    marked = np.zeros(len(begin), dtype=np.bool_)
    joined = end[:-1] == begin[1:]
    threes = np.flatnonzero(
        joined[:-1]
        & joined[1:]
        & (time_us[end[2:]] - time_us[begin[:-2]] >= int(thresholds.dwell_s * US))
    )
    of_two = np.maximum(boxes[:, threes], boxes[:, threes + 1])
    threes = threes[_fit(np.maximum(of_two, boxes[:, threes + 2]), thresholds)]
    for offset in range(3):
        marked[threes + offset] = True
    opens = marked.copy()
    opens[1:] &= ~(marked[:-1] & joined)
    closes = marked.copy()
    closes[:-1] &= ~(marked[1:] & joined)
    starts, ends = begin[opens], end[closes]
    for start, stop in zip(starts.tolist(), ends.tolist(), strict=True):
        stops[start:stop] = True
    stretch = np.cumsum(opens) - 1
    sure_from, sure_to = begin.copy(), begin.copy()
    sure_from[marked], sure_to[marked] = starts[stretch[marked]], ends[stretch[marked]]
    return sure_from, sure_to


def _mark_measured(
    stops: Bools,
    time_us: Ints,
    lon: Floats,
    lat: Floats,
    low: Ints,
    high: Ints,
    thresholds: Thresholds,
) -> None:
    """Mark what the shortest stretches between the points `low` and `high` prove to be a stop.

    From each point the shortest stretch that lasts long enough, ahead and back in time. If any
    stretch proves a step, one of these does: take the step's later point; either the dwell time
    before it lies within that stretch, or a stretch that begins at the first point reaches it.
    """
    parts = np.concatenate([[True], low[1:] > high[:-1]])
    low, high = low[parts], high[np.concatenate([parts[1:], [True]])]
    sizes = high - low + 1
    last = np.repeat(np.cumsum(sizes) - 1, sizes)
    first = last - np.repeat(sizes - 1, sizes)
    here = np.arange(len(last))
    at = here - first + np.repeat(low, sizes)
    t = time_us[at]

    dwell_us = int(thresholds.dwell_s * US)
    ahead = np.searchsorted(t, t + dwell_us)
    back = np.searchsorted(t, t - dwell_us, side="right") - 1
    forward, backward = ahead <= last, back >= first
    begin = np.concatenate([here[forward], back[backward]])
    end = np.concatenate([ahead[forward], here[backward]])
    fit = _stretches_fit(_boxes(lon[at], lat[at]), begin, end, thresholds)
    change = np.bincount(begin[fit], minlength=len(at)) - np.bincount(end[fit], minlength=len(at))
    stops[at[np.cumsum(change) > 0]] = True


def _stretches_fit(boxes: Floats, begin: Ints, end: Ints, thresholds: Thresholds) -> Bools:
    """Which of the stretches from `begin` to `end` (included) fit into the box.

    A stretch is the union of two overlapping stretches of 2**level points; the boxes of all
    stretches of that length come from those of half the length, level by level.
    """
    fits = _fit(np.maximum(boxes[:, begin], boxes[:, end]), thresholds)
    left = np.flatnonzero(fits)  # the ends rule out many
    begin, end = begin[left], end[left]
    level = np.frexp(end - begin + 1)[1] - 1
    found = np.empty((4, len(left)))
    for current in range(int(level.max(initial=0)) + 1):
        if current:
            half = 1 << (current - 1)
            boxes = np.maximum(boxes[:, :-half], boxes[:, half:])
        asked = np.flatnonzero(level == current)
        if len(asked):
            tail = end[asked] + 1 - (1 << current)
            found[:, asked] = np.maximum(boxes[:, begin[asked]], boxes[:, tail])
    fits[left] = _fit(found, thresholds)
    return fits
