"""Every command that a page shows is one that trackflow takes, option by option.

Here commands are only parsed, which costs nothing; `test_readme.py` runs those that can be run.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from trackflow.cli.main import app
from trackflow_tests.docs.pages import PAGES, ROOT, name_of, prose, shown_commands, words

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
