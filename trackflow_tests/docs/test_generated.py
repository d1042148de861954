import pytest

from trackflow.store.descriptions import OF_TABLE, by_subject
from trackflow.store.tables import metadata
from trackflow_tests.docs.cli_reference import commands
from trackflow_tests.docs.generate import DOCS, PAGES
from trackflow_tests.docs.http_reference import describe, scopes


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_says(name: str) -> None:
    is_up_to_date = (DOCS / name).read_text("utf-8") == PAGES[name]()
    assert is_up_to_date, f"docs/{name} is out of date: run `make docs`"


def test_every_table_and_column_is_described_and_no_other() -> None:
    described = {name: of for tables in by_subject().values() for name, of in tables.items()}
    assert {name: {OF_TABLE, *of.columns.keys()} for name, of in metadata.tables.items()} == {
        name: set(of) for name, of in described.items()
    }
    assert all(text.endswith(".") for of in described.values() for text in of.values())


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
