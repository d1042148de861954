"""How well a matched line follows the road that was truly driven, by geometry and direction alone.

Both lines are laid out in metres and cut into their straight pieces, which are sorted by heading
into twelve sectors of 30 degrees. A stretch that is driven twice the same way counts once. A piece
is found where a piece of the other line lies within the tolerance and heads the same way: sectors
up to two apart count as the same way, so headings that differ by 60 degrees or less always do and
by 90 or more never. So a road that is matched against its direction of travel is an error, while
the corner that a line cuts is not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from pyproj import Transformer

from trackflow.errors import BadInputError
from trackflow.geo.points import Floats

SECTORS = 12
_NEAR_SECTORS = (0, 1, -1, 2, -2)
_ARC_SEGMENTS = 4
"""Per quarter circle of a buffer: its radius is off by less than 0.1 %."""

type Line = tuple[Floats, Floats]
"""Longitudes and latitudes in degrees, each of shape (n,)."""


@dataclass(frozen=True, slots=True)
class RouteScore:
    """What was found, missed and added, in metres; the shares follow from these and so add up.

    Attributes:
        true_m: length of the true line, each stretch once per direction.
        found_m: the same of the matched line.
        missed_m: how much of the true line is not in the matched one.
        extra_m: how much of the matched line is not in the true one.
        true_travelled_m: length of the true line as travelled, repeats included.
        found_travelled_m: the same of the matched line.
    """

    true_m: float
    found_m: float
    missed_m: float
    extra_m: float
    true_travelled_m: float
    found_travelled_m: float

    @property
    def recall(self) -> float:
        """Share of the true line that is found in the matched line."""
        return 1 - self.missed_m / self.true_m

    @property
    def precision(self) -> float:
        """Share of the matched line that is found in the true line; 0 if nothing was matched."""
        return 1 - self.extra_m / self.found_m if self.found_m else 0.0

    @property
    def mismatch(self) -> float:
        """(missed + extra) / true length: the one number to compare by."""
        return (self.missed_m + self.extra_m) / self.true_m

    @property
    def length_ratio(self) -> float:
        """Matched / true length as travelled.

        It catches what a tolerance cannot see: zigzags, and stretches that are given twice.
        """
        return self.found_travelled_m / self.true_travelled_m


def score_route(
    truth_lines: Iterable[Line], matched_lines: Iterable[Line], tolerance_m: float = 10.0
) -> RouteScore:
    """Compare what was driven with what was matched.

    Args:
        truth_lines: (longitudes, latitudes) of each line, in the direction of travel.
        matched_lines: the same; none at all scores 0.
        tolerance_m: how far two lines may lie apart and still be the same road.

    Raises:
        BadInputError: the truth has no length, so that there is nothing to compare with.
    """
    truth, matched = list(truth_lines), list(matched_lines)
    project = _metres_around(truth)
    true, found = _lay_out(truth, project), _lay_out(matched, project)
    if not true.travelled_m:
        raise BadInputError("a true line of no length cannot be scored")
    return RouteScore(
        true_m=_length_m(true.sectors),
        found_m=_length_m(found.sectors),
        missed_m=_beyond_m(true.sectors, found.sectors, tolerance_m),
        extra_m=_beyond_m(found.sectors, true.sectors, tolerance_m),
        true_travelled_m=true.travelled_m,
        found_travelled_m=found.travelled_m,
    )


def combine_scores(scores: Sequence[RouteScore]) -> RouteScore:
    """One score of many drives, weighted by length.

    A mean over drives would let a drive round the block count as much as a day's tour. Drives are
    scored one by one first: laid over each other, the wrong road of one would hide under another.

    Raises:
        BadInputError: there are none.
    """
    if not scores:
        raise BadInputError("no scores to combine")
    return RouteScore(
        true_m=sum(score.true_m for score in scores),
        found_m=sum(score.found_m for score in scores),
        missed_m=sum(score.missed_m for score in scores),
        extra_m=sum(score.extra_m for score in scores),
        true_travelled_m=sum(score.true_travelled_m for score in scores),
        found_travelled_m=sum(score.found_travelled_m for score in scores),
    )


@dataclass(frozen=True, slots=True)
class _MeasuredRoute:
    """A route in metres: its length as travelled and, per heading, the union of its pieces."""

    travelled_m: float
    sectors: list[shapely.Geometry]


def _metres_around(lines: Sequence[Line]) -> Transformer:
    """A transverse Mercator projection centred on the middle vertex: true to 0.02 % for 100 km."""
    lon, lat = _joined(lines)
    if not len(lon):
        raise BadInputError("a true line of no length cannot be scored")
    middle = len(lon) // 2
    crs = f"+proj=tmerc +lat_0={lat[middle]} +lon_0={lon[middle]} +ellps=WGS84 +units=m"
    return Transformer.from_crs("EPSG:4326", crs, always_xy=True)


def _joined(lines: Sequence[Line]) -> tuple[Floats, Floats]:
    if not lines:
        return np.empty(0), np.empty(0)
    lon = np.concatenate([np.asarray(line[0], dtype=np.float64) for line in lines])
    lat = np.concatenate([np.asarray(line[1], dtype=np.float64) for line in lines])
    return lon, lat


def _lay_out(lines: Sequence[Line], project: Transformer) -> _MeasuredRoute:
    lon, lat = _joined(lines)
    vertices = np.column_stack(project.transform(lon, lat))
    pieces = np.stack([vertices[:-1], vertices[1:]], axis=1)
    # The last vertex of a line and the first of the next are no piece of road.
    line_of = np.repeat(np.arange(len(lines)), [len(line[0]) for line in lines])
    step = pieces[:, 1] - pieces[:, 0]
    real = (line_of[:-1] == line_of[1:]) & step.any(axis=1)
    pieces, step = pieces[real], step[real]
    turn = np.arctan2(step[:, 1], step[:, 0]) / (2 * np.pi) % 1.0
    sector = (turn * SECTORS).astype(np.int64) % SECTORS
    straight = shapely.linestrings(pieces)
    return _MeasuredRoute(
        float(np.hypot(step[:, 0], step[:, 1]).sum()),
        [shapely.union_all(straight[sector == k]) for k in range(SECTORS)],
    )


def _beyond_m(
    lines: list[shapely.Geometry], others: list[shapely.Geometry], tolerance_m: float
) -> float:
    """Length of `lines` that no piece of `others` of the same heading is near."""
    # pieces joined to chains first: a buffer of thousands of single pieces takes 20 times as long
    chains = shapely.line_merge(np.array(others))
    near = shapely.buffer(chains, tolerance_m, quad_segs=_ARC_SEGMENTS)
    rest = np.array(lines)
    for shift in _NEAR_SECTORS:
        rest = shapely.difference(rest, np.roll(near, -shift))
    return float(shapely.length(rest).sum())


def _length_m(lines: list[shapely.Geometry]) -> float:
    return float(shapely.length(np.array(lines)).sum())
