"""Commands that serve: the map, the API and Dagster, with the user's data or the demo's."""

import datetime as dt
import os
from typing import Annotated

import typer
from rich.table import Table

from trackflow.cli.common import (
    LOCALHOST,
    Json,
    opened_context,
    out,
    plain,
    print_json,
    print_line,
    print_note,
)
from trackflow.settings import Settings

Port = Annotated[int, typer.Option(help="Port of the map and the API.")]
DagsterPort = Annotated[int, typer.Option(help="Port of the Dagster UI, on this machine only.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.command(epilog="Example: trackflow demo --no-serve")(demo)
    app.command(epilog="Example: trackflow serve --port 8000")(serve)


def demo(
    serve_it: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Serve the result, or stop after printing.")
    ] = True,
    port: Port = 8000,
    dagster_port: DagsterPort = 3000,
    as_json: Json = False,
) -> None:
    """Show a simulated fleet on real roads: network, import, Dagster run, tracks, scores."""
    from trackflow.demo.show import demo_settings, run_demo, summary
    from trackflow.serving import check_address

    if serve_it:
        check_address(LOCALHOST, port)  # fail now, not after a minute's work
        check_address(LOCALHOST, dagster_port, "--dagster-port")
    settings = demo_settings(Settings.from_env())
    result = run_demo(settings, print_note)
    if as_json:
        ratios = ("recall", "precision", "mismatch", "length_ratio")
        print_json(plain(result) | {name: getattr(result.score, name) for name in ratios})
    else:
        table = Table(show_header=False, box=None, pad_edge=False)
        for name, value in summary(result):
            table.add_row(name, value)
        out.print(table)
    if not result.identical:
        raise typer.Exit(1)
    if serve_it:
        last = result.status.last_point
        # the API is a program of its own, which finds the store by its environment
        os.environ |= {
            "TRACKFLOW_HOME": str(settings.home),
            "TRACKFLOW_DATABASE_URL": settings.database_url,
            "TRACKFLOW_ENGINE_URL": settings.engine_url,
        }
        _serve(settings, LOCALHOST, port, dagster_port, last.date() if last else None)


def serve(
    host: Annotated[
        str, typer.Option(help="Address of the map and the API; others than this need a token.")
    ] = LOCALHOST,
    port: Port = 8000,
    dagster_port: DagsterPort = 3000,
    with_dagster: Annotated[
        bool, typer.Option("--dagster/--no-dagster", help="Dagster as well, or the API alone.")
    ] = True,
    light: Annotated[
        bool, typer.Option("--light", help="Do the work without Dagster, with far less memory.")
    ] = False,
) -> None:
    """Serve the map page and the API, and do the work: with Dagster, its UI and daemon, or --light.

    With --light one process serves and looks for work, and children do it while there is some: at
    rest it takes a fraction of the memory and the processor. Both do the same work.
    """
    from trackflow.serving import check_address, wait_for_database

    check_address(host, port)  # before what takes seconds to load
    from trackflow.web.exposure import access_line, check_exposure

    settings = Settings.from_env()
    wait_for_database(settings, print_note)
    with opened_context() as context:
        check_exposure(context, host)
        access = access_line(context, host)
    if light:
        _serve_light(settings, host, port, access)
    elif with_dagster:
        _serve(settings, host, port, dagster_port)
    else:
        from trackflow.web.server import serve_api

        print_note(access)
        serve_api(settings, host, port)


def _serve_light(settings: Settings, host: str, port: int, access: str) -> None:
    from trackflow.light import serve_light
    from trackflow.supervising import address

    def ready() -> None:
        print_line(f"Map:        {address(host, port)}")
        print_line(access)
        print_line("Dagster:    none, as --light was asked for")
        print_line("Ctrl-C stops it.")

    print_note("Starting ...")
    serve_light(settings, host, port, ready)


def _serve(
    settings: Settings, host: str, port: int, dagster_port: int, day: dt.date | None = None
) -> None:
    from trackflow.context import Context
    from trackflow.serving import serve
    from trackflow.web.exposure import access_line

    with Context.open(settings) as context:
        access = access_line(context, host)
    print_note("Starting ...")
    serve(settings, host, port, dagster_port, access, f"{day or ''}")
