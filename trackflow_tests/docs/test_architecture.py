"""The page of the architecture has the floors and subjects that there are, and every contract."""

import re
import tomllib
from itertools import pairwise

from trackflow_tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
FLOORS = ("| floor | packages | holds |", 2)
SUBJECTS_ARE_IN = ("usecases", "store", "defs")


def rows(header: str, number: int) -> list[list[str]]:
    """The code names in one column of the table with this header, row by row."""
    found = PAGE.partition(header)[2].partition("\n\n")[0].splitlines()[2:]
    return [re.findall(r"`(\w+)`", row.split("|")[number]) for row in found]


def column(header: str, number: int) -> set[str]:
    return {name for row in rows(header, number) for name in row}


def test_the_floors_stand_in_the_order_of_the_contract() -> None:
    (layers,) = [contract["layers"] for contract in CONTRACTS if contract["type"] == "layers"]
    level = {name: number for number, layer in enumerate(layers) for name in layer.split(" | ")}
    floors = [[level[name] for name in row if name in level] for row in rows(*FLOORS)]
    assert set(level) <= column(*FLOORS)
    for upper, lower in pairwise(floors):
        assert max(upper) < min(lower)


def test_every_package_is_on_a_floor() -> None:
    packages = {
        path.name for path in (ROOT / "trackflow").iterdir() if (path / "__init__.py").is_file()
    }
    assert packages <= column(*FLOORS)


def test_every_subject_is_explained() -> None:
    found = {
        path.name
        for floor in SUBJECTS_ARE_IN
        for path in (ROOT / "trackflow" / floor).iterdir()
        if (path / "__init__.py").is_file()
    }
    assert found - {"migrations"} <= column("| subject | what it is about |", 1)


def test_every_contract_is_named() -> None:
    text = " ".join(PAGE.split())
    assert [c["name"] for c in CONTRACTS if f"*{c['name']}" not in text] == []


def test_the_values_on_the_way_of_a_point_are_classes() -> None:
    shown = {name for name in column("| value | made by | what it is |", 1) if name[0].isupper()}
    code = "".join(path.read_text("utf-8") for path in (ROOT / "trackflow").rglob("*.py"))
    assert len(shown) > 15
    assert {
        name for name in shown if not re.search(rf"^class {name}\b", code, re.MULTILINE)
    } == set()
