"""Options of commands that read CSV files of what people decided, and their reports."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackflow.cli.common import (
    decider,
    exit_if_not_followed,
    opened_context,
    print_json,
    print_line,
    print_note,
    read_input,
)
from trackflow.errors import SettingsError

if TYPE_CHECKING:
    from trackflow.context import Context
    from trackflow.usecases.categories.decided_files import FileOptions, ImportReport

SHOWN_REFUSALS = 20

Table = Annotated[Path, typer.Argument(help="A CSV file.", show_default=False)]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="A file instead of the terminal.")
]

DeviceOfRows = Annotated[
    str | None, typer.Option("--device", help="The device of rows that name none.")
]
ZoneOfTimes = Annotated[
    str | None, typer.Option(help="Of times that name none; by default each device's own.")
]
OrderOfDates = Annotated[
    str | None, typer.Option(help="day-first or month-first, for dates like 1/5/2026.")
]


def file_options(device: str | None, time_zone: str | None, dates: str | None) -> "FileOptions":
    """What a file may leave open.

    Raises:
        SettingsError: an option makes no sense.
    """
    from trackflow.sources.values.moments import DateOrder
    from trackflow.sources.values.zones import zone_option
    from trackflow.usecases.categories.decided_files import FileOptions

    if dates is not None and dates not in {order.value for order in DateOrder}:
        raise SettingsError("--dates is day-first or month-first")
    return FileOptions(
        None if time_zone is None else zone_option(time_zone),
        None if dates is None else DateOrder(dates),
        device,
    )


def import_table(
    importing: "Callable[[Context, bytes, str, str, FileOptions], ImportReport]",
    file: Path,
    options: "FileOptions",
    by: str | None,
    *,
    as_json: bool,
) -> None:
    """Import a CSV file, and say what came of it.

    Args:
        importing: the use case.
        file: the file.
        options: what it may leave open.
        by: who decides, as the command line says.
        as_json: whether to say it for programs.
    """
    data = read_input(file)
    with opened_context() as context:
        report = importing(context, data, file.name, decider(by), options)
    if as_json:
        print_json(report)
    else:
        print_line(f"{report.sentence}.")
        _print_refusals(report)
    exit_if_not_followed(report)


def write_table(lines: Iterable[str], output: Path | None) -> None:
    """Write lines of CSV to the terminal, or to a file, whole or not at all.

    Raises:
        SettingsError: the file cannot be written.
    """
    from trackflow.files import chosen_file

    if output is None:
        for line in lines:
            sys.stdout.write(line)
    else:
        with chosen_file(output) as file:
            file.writelines(line.encode() for line in lines)


def _print_refusals(report: "ImportReport") -> None:
    """List rows that cannot be used, the first of many."""
    for refusal in report.refusals[:SHOWN_REFUSALS]:
        print_note(f"  line {refusal.line}: {refusal.reason}")
    if report.refused > SHOWN_REFUSALS:
        print_note(f"  and {report.refused - SHOWN_REFUSALS:,} more: --json lists them")
