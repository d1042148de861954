"""The page on tracks says what the code does: thresholds, presets, kinds of notices."""

import re

from trackflow.tracks.notices import NoticeKind
from trackflow.tracks.presets import PRESETS
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.conftest import ROOT

PAGE = (ROOT / "docs" / "tracks.md").read_text()


def section(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    part = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_thresholds_have_their_defaults() -> None:
    told = {name: float(default) for name, default, _ in section("Thresholds")}
    assert told == Thresholds().as_dict()


def test_presets_have_their_values_and_reasons() -> None:
    told: dict[str, dict[str, tuple[float, str]]] = {}
    what = {}
    name = ""
    for cell, purpose, change, why in section("Presets"):
        if cell:
            name, what[cell], told[cell] = cell, purpose, {}
        if match := re.fullmatch(r"(\w+)` = (\d+)", change):
            told[name][match[1]] = (float(match[2]), why)
    assert what == {name: preset.what for name, preset in PRESETS.items()}
    assert told == {
        name: {key: (change.value, change.reason) for key, change in preset.changes.items()}
        for name, preset in PRESETS.items()
    }


def test_every_kind_of_notice_is_explained() -> None:
    assert {row[0] for row in section("Notices")} == {kind.value for kind in NoticeKind}
