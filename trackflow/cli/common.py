"""Helpers of all commands: printing, opening the store, a progress bar, JSON."""

import datetime as dt
import getpass
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from trackflow import logs
from trackflow.errors import SettingsError
from trackflow.geo.periods import day_named
from trackflow.geo.time import within_calendars
from trackflow.settings import DATABASE_NAME, Settings

if TYPE_CHECKING:
    from trackflow.context import Context
    from trackflow.usecases.categories.decided_files import ImportReport
    from trackflow.usecases.categories.following import FollowReport

LOCALHOST = "127.0.0.1"
"""What is served without a token is served to this machine only."""

out = Console(highlight=False, emoji=False)  # a device may be called :car:
err = Console(stderr=True, highlight=False, emoji=False)


def parse_moment(text: str) -> dt.datetime:
    """Parse a time from an argument, in UTC; it is UTC unless it has another offset.

    Raises:
        SettingsError: it is none.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{text!r} is not a time; write 2026-01-31T08:15:00Z") from None
    return within_calendars(moment)


def one_of(known: type[StrEnum], what: str) -> dict[str, Any]:
    """Arguments of `typer.Option` for one of several words: parser, help and completion.

    Args:
        known: the words.
        what: their name, for the message about another word.
    """
    words = [word.value for word in known]
    return {
        "parser": lambda text: known(choice(text, words, what)),
        "metavar": "|".join(words),
        "autocompletion": lambda: words,
    }


Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Device = Annotated[str | None, typer.Option("--device", help="Only this device.")]
FirstDay = Annotated[
    dt.date | None,
    typer.Option("--from", help="First day, such as 2026-01-31.", parser=day_named, metavar="DAY"),
]
LastDay = Annotated[
    dt.date | None,
    typer.Option("--to", help="Last day, included.", parser=day_named, metavar="DAY"),
]

Moment = Annotated[dt.datetime, typer.Argument(parser=parse_moment, metavar="TIME")]

By = Annotated[
    str | None, typer.Option("--by", help="Name of the person who decides; your login by default.")
]


def decider(by: str | None) -> str:
    """The name under which a decision is kept: the given one, or the login name."""
    if by is not None:
        if not by.strip():
            raise SettingsError("--by needs a name")
        return by.strip()
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):  # a container's user may have no name
        return "unknown"


@contextmanager
def opened_context() -> Iterator["Context"]:
    """Open the store and engines of the environment's settings.

    A note names a new store in the default folder: the user may have meant an existing one.
    """
    from trackflow.context import Context

    settings = Settings.from_env()
    is_named = bool(settings.database_url or os.environ.get("TRACKFLOW_HOME"))
    is_new = not is_named and not (settings.home / DATABASE_NAME).exists()
    with Context.open(settings) as context:
        if is_new:
            print_note(
                f"New store in {settings.home.absolute()} (TRACKFLOW_HOME chooses another folder)"
            )
        yield context


def exit_if_not_followed(report: "FollowReport | ImportReport") -> None:
    """Name the devices whose tracks could not be followed, and end with 1 if there are any."""
    for device_id, message in report.errors.items():
        print_note(f"{device_id}: {message}")
    if report.errors:
        raise typer.Exit(1)


@contextmanager
def progress_bar(unit: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on the terminal; yields a function of a name, the amount done and the total."""
    if not err.is_terminal:
        yield lambda _name, _done, _total: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    ) as bar:
        tasks: dict[str, Any] = {}

        def advance(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(f"{name[-40:]} ({unit})", total=total)
            bar.update(tasks[name], completed=done, total=total)

        yield advance


def read_input(file: Path) -> bytes:
    """The bytes of a file, or of the standard input for "-".

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}") from None


def print_note(text: str) -> None:
    """Print a line to stderr, beside the result."""
    if not logs.note(text):
        err.print(logs.visible(text), markup=False, soft_wrap=True)


def print_line(text: str) -> None:
    """Print a line of the result to stdout."""
    out.print(logs.visible(text), markup=False, soft_wrap=True)


def plain(value: Any) -> Any:
    """Convert a report to JSON values: dataclasses and mappings as objects with text keys, no NaN.

    Not `dataclasses.asdict`: it rebuilds a `Counter` from pairs, which makes each pair a key that
    no JSON object can have.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_json(value: Any) -> None:
    """Print the result as JSON, for programs."""
    sys.stdout.write(json.dumps(plain(value), default=str, indent=2) + "\n")


def choice(text: str, known: list[str], what: str) -> str:
    """Return the text if it is one of the known words.

    Raises:
        SettingsError: it is not.
    """
    if text not in known:
        raise SettingsError(f"there is no {what} {text!r}; there are {', '.join(known)}")
    return text


def check_days(first: dt.date | None, last: dt.date | None) -> None:
    """Check that --from is not after --to.

    Raises:
        SettingsError: the first comes after the last.
    """
    if first and last and first > last:
        raise SettingsError(f"--from {first} is after --to {last}")
