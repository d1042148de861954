"""The command that says what is wrong now."""

import typer

from trackflow.cli.common import Json, opened_context, print_json, print_line


def add_to(app: typer.Typer) -> None:
    """Add this command to the `trackflow` command."""
    app.command(epilog="Example: trackflow alerts --json")(alerts)


def alerts(as_json: Json = False) -> None:
    """List what is wrong with the service now; ends with 1 if there is anything.

    Messages about it go to TRACKFLOW_NOTIFY_URLS; TRACKFLOW_ALERTS_OFF silences rules and devices.
    """
    from trackflow.usecases.housekeeping.alerts.watching import alerts_now
    from trackflow.usecases.housekeeping.health import write_probe

    with opened_context() as context:
        found = alerts_now(context, write_probe(context))
    if as_json:
        print_json(found)
    else:
        for alert in found:
            since = f" (since {alert.started_at:%Y-%m-%d %H:%M} UTC)" if alert.started_at else ""
            print_line(f"{alert}{since}{', silenced' if alert.silenced else ''}")
            print_line(f"  {alert.advice}")
        if not found:
            print_line("Nothing is wrong.")
    if any(not alert.silenced for alert in found):
        raise typer.Exit(1)
