"""The command `categories`: what people decide about tracks; and what other thresholds would do."""

import datetime as dt
import uuid
from typing import Annotated, Any

import typer

from trackflow.cli.common import (
    By,
    Device,
    FirstDay,
    Json,
    LastDay,
    check_days,
    decider,
    exit_if_not_followed,
    opened_context,
    parse_moment,
    plain,
    print_json,
    print_line,
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
from trackflow.errors import SettingsError

categories_app = typer.Typer(
    help="What tracks were for: decide, undo, list, import, export.", no_args_is_help=True
)

Result = Annotated[str | None, typer.Option(show_default=False)]
Moment = Annotated[
    dt.datetime | None,
    typer.Option(parser=parse_moment, metavar="TIME", show_default=False),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.add_typer(categories_app, name="categories")


@categories_app.command(
    "set",
    epilog="Example: trackflow categories set --device van-7 --start 2026-03-02T08:00:00Z "
    "--end 2026-03-02T08:40:00Z --category business --purpose 'Visit to Smith'",
)
def set_(
    track: Annotated[
        uuid.UUID | None, typer.Argument(help="Id of the track.", show_default=False)
    ] = None,
    device: Device = None,
    start: Moment = None,
    end: Moment = None,
    category: Result = None,
    purpose: Result = None,
    partner: Result = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Decide what a track was for, or all tracks of a device whose middle lies in a time.

    A decision beats every rule, is kept for its time and survives every recompute.
    """
    from trackflow.usecases.categories.deciding import DecisionRequest, decide, decide_track
    from trackflow.usecases.categories.following import decide_between

    name = decider(by)
    with opened_context() as context:
        if track is not None:
            if device or start or end:
                raise SettingsError("name either a track, or --device with --start and --end")
            row = decide_track(
                context, track, name, category=category, purpose=purpose, partner=partner
            )
        elif device and start and end:
            wanted = DecisionRequest(device, start, end, category, purpose, partner)
            row = decide(context, wanted, name)
        else:
            raise SettingsError("name a track, or --device with --start and --end")
        changed, followed = decide_between(context, row.device_id, row.start_time, row.end_time)
    if as_json:
        print_json({**plain(row), "changed": changed})
    else:
        print_line(f"Decided as {row.decision_id}; tracks changed: {changed:,}.")
    exit_if_not_followed(followed)


@categories_app.command(
    epilog="Example: trackflow categories undo 01234567-89ab-4def-8123-456789abcdef"
)
def undo(
    decision: Annotated[uuid.UUID, typer.Argument(help="Id of the decision.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Let a decision count no more: an earlier one, or the rules, decide again."""
    from trackflow.usecases.categories.deciding import undo_decision
    from trackflow.usecases.categories.following import decide_between

    with opened_context() as context:
        row = undo_decision(context, decision)
        changed, followed = decide_between(context, row.device_id, row.start_time, row.end_time)
    if as_json:
        print_json({**plain(row), "changed": changed})
    else:
        print_line(f"Undone; tracks changed: {changed:,}.")
    exit_if_not_followed(followed)


@categories_app.command("list", epilog="Example: trackflow categories list --device van-7")
def list_(
    first: FirstDay = None,
    last: LastDay = None,
    device: Device = None,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="What people decided, instead of tracks.")
    ] = False,
    undone: Annotated[
        bool, typer.Option("--undone", help="With --decisions: also those that were undone.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List what tracks were for and what decided it: a rule, a person or an import."""
    from trackflow.usecases.categories.deciding import list_decisions
    from trackflow.usecases.categories.ranges import range_of_days
    from trackflow.usecases.categories.reading import read_categories

    check_days(first, last)
    devices = None if device is None else (device,)
    with opened_context() as context:
        start, end = range_of_days(context, first, last)
        if decisions:
            found: list[Any] = [
                plain(row)
                for row in list_decisions(context, devices, start, end, with_undone=undone)
            ]
        else:
            found = [dict(row) for row in read_categories(context, devices, start, end)]
    if as_json:
        return print_json(found)
    for row in found:
        print_line(_line(row))
    if not found:
        print_line("There are none.")
    return None


@categories_app.command(
    "import", epilog="Example: trackflow categories import trips.csv --time-zone Europe/Berlin"
)
def import_(
    file: Table,
    device: DeviceOfRows = None,
    time_zone: ZoneOfTimes = None,
    dates: OrderOfDates = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Import decisions: start_time, end_time, device_id, category, purpose, partner.

    Rows that cannot be used are listed with their line. Importing a file again changes nothing.
    """
    from trackflow.usecases.categories.decision_files import import_decisions

    options = file_options(device, time_zone, dates)
    import_table(import_decisions, file, options, by, as_json=as_json)


@categories_app.command(epilog="Example: trackflow categories export -o trips.csv")
def export(
    first: FirstDay = None,
    last: LastDay = None,
    device: Device = None,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="Only what people decided.")
    ] = False,
    output: Output = None,
) -> None:
    """Write what tracks were for as CSV, which `categories import` reads."""
    from trackflow.usecases.categories.decision_files import export_categories
    from trackflow.usecases.categories.ranges import range_of_days

    check_days(first, last)
    devices = None if device is None else (device,)
    with opened_context() as context:
        start, end = range_of_days(context, first, last)
        lines = export_categories(context, devices, start, end, only_decisions=decisions)
        write_table(lines, output)


def _line(row: dict[str, Any]) -> str:
    what = ", ".join(str(row[name]) for name in ("category", "purpose", "partner") if row[name])
    start = dt.datetime.fromisoformat(str(row["start_time"]))
    by = row["decided_by"] or "nobody"
    rule = f" {row['rule_id']}" if row.get("rule_id") else ""
    key = row.get("decision_id") if "track_id" not in row else row["track_id"]
    undone = ", undone" if row.get("undone_at") else ""
    return (
        f"{start:%Y-%m-%d %H:%M} UTC {row['device_id']}: {what or '(none)'} "
        f"(by {by}{rule}{undone})  {key}"
    )
