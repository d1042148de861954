import runpy
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.scoring import Line, RouteScore, combine_scores, score_route

HELSINKI = (24.94, 60.17)


def line(*east_north_m: tuple[float, float]) -> Line:
    """A line near Helsinki from metres east and north of a corner."""
    east, north = np.array(east_north_m, dtype=np.float64).T
    lon, lat = HELSINKI
    return (
        lon + east / (METRES_PER_DEGREE * np.cos(np.radians(lat))),
        lat + north / METRES_PER_DEGREE,
    )


def backwards(way: Line) -> Line:
    return way[0][::-1], way[1][::-1]


STRAIGHT = line((0, 0), (1000, 0))

# Steps along a road: it may bend, but never turns back, so that its reversal is another road.
ways = st.lists(st.tuples(st.floats(20, 300), st.floats(-15, 15)), min_size=1, max_size=30).map(
    lambda steps: line((0, 0), *np.cumsum(np.array(steps), axis=0).tolist())
)


@given(ways)
def test_a_line_fits_itself(way: Line) -> None:
    score = score_route([way], [way])
    assert (score.recall, score.precision, score.mismatch) == (1, 1, 0)
    assert score.length_ratio == 1


@given(ways)
def test_a_reversed_line_fits_nowhere(way: Line) -> None:
    score = score_route([way], [backwards(way)])
    assert score.recall == pytest.approx(0, abs=1e-9)
    assert score.precision == pytest.approx(0, abs=1e-9)
    assert score.mismatch == pytest.approx(2)
    assert score.length_ratio == pytest.approx(1)


@given(ways, st.integers(0, 29), st.integers(0, 29))
def test_cutting_a_line_into_pieces_changes_nothing(way: Line, a: int, b: int) -> None:
    cuts = sorted({0, min(a, len(way[0]) - 1), min(b, len(way[0]) - 1), len(way[0]) - 1})
    pieces = [(way[0][i : j + 1], way[1][i : j + 1]) for i, j in pairwise(cuts)]
    score = score_route([way], pieces)
    assert score.recall == pytest.approx(1)
    assert score.precision == pytest.approx(1)
    assert score.length_ratio == pytest.approx(1)


@given(ways, ways)
def test_shares_are_shares_and_the_sides_mirror(one: Line, other: Line) -> None:
    score, mirror = score_route([one], [other]), score_route([other], [one])
    assert -1e-9 <= score.recall <= 1
    assert -1e-9 <= score.precision <= 1
    # The projection is centred on the true line, so the two differ by its scale error only.
    assert score.recall == pytest.approx(mirror.precision, abs=1e-3)
    assert score.extra_m == pytest.approx(mirror.missed_m, abs=1.0)


def test_half_a_line_is_half_found() -> None:
    score = score_route([STRAIGHT], [line((0, 0), (500, 0))])
    assert score.recall == pytest.approx(0.51, abs=1e-3)  # the tolerance reaches 10 m further
    assert score.precision == pytest.approx(1)
    assert score.true_m == pytest.approx(1000, rel=4e-3)
    assert score.missed_m == pytest.approx(490, rel=4e-3)


@pytest.mark.parametrize(("aside_m", "found"), [(0, 1), (9.9, 1), (10.2, 0), (50, 0)])
def test_tolerance(aside_m: float, found: float) -> None:
    score = score_route([STRAIGHT], [line((0, aside_m), (1000, aside_m))])
    assert score.recall == pytest.approx(found, abs=1e-2)
    assert score_route([STRAIGHT], [line((0, aside_m), (1000, aside_m))], 60.0).recall == 1


def test_a_detour_costs_precision_and_a_zigzag_length() -> None:
    detour = line((0, 0), (500, 0), (500, 300), (510, 300), (510, 0), (1000, 0))
    score = score_route([STRAIGHT], [detour])
    assert score.recall == pytest.approx(1)
    assert score.precision == pytest.approx(1 - 590 / 1590, abs=1e-2)
    assert score.length_ratio == pytest.approx(1.6, abs=1e-2)
    zigzag = line((0, 0), (600, 0), (400, 0), (1000, 0))
    assert score_route([STRAIGHT], [zigzag]).length_ratio == pytest.approx(1.4, abs=1e-2)
    assert score_route([STRAIGHT], [zigzag]).recall == 1


def test_a_stretch_driven_twice_counts_once() -> None:
    score = score_route([STRAIGHT, STRAIGHT], [STRAIGHT])
    assert (score.recall, score.precision) == (1, 1)
    assert score.length_ratio == pytest.approx(0.5)


def test_nothing_matched_is_the_worst_score() -> None:
    empty = (np.empty(0), np.empty(0))
    single = line((5, 5))
    for matched in ([], [empty], [single], [empty, single]):
        score = score_route([STRAIGHT], matched)
        assert (score.recall, score.precision, score.mismatch, score.length_ratio) == (0, 0, 1, 0)


@pytest.mark.parametrize("truth", [[], [(np.empty(0), np.empty(0))], [line((0, 0), (0, 0))]])
def test_a_truth_without_length_cannot_be_scored(truth: list[Line]) -> None:
    with pytest.raises(BadInputError, match="no length"):
        score_route(truth, [STRAIGHT])


def test_combined_scores_weigh_by_length() -> None:
    right = score_route([STRAIGHT], [STRAIGHT])
    wrong = score_route([line((0, 0), (3000, 0))], [])
    both = combine_scores([right, wrong])
    assert both.recall == pytest.approx(0.25, abs=1e-3)
    assert both.precision == 1
    assert both.mismatch == pytest.approx(0.75, abs=1e-3)
    assert combine_scores([right]) == right
    with pytest.raises(BadInputError):
        combine_scores([])


def test_agrees_with_the_reference_on_real_roads(test_data: Path) -> None:
    reference_path = test_data.parent / "tools" / "score_matching.py"
    if not reference_path.is_file():
        pytest.skip("the reference scorer is not here")
    reference = runpy.run_path(str(reference_path))
    rng = np.random.default_rng(7)
    for path in sorted((test_data / "kubicka" / "dev").glob("*.truth.csv.gz"))[::4]:
        truth = [np.array(way) for ways in reference["read_truth"](path).values() for way in ways]
        matched = [distort(way, rng) for way in truth]
        theirs = reference["score"](
            [way.tolist() for way in truth], [way.tolist() for way in matched]
        )
        ours = score_route([columns(way) for way in truth], [columns(way) for way in matched])
        assert shares(ours) == pytest.approx(
            (theirs.recall, theirs.precision, theirs.mismatch, theirs.ratio), abs=1e-3
        )


def distort(way: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A matched line with every kind of error: noise, a missing stretch, one driven backwards."""
    noisy = way + rng.normal(0, 3e-5, way.shape)
    third = len(way) // 3
    return np.vstack([noisy[:third], noisy[third : 2 * third][::-1], noisy[-third // 2 :]])


def columns(way: np.ndarray) -> Line:
    return way[:, 0], way[:, 1]


def shares(score: RouteScore) -> tuple[float, float, float, float]:
    return score.recall, score.precision, score.mismatch, score.length_ratio
