"""Test processes that share the compiling of tests load all of them all the same."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow_tests.helpers.loading import load_tests, rotated


@given(st.lists(st.integers(), unique=True), st.integers(1, 8))
def test_each_process_loads_all_and_together_they_begin_with_each(
    values: list[int], processes: int
) -> None:
    orders = [rotated(values, process, processes) for process in range(processes)]
    for order in orders:
        assert sorted(order) == sorted(values)
    longest = -(-len(values) // processes)
    assert {value for order in orders for value in order[:longest]} == set(values)


def test_what_is_wrong_with_a_test_is_left_to_pytest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "some_loaded_tests"
    package.mkdir()
    for name, text in {
        "__init__": "",
        "test_broken": "raise ValueError",
        "test_skipped": "import pytest\npytest.skip('no', allow_module_level=True)",
        "test_well": "",
    }.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    load_tests(package, 0, 1)
    loaded = {name for name in sys.modules if name.startswith("some_loaded_tests.")}
    assert loaded == {"some_loaded_tests.test_well"}
    for name in ("some_loaded_tests", *loaded):
        monkeypatch.delitem(sys.modules, name)
