"""Which network a window is matched on: the smallest that knows its points best, in any order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.points import Points
from trackflow.matching.coverage import CELL_DEGREES, Candidate, Coverage, choose
from trackflow.matching.network_building import read_coverage
from trackflow.matching.networks import RoadNetwork, network_name


def square(west: float, south: float, edge: float) -> Coverage:
    """Roads everywhere in a square, in degrees."""
    steps = np.arange(0, edge, CELL_DEGREES / 2)
    lon, lat = np.meshgrid(west + steps, south + steps)
    return Coverage.of(lon.ravel(), lat.ravel())


def points(*places: tuple[float, float]) -> Points:
    lon, lat = np.array(places, dtype=float).reshape(-1, 2).T
    return Points.of(np.arange(len(places)) * 1_000_000, lon, lat)


def candidate(name: str, coverage: Coverage | None) -> Candidate:
    return Candidate(name, coverage, np.inf if coverage is None else coverage.area_km2)


COUNTRY = candidate("country", square(10.0, 50.0, 1.0))
TOWN = candidate("town", square(10.4, 50.4, 0.1))
NEIGHBOUR = candidate("neighbour", square(11.0, 50.0, 0.5))
UNKNOWN = candidate("unknown", None)
ALL = [COUNTRY, TOWN, NEIGHBOUR]


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([(10.45, 50.45)], "town"),
        ([(10.45, 50.45), (10.46, 50.46)], "town"),
        ([(10.45, 50.45), (10.6, 50.45)], "country"),  # it leaves the town
        ([(10.4001, 50.45)], "country"),  # so near the edge a road of the town may be missing
        ([(10.7, 50.7)], "country"),
        ([(11.2, 50.2)], "neighbour"),
        # over the border: the one that knows more of the way
        ([(10.98, 50.2), (10.99, 50.2), (11.02, 50.2)], "country"),
        ([(10.98, 50.2), (11.01, 50.2), (11.02, 50.2)], "neighbour"),
        ([(-60.0, -20.0)], None),
        ([], None),
    ],
)
def test_the_smallest_that_knows_the_window_best_is_taken(
    places: list[tuple[float, float]], expected: str | None
) -> None:
    assert choose(ALL, points(*places)) == expected
    assert choose(reversed(ALL), points(*places)) == expected


def test_a_network_whose_coverage_is_not_known_serves_what_no_other_knows() -> None:
    assert choose([UNKNOWN], points((-60.0, -20.0))) == "unknown"
    assert choose([UNKNOWN, *ALL], points((-60.0, -20.0))) == "unknown"
    assert choose([UNKNOWN, *ALL], points((10.7, 50.7))) == "country"


def test_equal_networks_are_told_apart_by_name() -> None:
    assert TOWN.coverage is not None
    same = [candidate(name, TOWN.coverage) for name in "cab"]
    assert choose(same, points((10.45, 50.45))) == "a"


coverages = st.builds(
    square,
    st.floats(-180, 179.9),
    st.floats(-90, 89.5),
    st.sampled_from([0.004, 0.02, 0.06]),
)
networks = st.dictionaries(st.sampled_from("abcdef"), coverages, max_size=5)
positions = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@given(networks=networks, data=st.data())
def test_a_network_changes_only_the_choices_that_it_wins_or_had_won(
    networks: dict[str, Coverage], data: st.DataObject
) -> None:
    """So adding, replacing and removing one leaves the windows of all others as they are."""
    edges = [(one.cells % 72_000 / 200 - 180, one.cells // 72_000 / 200 - 90)
             for one in networks.values()]  # fmt: skip
    near = [st.sampled_from(list(zip(lon, lat, strict=True))) for lon, lat in edges]
    window = points(*data.draw(st.lists(st.one_of(positions, *near), max_size=8)))
    candidates = [candidate(*item) for item in networks.items()]
    chosen = choose(candidates, window)
    assert choose(data.draw(st.permutations(candidates)), window) == chosen
    for one in candidates:
        others = [other for other in candidates if other is not one]
        if one.name != chosen:
            assert choose(others, window) == chosen
        assert one.known(window) <= 3 * len(window)
        assert (one.known(window) == 0) or chosen is not None


@given(coverages)
def test_a_coverage_survives_the_store(coverage: Coverage) -> None:
    again = Coverage.from_bytes(coverage.to_bytes())
    assert again.cells.tolist() == coverage.cells.tolist()
    assert again.area_km2 == coverage.area_km2 >= 0, "next to nothing at a pole"


@pytest.mark.parametrize("stored", [b"", b"x", square(1, 1, 0.02).to_bytes()[:-3]])
def test_what_is_no_coverage_is_refused(stored: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Coverage.from_bytes(stored)


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_every_place_on_earth_is_known_where_it_has_a_road(lon: float, lat: float) -> None:
    """The antimeridian and the poles among them."""
    coverage = Coverage.of(np.array([lon]), np.array([lat]))
    assert coverage.known(points((lon, lat))) >= 2
    beside = (lon + CELL_DEGREES if lon < 0 else lon - CELL_DEGREES, lat)
    assert coverage.known(points(beside)) >= 1


def test_across_the_antimeridian_cells_are_neighbours() -> None:
    assert Coverage.of(np.array([179.999]), np.array([1.0])).known(points((-179.999, 1.0))) == 1


def test_the_coverage_of_a_real_network_lies_around_its_box(helsinki_network: RoadNetwork) -> None:
    coverage = read_coverage(helsinki_network)
    west, south, east, north = helsinki_network.bbox
    assert coverage.known(points(((west + east) / 2, (south + north) / 2))) == 3
    assert coverage.known(points((west - 0.02, south))) == 0
    assert 1 < coverage.area_km2 < 4


@pytest.mark.parametrize(
    ("source_name", "name"),
    [
        ("finland-latest.osm.pbf", "finland"),
        ("finland-261128.osm.pbf", "finland"),
        ("finland.osm.pbf", "finland"),
        ("isle-of-man-2026-11-28.osm.bz2", "isle-of-man"),
        ("town.osm", "town"),
        ("new.york.pbf", "new.york"),
        ("extract", "extract"),
        ("-latest.osm.pbf", "-latest"),
        (".osm.pbf", ".osm.pbf"),
    ],
)
def test_a_network_has_the_name_of_its_extract_without_its_date(
    source_name: str, name: str
) -> None:
    assert network_name(source_name) == name
