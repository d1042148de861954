"""The command that receives from an MQTT broker."""

import signal
import threading

import typer

from trackflow.cli.common import opened_context, print_note


def add_to(app: typer.Typer) -> None:
    """Add this command to the `trackflow` command."""
    app.command(epilog="Example: trackflow mqtt")(mqtt)


def mqtt() -> None:
    """Receive what OwnTracks publishes to the broker of TRACKFLOW_MQTT_URL, until Ctrl-C.

    `serve` runs it by itself. The broker keeps messages until they are stored.
    """
    from trackflow.usecases.intake.subscribing import subscribe

    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    with opened_context() as context:
        subscribe(context, end, print_note)
