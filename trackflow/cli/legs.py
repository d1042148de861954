"""The commands of travel modes: find legs, correct them."""

import uuid
from typing import Annotated

import typer

from trackflow.categories.modes import Mode
from trackflow.cli.common import (
    By,
    Device,
    FirstDay,
    Json,
    LastDay,
    Moment,
    check_days,
    decider,
    exit_if_not_followed,
    one_of,
    opened_context,
    print_json,
    print_line,
    progress_bar,
)
from trackflow.cli.csv_tables import (
    DeviceOfRows,
    OrderOfDates,
    Output,
    Table,
    ZoneOfTimes,
    file_options,
    import_table,
    write_table,
)

legs_app = typer.Typer(
    help="How each part of a track was travelled: correct, undo, list, import, export.",
    no_args_is_help=True,
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.command(epilog="Example: trackflow categorize --from 2026-01-01 --to 2026-01-31")(
        categorize
    )
    app.add_typer(legs_app, name="legs")


def categorize(
    first: FirstDay = None,
    last: LastDay = None,
    device: Device = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Days that have not changed as well.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find out how each track was travelled and what it was for; `run` does it at its end."""
    from trackflow.usecases.categories.following import follow_tracks

    check_days(first, last)
    with opened_context() as context, progress_bar("devices") as progress:
        report = follow_tracks(
            context,
            first=first,
            last=last,
            device_id=device,
            everything=everything,
            on_progress=progress,
        )
    if as_json:
        print_json(report)
    elif report.device_days:
        print_line(report.sentence)
    else:
        print_line("There is nothing to do.")
    exit_if_not_followed(report)


@legs_app.command(
    "correct",
    epilog="Example: trackflow legs correct phone 2026-03-02T08:00:00Z 2026-03-02T08:40:00Z bus",
)
def correct(
    device: Annotated[str, typer.Argument(help="The device.", show_default=False)],
    start: Moment,
    end: Moment,
    mode: Annotated[Mode, typer.Argument(show_default=False, **one_of(Mode, "mode"))],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Decide the travel mode of a device for a time.

    The correction is kept for its time, survives every recompute, and teaches what the device is
    used for.
    """
    from trackflow.usecases.categories.correcting import correct_mode

    with opened_context() as context:
        one = correct_mode(context, device, start, end, mode, decided_by=decider(by))
    if as_json:
        print_json(one)
    else:
        print_line(f"{one.mode} from now on; undo: trackflow legs undo {one.correction_id}")


@legs_app.command(
    "undo", epilog="Example: trackflow legs undo 0b7c2a3e-9a5d-4c0e-8a54-1f2d3c4b5a69"
)
def undo(
    correction: Annotated[uuid.UUID, typer.Argument(help="As listed.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Take a correction back."""
    from trackflow.usecases.categories.correcting import undo_correction

    with opened_context() as context:
        one = undo_correction(context, correction)
    if as_json:
        print_json(one)
    else:
        print_line(f"{one.device_id}: {one.mode} counts no more")


@legs_app.command("list", epilog="Example: trackflow legs list --device phone")
def list_(
    device: Device = None,
    with_undone: Annotated[
        bool, typer.Option("--undone", help="Those that were taken back as well.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show corrections; `trackflow export legs` shows the legs themselves."""
    from trackflow.usecases.categories.correcting import list_corrections

    with opened_context() as context:
        chosen = None if device is None else (device,)
        found = list_corrections(context, chosen, with_undone=with_undone)
    if as_json:
        print_json(found)
        return
    for one in found:
        undone = "" if one.undone_at is None else ", undone"
        print_line(
            f"{one.correction_id} {one.device_id} {one.start_time:%Y-%m-%d %H:%M} to "
            f"{one.end_time:%Y-%m-%d %H:%M} UTC {one.mode} by {one.decided_by}{undone}"
        )
    if not found:
        print_line("Nobody has corrected a travel mode.")


@legs_app.command("import", epilog="Example: trackflow legs import modes.csv --device phone")
def import_(
    file: Table,
    device: DeviceOfRows = None,
    time_zone: ZoneOfTimes = None,
    dates: OrderOfDates = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Import corrections: start_time, end_time, device_id, mode.

    Rows that cannot be used are listed with their line. Importing a file again changes nothing.
    """
    from trackflow.usecases.categories.correction_files import import_corrections

    options = file_options(device, time_zone, dates)
    import_table(import_corrections, file, options, by, as_json=as_json)


@legs_app.command(epilog="Example: trackflow legs export -o modes.csv")
def export(
    device: Device = None,
    output: Output = None,
) -> None:
    """Write corrections as CSV, which `legs import` reads; for legs: `trackflow export legs`."""
    from trackflow.usecases.categories.correction_files import export_corrections

    with opened_context() as context:
        lines = export_corrections(context, None if device is None else (device,))
        write_table(lines, output)
