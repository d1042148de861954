"""`docs/reference/cli.md`, out of the commands themselves."""

from collections.abc import Iterator

import typer
from typer.core import TyperCommand, TyperGroup

from trackflow.cli.default import DefaultGroup
from trackflow.cli.main import app
from trackflow_tests.docs.markdown import GENERATED, page, table

INTRODUCTION = f"""\
# Commands

{GENERATED}

`trackflow VERB --help` says the same in the terminal. Errors are one line, with exit code 1. With
`--json`, a command prints one JSON document for programs. The [settings](settings.md) hold for all
commands.
"""


def commands() -> Iterator[tuple[str, TyperCommand]]:
    """Every command that does something, by the words that call it."""
    yield from _below(typer.main.get_command(app), "trackflow")


def cli_reference() -> str:
    """The page."""
    return page(INTRODUCTION.splitlines(), *(_described(*one) for one in commands()))


def _below(command: TyperCommand | TyperGroup, words: str) -> Iterator[tuple[str, TyperCommand]]:
    if not isinstance(command, TyperGroup):
        yield words, command
        return
    for name in sorted(command.commands):
        is_default = isinstance(command, DefaultGroup) and name == command.default
        yield from _below(command.commands[name], words if is_default else f"{words} {name}")


def _described(words: str, command: TyperCommand) -> list[str]:
    context = command.context_class(command, info_name=words)
    usage = " ".join([words, *command.collect_usage_pieces(context)])
    lines = [f"## `{words}`", "", *(command.help or "").strip().splitlines()]
    lines += ["", "```text", usage, "```"]
    records = [parameter.get_help_record(context) for parameter in command.params]
    rows = [(f"`{name}`", meaning) for name, meaning in filter(None, records)]
    if rows:
        lines += ["", *table(("argument or option", "meaning"), rows)]
    assert command.epilog, f"{words} has no example"
    label, _, example = command.epilog.partition(": ")
    assert label == "Example", command.epilog
    return [*lines, "", "```console", f"$ {example}", "```"]
