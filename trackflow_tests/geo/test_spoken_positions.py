"""Positions as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.spoken_positions import position_meant


@pytest.mark.parametrize(
    "text",
    [
        "60.17, 24.94",
        "60.17 24.94",
        " 60.17;24.94 ",
        "geo:60.17,24.94?z=15",
        "N 60.17 E 24.94",
        "60.17N, 24.94E",
        "60,17N 24,94E",
        "60° 10,2' N, 24° 56,4' E",
        "24.94° O 60.17° N",
        "60°10'12\"N 24°56'24\"E",
        "60° 10.2' N, 24° 56.4' E",
        "60°10\N{PRIME}12\N{DOUBLE PRIME} 24°56\N{PRIME}24\N{DOUBLE PRIME}",
    ],
)
def test_a_position_is_read(text: str) -> None:
    assert position_meant(text) == pytest.approx((24.94, 60.17))


def test_longitude_is_first_where_latitude_cannot_be() -> None:
    assert position_meant("174.76, -36.85") == (174.76, -36.85)
    assert position_meant("36.85 S 174.76 W") == (-174.76, -36.85)


@pytest.mark.parametrize(
    "text",
    ["2026", "21.9.", "21.9.2026", "1/3/2026", "60.17", "95, 200", "60.17, 24.94, 3", "60,24,3",
     "N 60 N 24", "-60 S, 24 E", "60 N, 24", "60°75' N 24° E", "van 7, 24", "2026-03-02", ""],
)  # fmt: skip
def test_what_is_no_position_is_none(text: str) -> None:
    assert position_meant(text) is None


@given(st.text(alphabet="0123456789.,-°'\" NSEWO", max_size=30))
def test_what_is_read_lies_on_the_earth(text: str) -> None:
    found = position_meant(text)
    assert found is None or (abs(found[0]) <= 180 and abs(found[1]) <= 90)


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_a_position_is_read_as_maps_and_people_with_commas_write_it(
    longitude: float, latitude: float
) -> None:
    north, east = f"{latitude:.5f}", f"{longitude:.5f}"
    assert position_meant(f"{north}, {east}") == (float(east), float(north))
    for between in (" ", ", ", ";", ","):
        commas = f"{north}{between}{east}".replace(".", ",")
        assert position_meant(commas) == (float(east), float(north))
