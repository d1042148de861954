"""Options of commands that read CSV files of what people decided, and their reports."""

from typing import TYPE_CHECKING, Annotated

import typer

from trackflow.cli.common import print_note
from trackflow.errors import SettingsError

if TYPE_CHECKING:
    from trackflow.usecases.categories.decision_files import FileOptions, ImportReport

SHOWN_REFUSALS = 20

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
    from trackflow.usecases.categories.decision_files import FileOptions

    if dates is not None and dates not in {order.value for order in DateOrder}:
        raise SettingsError("--dates is day-first or month-first")
    return FileOptions(
        None if time_zone is None else zone_option(time_zone),
        None if dates is None else DateOrder(dates),
        device,
    )


def print_refusals(report: "ImportReport") -> None:
    """List rows that cannot be used, the first of many."""
    for refusal in report.refusals[:SHOWN_REFUSALS]:
        print_note(f"  line {refusal.line}: {refusal.reason}")
    if report.refused > SHOWN_REFUSALS:
        print_note(f"  and {report.refused - SHOWN_REFUSALS:,} more: --json lists them")
