"""The commands of the logbook."""

import datetime as dt
import uuid
from pathlib import Path
from typing import Annotated

import typer

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
    opened_context,
    parse_moment,
    plain,
    print_json,
    print_line,
    print_note,
)
from trackflow.cli.logbook_lines import (
    entry_as_dict,
    entry_line,
    left_out_as_dict,
    left_out_line,
    unpaid_words,
)
from trackflow.errors import BadInputError

logbook_app = typer.Typer(
    help="The mileage logbook: list, close, amend, verify, export.", no_args_is_help=True
)

Vehicle = Annotated[str | None, typer.Option("--vehicle", help="Of this vehicle only.")]
Month = Annotated[str | None, typer.Option("--month", help="Of this month only, as 2026-11.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.add_typer(logbook_app, name="logbook")


@logbook_app.command("list", epilog="Example: trackflow logbook list --vehicle van --month 2026-11")
def list_(
    vehicle: Vehicle = None,
    month: Month = None,
    needs_purpose: Annotated[
        bool,
        typer.Option(
            "--needs-purpose",
            help="Trips whose purpose is still to be given: open ones, and those added later.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the trips of vehicles: open, closed, and added to a closed book."""
    from trackflow.geo.periods import month_named
    from trackflow.usecases.mileage.books import list_entries

    if month is not None:
        month_named(month)
    with opened_context() as context:
        found = list_entries(
            context, vehicle_id=vehicle, month=month, only_needing_purpose=needs_purpose
        )
    if as_json:
        print_json([entry_as_dict(one) for one in found])
        return
    for one in found:
        print_line(plain(entry_line(one)))
    if not found and needs_purpose:
        print_line("No trip needs a purpose.")
    elif not found:
        print_line("There are no such entries: trackflow vehicles device VEHICLE DEVICE")


@logbook_app.command(
    "left-out", epilog="Example: trackflow logbook left-out --vehicle van --month 2026-11"
)
def left_out_(
    vehicle: Vehicle = None,
    month: Month = None,
    first: FirstDay = None,
    last: LastDay = None,
    as_json: Json = False,
) -> None:
    """Show the tracks of vehicles' devices that no book has, each with why."""
    from trackflow.usecases.mileage.left_out import left_out, range_wanted

    check_days(first, last)
    with opened_context() as context:
        found = left_out(context, range_wanted(month, first, last), vehicle_id=vehicle)
    if as_json:
        print_json([left_out_as_dict(one) for one in found])
        return
    for one in found:
        print_line(plain(left_out_line(one)))
    if not found:
        print_line("Nothing is left out: the books have all tracks of their vehicles' devices.")


@logbook_app.command("close", epilog="Example: trackflow logbook close")
def close(
    until: Annotated[
        dt.datetime | None,
        typer.Option(
            "--until",
            parser=parse_moment,
            metavar="TIME",
            help="As if it were then: a later time closes trips before their days are over.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Close the entries that are due; Dagster does it every day."""
    from trackflow.usecases.categories.following import follow_tracks
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.mileage.closing import close_due

    with opened_context() as context:
        followed = follow_tracks(context)
        report = close_due(context, until=until)
    if as_json:
        print_json(report)
    else:
        closed = counted(report.closed, "entry", "entries")
        print_line(f"{closed} closed in {counted(report.vehicles, 'book')}")
    if report.unpaid:
        print_note(unpaid_words(report.unpaid))
    exit_if_not_followed(followed)


@logbook_app.command(
    "amend",
    epilog="Example: trackflow logbook amend 8f14e45f-ceea-467d-9d5e-0a1b2c3d4e5f "
    "--purpose 'Visit' --reason 'forgotten'",
)
def amend(
    entry: Annotated[uuid.UUID, typer.Argument(help="As listed.", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Why.", show_default=False)],
    category: Annotated[str | None, typer.Option(show_default=False)] = None,
    purpose: Annotated[str | None, typer.Option(show_default=False)] = None,
    partner: Annotated[str | None, typer.Option(show_default=False)] = None,
    driver: Annotated[str | None, typer.Option(show_default=False)] = None,
    start_place: Annotated[str | None, typer.Option(show_default=False)] = None,
    end_place: Annotated[str | None, typer.Option(show_default=False)] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Amend a closed entry, or a trip that a closed book lacked. "" empties a value.

    What the book says stays, and the amendment stands beside it.
    """
    from trackflow.usecases.mileage.books import AMENDABLE, amend_entry

    said = (category, purpose, partner, driver, start_place, end_place)
    values = {name: value for name, value in zip(AMENDABLE, said, strict=True) if value is not None}
    if not values:
        names = [f"--{name.replace('_', '-')}" for name in AMENDABLE]
        raise BadInputError(f"say what is amended: {', '.join(names)}")
    with opened_context() as context:
        found = amend_entry(context, entry, values, reason=reason, amended_by=decider(by))
    if as_json:
        print_json(entry_as_dict(found))
    else:
        print_line(plain(entry_line(found)))


@logbook_app.command(
    "join",
    epilog="Example: trackflow logbook join van-7 2026-03-02T08:00:00Z 2026-03-02T17:00:00Z",
)
def join(
    device: Annotated[str, typer.Argument(help="The device.", show_default=False)],
    start: Moment,
    end: Moment,
    by: By = None,
) -> None:
    """Count all tracks of a time as one trip, such as a day with several stops."""
    from trackflow.usecases.categories.following import follow_tracks
    from trackflow.usecases.mileage.joins import join_trips

    with opened_context() as context:
        join_id = join_trips(context, device, start, end, decided_by=decider(by))
        followed = follow_tracks(context, device_id=device)
    print_line(f"undo: trackflow logbook undo-join {join_id}")
    exit_if_not_followed(followed)


@logbook_app.command("joins", epilog="Example: trackflow logbook joins --device van-7")
def joins(device: Device = None, as_json: Json = False) -> None:
    """Show the times that were joined, with who did it."""
    from trackflow.usecases.mileage.joins import list_joins

    with opened_context() as context:
        found = list_joins(context, device)
    if as_json:
        print_json(found)
        return
    for one in found:
        print_line(
            plain(
                f"{one.join_id} {one.device_id} {one.start_time.isoformat()} to "
                f"{one.end_time.isoformat()} by {one.decided_by}"
            )
        )
    if not found:
        print_line("No times are joined: trackflow logbook join DEVICE START END")


@logbook_app.command(
    "undo-join", epilog="Example: trackflow logbook undo-join 8f14e45f-ceea-467d-9d5e-0a1b2c3d4e5f"
)
def undo_join(
    join_id: Annotated[uuid.UUID, typer.Argument(help="As printed.", show_default=False)],
) -> None:
    """Count them one by one again."""
    from trackflow.usecases.categories.following import follow_tracks
    from trackflow.usecases.mileage import joins

    with opened_context() as context:
        joins.undo_join(context, join_id)
        followed = follow_tracks(context)
    print_line("Its tracks are trips of their own again.")
    exit_if_not_followed(followed)


@logbook_app.command("verify", epilog="Example: trackflow logbook verify")
def verify(vehicle: Vehicle = None, as_json: Json = False) -> None:
    """Prove that no closed entry was changed, left out or put in."""
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.mileage.books import verify_books

    with opened_context() as context:
        found = verify_books(context, vehicle)
    if as_json:
        print_json(found)
    elif not found:
        print_line("There is no book yet: no vehicle has an entry.")
    for one in found:
        if not as_json:
            state = "intact" if one.is_intact else "NOT INTACT"
            print_line(
                f"{one.vehicle_id}: {state}, {counted(one.links, 'link')}, "
                f"{counted(one.open_entries, 'open entry', 'open entries')}, "
                f"hash {one.last_hash or '-'}"
            )
        for fault in one.faults:
            print_note(f"{one.vehicle_id}: {fault.kind} {fault.chain_no}: {fault.problem}")
        for problem in one.problems:
            print_note(f"{one.vehicle_id}: {problem}")
        if one.waiting_days:
            days = counted(one.waiting_days, "day is", "days are")
            print_note(f"{one.vehicle_id}: {days} not in the book yet: trackflow categorize")
    if not all(one.is_intact for one in found):
        raise typer.Exit(1)


@logbook_app.command("export", epilog="Example: trackflow logbook export 2026-11 --out reports")
def export(
    month: Annotated[str, typer.Argument(help="Such as 2026-11.", show_default=False)],
    vehicle: Vehicle = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")] = Path(),
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="csv, amendments, left-out, xlsx, pdf, md; all by default."),
    ] = None,
    unit: Annotated[
        str, typer.Option(help="Of lengths: km or mi. CSV files have kilometres.")
    ] = "km",
    as_json: Json = False,
) -> None:
    """Write the month of each vehicle as CSV, XLSX, PDF and Markdown."""
    from trackflow.exports.mileage.lengths import unit_named
    from trackflow.exports.mileage.writing import write_reports
    from trackflow.usecases.mileage.reports import month_reports

    lengths = unit_named(unit)
    with opened_context() as context:
        reports = month_reports(context, month, vehicle)
    written = write_reports(reports, out, formats, lengths)
    for report in reports:
        if trips := sum(one.unpaid for one in report.amended_sums):
            print_note(f"{report.vehicle_id}: {unpaid_words(trips)}")
    if as_json:
        print_json(written)
        return
    for path in written:
        print_line(str(path))
    if not written:
        print_line(f"No vehicle has a trip in {month}.")
