"""Mixtures: two senders under one id, or a clock that jumps back and forth.

Their points form two ways that each make sense and interleave, so that no step between them does.
Nobody can say which is true. Such a stretch is named, and not taken for a chain of spikes, which
would keep a random half of it.
"""

import numpy as np

from trackflow.geo.points import Bools, Ints, Points
from trackflow.geo.steps import between_mm
from trackflow.tracks.speeds import possible_mm
from trackflow.tracks.thresholds import MIX_S, US, Thresholds

MIX_STEPS, MIX_CROSSINGS = 4, 5
"""So many steps on either side are looked at, and so many of all cross over in a mixture: two wrong
fixes with a right one between them make four."""

PARTNERS = (-4, -3, -2, 2, 3, 4)
"""Where the next points of a point's own way are looked for: beyond those of the other way."""


def mixed_steps(points: Points, impossible: Ints, thresholds: Thresholds) -> Ints:
    """Indices of the steps inside mixtures, in order; possible ones between others too.

    Args:
        points: kept points, times strictly increasing. Shape (n,).
        impossible: indices of the steps that no movement explains, in order.
        thresholds: the limits.
    """
    # So many impossible steps must lie near one step: hardly any device has them.
    spread = impossible[MIX_CROSSINGS - 1 :] - impossible[: 1 - MIX_CROSSINGS]
    if spread.min(initial=2 * MIX_STEPS + 1) > 2 * MIX_STEPS:
        return impossible[:0]
    bad_before = np.zeros(len(points), dtype=np.int64)  # impossible steps before each point
    bad_before[impossible + 1] = 1
    np.cumsum(bad_before, out=bad_before)
    # A step of hours crosses nothing, and a day may be read without the point after it.
    is_short = points.time_us[impossible + 1] - points.time_us[impossible] <= MIX_S * US
    crossing = impossible[
        is_short
        & _has_partner(points, impossible, bad_before, thresholds)
        & _has_partner(points, impossible + 1, bad_before, thresholds)
    ]
    around = np.unique(crossing[:, None] + np.arange(-MIX_STEPS, MIX_STEPS + 1))
    around = around[(around >= 0) & (around < len(points) - 1)]
    earlier = _crossings_near(points, crossing, around, -1)
    later = _crossings_near(points, crossing, around, 1)
    itself = np.isin(around, crossing, assume_unique=True)
    many = earlier + later + itself >= MIX_CROSSINGS
    mixed: Ints = around[many & (itself | ((earlier > 0) & (later > 0)))]
    return mixed


def _has_partner(points: Points, of: Ints, bad_before: Ints, thresholds: Thresholds) -> Bools:
    """Whether each point fits to one near it, with at least two impossible steps between them."""
    partner = of[:, None] + np.array(PARTNERS)
    exists = (partner >= 0) & (partner < len(points))
    partner = np.where(exists, partner, of[:, None])
    here = np.broadcast_to(of[:, None], partner.shape)
    dt_us = np.abs(points.time_us[partner] - points.time_us[here])
    exists &= (dt_us <= MIX_S * US) & (np.abs(bad_before[partner] - bad_before[here]) >= 2)
    apart_mm = between_mm(
        points.lon[here].ravel(),
        points.lat[here].ravel(),
        points.lon[partner].ravel(),
        points.lat[partner].ravel(),
    ).reshape(partner.shape)
    found: Bools = (exists & (apart_mm <= possible_mm(dt_us, thresholds))).any(axis=1)
    return found


def _crossings_near(points: Points, crossing: Ints, around: Ints, side: int) -> Ints:
    """How many crossing steps lie close before (side -1) or after (1) each of some steps."""
    offsets = side * np.arange(1, MIX_STEPS + 1)
    other = around[:, None] + offsets
    exists = (other >= 0) & (other < len(points) - 1)
    other = np.where(exists, other, around[:, None])
    dt_us = np.abs(points.time_us[other] - points.time_us[around][:, None])
    found: Ints = (exists & (dt_us <= MIX_S * US) & np.isin(other, crossing)).sum(axis=1)
    return found
