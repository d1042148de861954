"""The `trackflow` command: arguments in, one use case called, its result printed.

Nothing heavy is imported here at the top: `trackflow --help` should answer at once.
"""

import os
import sys
from collections.abc import Sequence
from copy import copy
from typing import Annotated, NoReturn

import typer
from typer.main import get_command_name

from trackflow import __version__, logs
from trackflow.cli import (
    alerts,
    catalogue,
    categories,
    days,
    devices,
    exports,
    finding,
    following,
    housekeeping,
    intake,
    jobs,
    legs,
    logbook,
    mesh_drape,
    mesh_service,
    meshes,
    mqtt,
    numbers,
    places,
    points,
    quarantine,
    roads,
    rules,
    serve,
    tracks,
    vehicles,
    what_if,
    worker,
)
from trackflow.cli.common import err, out
from trackflow.errors import TrackflowError

LOG_FORMAT = "TRACKFLOW_LOG_FORMAT"
"""Read before all other settings: an error in these is logged as well."""

app = typer.Typer(
    help="GPS points in, road-matched tracks out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # else typer breaks lines where the docstrings do
)


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"trackflow {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """GPS points in, road-matched tracks out."""


def named(words: Sequence[str]) -> typer.Typer:
    """An app with the one command or group that has this name; with all if none has.

    Typer reads the annotations of every command that an app has each time that it is called.
    """
    commands = [
        each
        for each in app.registered_commands
        if each.callback and (each.name or get_command_name(each.callback.__name__)) in words
    ]
    groups = [each for each in app.registered_groups if each.name in words]
    if not commands and not groups:
        return app
    alone = copy(app)
    alone.registered_commands, alone.registered_groups = commands, groups
    return alone


def _fail(text: str) -> NoReturn:
    if not logs.note(text, is_error=True):
        err.print(logs.visible(f"trackflow: {text}"), markup=False, soft_wrap=True)
    sys.exit(1)


def main() -> None:
    """Run the command; errors are one clear line and exit code 1, never a traceback."""
    logs.set_up(os.environ.get(LOG_FORMAT, "").strip())
    try:
        try:
            named(sys.argv[1:2])()
        finally:
            sys.stdout.flush()  # flush here, where a closed pipe can be handled; at exit it cannot
    except TrackflowError as error:
        _fail(str(error))
    except UnicodeEncodeError:
        # Python keeps such bytes of an argument as halves of pairs of UTF-16
        odd = [one for one in sys.argv if any("\udc80" <= letter <= "\udcff" for letter in one)]
        if not odd:
            raise
        _fail(f"{odd[0]!a} has bytes that are no UTF-8: nothing stored has such a text")
    except BrokenPipeError:
        # the reader has closed the pipe (`| head`); the rest of the buffer must not be written at
        # exit, where the same error would be printed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


for subject in (
    roads,
    days,
    following,
    mqtt,
    exports,
    finding,
    serve,
    tracks,
    worker,
    intake,
    devices,
    housekeeping,
    alerts,
    jobs,
    quarantine,
    catalogue,
    places,
    points,
    legs,
    categories,
    rules,
    what_if,
    vehicles,
    logbook,
    numbers,
    meshes,
    mesh_drape,
    mesh_service,
):
    subject.add_to(app)


if __name__ == "__main__":
    main()
