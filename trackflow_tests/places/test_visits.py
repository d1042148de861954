"""Visits: what every one of them must be, and that it does not matter how positions come."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trackflow.geo.distance import haversine_m
from trackflow.places.geocoding import Coordinates
from trackflow.places.visits import MOST_UNSEEN_US, PlaceIndex, Samples, Visit, VisitFinder, outside

MINUTE_US = 60_000_000
PLACES = PlaceIndex(
    {("liverc", "north"): Coordinates(24.94, 60.18),
     ("liverc", "south"): Coordinates(24.94, 60.175),
     ("file", "far"): Coordinates(-179.999, 60.0)},
    radius_m=300,
    shortest_s=600,
)  # fmt: skip
SPOTS = [(24.94, 60.18), (24.9401, 60.1777), (24.94, 60.175), (24.99, 60.2), (179.999, 60.0)]
"""Near the first, near both, near the second, near none, and across the antimeridian."""


@st.composite
def histories(draw: st.DrawFn) -> Samples:
    spots = draw(st.lists(st.sampled_from(SPOTS), min_size=1, max_size=14))
    gaps = draw(
        st.lists(
            st.sampled_from([MINUTE_US, 9 * MINUTE_US, MOST_UNSEEN_US, MOST_UNSEEN_US + 1]),
            min_size=len(spots), max_size=len(spots),
        )
    )  # fmt: skip
    flags = st.lists(st.booleans(), min_size=len(spots), max_size=len(spots))
    lon, lat = np.array(spots).T
    return Samples(np.cumsum(gaps), lon, lat, np.array(draw(flags)), np.array(draw(flags)))


def visits_of(parts: Sequence[Samples]) -> list[Visit]:
    watch = VisitFinder(PLACES)
    for part in parts:
        watch.add(part)
    return watch.visits()


def by_hand(samples: Samples) -> list[Visit]:
    """The definition, said as slowly as possible."""
    found = []
    for (source, slug), lon, lat in zip(PLACES.keys, PLACES.lon, PLACES.lat, strict=True):
        near = haversine_m(samples.lon, samples.lat, lon, lat) <= 300
        for a in range(len(samples)):
            for b in range(a, len(samples)):
                inner = range(a, b)
                if (
                    near[a : b + 1].all()
                    and all(_hangs_together(samples, k) for k in inner)
                    and not (a and near[a - 1] and _hangs_together(samples, a - 1))
                    and not (b + 1 < len(samples) and near[b + 1] and _hangs_together(samples, b))
                    and samples.time_us[b] - samples.time_us[a] >= 600e6
                ):
                    times = int(samples.time_us[a]), int(samples.time_us[b])
                    found.append(Visit(source, slug, *times))
    return sorted(found, key=lambda v: (v.start_us, v.source, v.slug))


def _hangs_together(samples: Samples, k: int) -> bool:
    stood = samples.stops[k] and samples.starts[k + 1]
    return bool(samples.time_us[k + 1] - samples.time_us[k] <= MOST_UNSEEN_US or stood)


@settings(max_examples=50)
@given(histories(), st.lists(st.integers(0, 14), max_size=4))
def test_visits_are_what_they_are_defined_to_be_however_they_are_cut(
    samples: Samples, cuts: list[int]
) -> None:
    edges = [0, *sorted(min(cut, len(samples)) for cut in cuts), len(samples)]
    parts = [samples[slice(a, b)] for a, b in itertools.pairwise(edges)]

    assert visits_of(parts) == visits_of([samples]) == by_hand(samples)


LATITUDES = st.floats(-90, 90) | st.sampled_from([-90.0, -89.999, 89.98, 89.9999, 90.0])


@settings(max_examples=50)  # around a pole each has thousands of cells
@example(0.0, -90.0, 135.0, 0.5)
@given(st.floats(-180, 180), LATITUDES, st.floats(0, 360), st.floats(0, 3))
def test_near_is_what_lies_within_the_radius_anywhere_on_earth(
    lon: float, lat: float, turn: float, share: float
) -> None:
    places = PlaceIndex({("file", "spot"): Coordinates(lon, lat)}, radius_m=300, shortest_s=600)
    up = lat + share * 300 / 111_195 * (-1 if lat > 0 else 1)  # towards the equator
    spots = np.array([lon, lon, (lon + turn + 180) % 360 - 180]), np.array([lat, up, up])
    apart_m = haversine_m(*spots, np.full(3, lon), np.full(3, lat))
    found, _ = places.near(*spots)
    assert sorted(found.tolist()) == np.flatnonzero(apart_m <= 300).tolist()


def test_outside_is_near_no_place() -> None:
    lon, lat = np.array(SPOTS).T
    flags = np.zeros(len(SPOTS), np.bool_)
    found = outside(Samples(np.arange(len(SPOTS)), lon, lat, flags, flags), PLACES)
    assert found.tolist() == [3]


@pytest.mark.parametrize("changed", [
    PlaceIndex({("liverc", "north"): Coordinates(24.94, 60.1800001)}, 300, 600),
    PlaceIndex({("liverc", "south"): Coordinates(24.94, 60.18)}, 300, 600),
    PlaceIndex({("liverc", "north"): Coordinates(24.94, 60.18)}, 301, 600),
    PlaceIndex({("liverc", "north"): Coordinates(24.94, 60.18)}, 300, 601),
])  # fmt: skip
def test_the_hash_changes_with_all_that_counts(changed: PlaceIndex) -> None:
    same = PlaceIndex({("liverc", "north"): Coordinates(24.94, 60.18)}, 300, 600)
    assert same.hash == PlaceIndex({("liverc", "north"): Coordinates(24.94, 60.18)}, 300, 600).hash
    assert changed.hash != same.hash
