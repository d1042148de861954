"""Every command that a page shows is one that trackflow takes, option by option.

Here commands are only parsed, which costs nothing; `test_readme.py` runs those that can be run.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from trackflow.cli.main import app
from trackflow_tests.docs import guide
from trackflow_tests.docs.pages import PAGES, ROOT, blocks, name_of, prose, shown_commands, words

NOT_RUN = {
    "docs/how-to/embed-in-dagster.md": "calls dg, which defs/test_dg.py does",
    "docs/operations/containers.md": "docker/test_topology.py runs them, each in its place",
    "docs/mesh-page.md": "asks a service, which web/routes/test_meshes.py does with it",
    "docs/mqtt.md": "needs a broker; usecases/intake/test_subscribing.py starts one of it",
    "docs/operations/many-machines.md": "starts containers; defs/test_celery.py starts workers",
}
"""Pages with shell scripts that `docs/test_operations.py` does not run, and why."""

TREE: Any = typer.main.get_command(app)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_shown_commands_are_understood(page: Path) -> None:
    for command in shown_commands(page):
        program, *arguments = words(command)
        if program == "make":
            assert f"\n{arguments[0]}:" in (ROOT / "Makefile").read_text(), command
        elif program == "trackflow":
            parse(arguments)
        else:
            assert (program, arguments[0]) == ("uv", "run"), command


def test_scripts_that_are_not_run_are_listed() -> None:
    shown = {name_of(page) for page in PAGES if blocks(page, "(?:ba)?sh")}
    run = {name_of(guide.GUIDE / f"{name}.md") for name in guide.PAGES}
    assert shown == {*NOT_RUN, *run}


def test_scripts_call_commands_that_are_understood() -> None:
    found = [
        call
        for page in PAGES
        for block in blocks(page, "(?:ba)?sh")
        for call in re.findall(r"(?<!\S)trackflow ([a-z].*)", block)
    ]
    assert found
    for call in found:
        parse(words(call))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_verbs_named_in_sentences_exist(page: Path) -> None:
    for named in re.findall(r"`trackflow ([a-z][^`]*)`", prose(page)):
        verb = re.split(r"[^a-z-]", named)[0]
        assert verb in TREE.commands, f"trackflow {named}"


@pytest.mark.parametrize(
    "command", ["nothing", "run --no-such-option", "export tracks --format", "jobs nothing"]
)
def test_a_wrong_command_is_found(command: str) -> None:
    with pytest.raises(Exception, match=r"[Nn]o such|requires an argument"):
        parse(command.split())


def parse(arguments: list[str]) -> None:
    """Read a command's words as the command line does, without running it."""
    command, context = TREE, TREE.make_context("trackflow", list(arguments))
    while hasattr(command, "commands"):
        rest = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
