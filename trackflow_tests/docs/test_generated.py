import pytest

from trackflow_tests.docs.cli_reference import commands
from trackflow_tests.docs.generate import DOCS, PAGES
from trackflow_tests.docs.http_reference import describe, scopes


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == PAGES[name](), f"{name}: run `make docs`"


def test_every_command_has_an_example_that_calls_it() -> None:
    for words, command in commands():
        assert command.epilog, words
        assert command.epilog.startswith(f"Example: {words} ") or (
            command.epilog == f"Example: {words}"
        ), words


def test_every_described_route_has_a_scope() -> None:
    described = {
        (method.upper(), path)
        for path, methods in describe()["paths"].items()
        for method in methods
    }
    assert described
    assert described <= set(scopes())
