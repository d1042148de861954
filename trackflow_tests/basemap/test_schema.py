"""What of OpenStreetMap a base map shows."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.basemap import schema
from trackflow.basemap.schema import HIGHEST_ZOOM, Shown

VALUES = sorted(
    {*schema.STREETS, *schema.RAILS, *schema.PLACES, *(value for _, value in schema.LAND)}
    | {"yes", "no", "water", "pedestrian", "motorway_link", "riverbank", "2", "many", "1 200"}
)
TAGS = st.dictionaries(
    st.sampled_from([*schema.KEYS, "name", "name:de", "ref", "area", "tunnel", "population"]),
    st.sampled_from(VALUES) | st.text(max_size=8),
    max_size=8,
)


def everything(tags: dict[str, str]) -> Iterator[Shown]:
    for level in (None, 2, 4):
        yield from schema.of_line(tags, level)
    yield from schema.of_point(tags)
    yield from schema.of_area(tags)


@given(TAGS)
def test_whatever_somebody_has_tagged_is_shown_at_a_zoom_that_exists(tags: dict[str, str]) -> None:
    for shown in everything(tags):
        assert 0 <= shown.zoom <= HIGHEST_ZOOM
        assert all(type(v) in (str, int, bool) for v in shown.properties.values())
        if shown.layer == "place_labels" or shown.layer.endswith("polygons_labels"):
            assert shown.properties["name"]


@pytest.mark.parametrize(
    ("tags", "layer", "kind"),
    [
        ({"highway": "residential", "name": "A"}, "streets", "residential"),
        ({"highway": "motorway_link"}, "streets", "motorway"),
        ({"railway": "tram"}, "streets", "tram"),
        ({"waterway": "river", "name": "B"}, "water_lines", "river"),
        ({"route": "ferry"}, "ferries", "ferry"),
    ],
)
def test_a_line_has_its_layer_and_kind(tags: dict[str, str], layer: str, kind: str) -> None:
    first = next(schema.of_line(tags))
    assert (first.layer, first.properties["kind"]) == (layer, kind)


def test_a_name_is_repeated_in_no_other_language_that_has_the_same() -> None:
    tags = {"name": "Helsinki", "name:de": "Helsinki", "name:en": "Helsinki", "name:sv": "Hfors"}
    assert schema.names(tags) == {"name": "Helsinki"}
    assert schema.names({**tags, "name:de": "Helsingfors"})["name_de"] == "Helsingfors"
    assert schema.names({"name:de": "X"}) == {}


def test_a_border_of_a_country_is_shown_from_afar() -> None:
    (country,) = schema.of_line({"boundary": "administrative"}, 2)
    (region,) = schema.of_line({"boundary": "administrative"}, 4)
    assert country.zoom < region.zoom
