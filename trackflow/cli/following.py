"""The command that follows a table of another database."""

import typer

from trackflow.cli import intake
from trackflow.cli.common import Json, opened_context, print_json, print_line


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.command(epilog="Example: trackflow follow --json")(follow)


def follow(as_json: Json = False) -> None:
    """Read the new rows of an existing SQL table, which is never changed.

    TRACKFLOW_FOLLOW_URL is its database (PostgreSQL or SQLite), TRACKFLOW_FOLLOW_TABLE its name if
    it is not markers. Columns: id, username, coords, created_at. Coordinates are longitude first;
    TRACKFLOW_FOLLOW_ORDER=latlon reverses that.
    """
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.intake import following

    with opened_context() as context:
        report = following.follow(context)
    if as_json:
        print_json(report)
        return
    parts = [f"{counted(report.rows, 'row')} read", intake.counts(report.accepted)]
    if report.late:
        parts.append(f"{report.late:,} committed late")
    print_line(f"{report.source}: {', '.join(parts)}")
    if report.reasons:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in report.reasons.most_common())
        print_line(f"  refused: {reasons}")
