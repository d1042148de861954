"""Countries and towns without a service: borders, coasts, and beyond 180 degrees."""

import numpy as np
import pytest

from trackflow.geo.bbox import Bbox
from trackflow.places.countries import load_countries
from trackflow.places.towns import load_towns


@pytest.mark.parametrize(
    ("lon", "lat", "country", "town"),
    [
        (24.94, 60.17, "Finland", "Helsinki"),
        (9.52, 47.14, "Liechtenstein", "Vaduz"),
        (1.52, 42.51, "Andorra", "Andorra la Vella"),
        (7.59, 47.56, "Switzerland", "Basel"),
        (7.67, 47.61, "Germany", "Lörrach"),
        (178.44, -18.14, "Fiji", "Suva"),
        (-0.12, 51.5, "United Kingdom", "London"),
        (26.3, 67.9, "Finland", None),
        (-175.0, 66.6, "Russia", None),
        (177.5, 64.73, "Russia", "Anadyr"),
        (-30.0, 40.0, None, None),
    ],
)
def test_places(lon: float, lat: float, country: str | None, town: str | None) -> None:
    found = load_countries().of_line(np.array([lon]), np.array([lat]))
    assert found == ({country} if country else set())
    there = load_towns().at(lon, lat)
    assert (there and there.name) == town


def test_a_box_is_decided_where_only_one_country_is_near() -> None:
    known = load_countries()
    assert known.of_box(Bbox(24.9, 60.15, 25.0, 60.2)) == {"Finland"}
    assert known.of_box(Bbox(-30.1, 40.0, -30.0, 40.1)) == set()
    assert known.of_box(Bbox(9.5, 47.1, 9.55, 47.2)) is None, "a border is near"
    assert known.of_box(Bbox(179.9, -17, -179.9, -16)) is None, "over the antimeridian"


def test_a_line_through_three_countries_names_them_all() -> None:
    found = load_countries().of_line(np.linspace(9.4, 9.75, 100), np.full(100, 47.2))
    assert found == {"Switzerland", "Liechtenstein", "Austria"}


def test_a_line_may_go_on_beyond_180_degrees() -> None:
    found = load_countries().of_line(np.array([178.4, 181.0]), np.array([-18.0, 40.0]))
    assert found == {"Fiji"}
