"""Names of an extract: written once, and found by parts of them."""

from pathlib import Path

import orjson
import pytest

from trackflow.basemap.names import NAMES, NameCollector, NameFile

pytestmark = pytest.mark.xdist_group("base-map")


def feature(name: str, *line: tuple[float, float], layer: str = "street_labels") -> bytes:
    return orjson.dumps(
        {
            "tippecanoe": {"layer": layer, "minzoom": 12},
            "properties": {"kind": "residential", "name": name},
            "geometry": {"type": "LineString", "coordinates": line},
        }
    )


@pytest.fixture
def names(tmp_path: Path) -> NameFile:
    lines = [
        feature("Škodova ulice", (14.0, 50.0), (14.001, 50.0)),
        feature("Škodova ulice", (14.005, 50.0), (14.006, 50.0)),
        feature("Škodova ulice", (16.0, 49.0), (16.001, 49.0)),
        feature("Vieille rue de l'Hôtel", (1, 1), (1.001, 1)),
        feature("no street", (1, 1), (1.001, 1), layer="buildings"),
    ]
    collector = NameCollector()
    assert list(collector.passing(lines)) == lines
    collector.write(tmp_path / NAMES)
    return NameFile(tmp_path)


def test_ways_of_one_street_are_one_and_those_of_another_town_are_not(names: NameFile) -> None:
    boxes = sorted(thing.bbox for _, thing in names.find("skodova"))
    assert boxes == [(14.0, 50.0, 14.006, 50.0), (16.0, 49.0, 16.001, 49.0)]


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("Škodova Ulice", 0),
        ("SKOD", 1),
        ("ulice", 2),
        ("ul sko", 3),
        ("hotel rue", 3),
        ("odova", None),
    ],
)
def test_how_well_a_name_fits(names: NameFile, text: str, rank: int | None) -> None:
    assert {how for how, _ in names.find(text)} == ({rank} if rank is not None else set())


def test_nothing_is_found_by_nothing_or_by_what_other_columns_hold(names: NameFile) -> None:
    assert names.find(" .") == []
    assert names.find("street") == []
    assert names.find("14.00") == []


def test_an_extract_without_names_has_an_empty_file(tmp_path: Path) -> None:
    NameCollector().write(tmp_path / NAMES)
    with NameFile(tmp_path) as names:
        assert names.find("a") == []


def test_a_real_extract_has_its_streets(folder: Path) -> None:
    with NameFile(folder) as names:
        found = [thing for how, thing in names.find("mannerheimintie") if how == 0]
    assert [thing.kind for thing in found] == ["street"]
    assert found[0].bbox.west < 24.94 < found[0].bbox.east
