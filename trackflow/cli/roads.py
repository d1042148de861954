"""Commands for road networks."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from trackflow.cli.common import Json, opened_context, out, plain, print_json, print_note

network_app = typer.Typer(help="Road networks from OpenStreetMap extracts.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.add_typer(network_app, name="network")


@network_app.command("serve", epilog="Example: trackflow network serve --port 5000")
def network_serve(
    profile: Annotated[str, typer.Option(help="car, bicycle or foot.")] = "car",
    host: Annotated[str, typer.Option(help="Address to listen on; it has no login.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 5000,
    threads: Annotated[int, typer.Option(help="Requests at once.", min=1)] = 2,
) -> None:
    """Serve the road network in use to others (TRACKFLOW_ENGINE_URL) by OSRM, until Ctrl-C.

    A new network takes the place of the old one by itself; while there is none, it waits for one.
    """
    from trackflow.serving import signals_interrupt
    from trackflow.usecases.roads.serving import NetworkAddress, serve_network

    with opened_context() as context, suppress(KeyboardInterrupt), signals_interrupt():
        serve_network(context, profile, NetworkAddress(host, port, threads), print_note)


@network_app.command(
    "build", epilog="Example: trackflow network build finland-latest.osm.pbf --profile car"
)
def network_build(
    extract: Annotated[
        Path,
        typer.Argument(help="An extract: .osm.pbf, .osm, .osm.gz or .osm.bz2.", show_default=False),
    ],
    profile: Annotated[str, typer.Option(help="car, bicycle or foot.")] = "car",
    as_json: Json = False,
) -> None:
    """Build a road network and match on it from now on."""
    from trackflow.usecases.roads.networks import build

    with opened_context() as context:
        network, is_new = build(context, extract, profile, print_note)
    if as_json:
        print_json(plain(network) | {"new": is_new})
        return
    west, south, east, north = network.bbox
    out.print(
        f"{profile} network {network.version} of {network.source_name}: "
        f"{network.size_bytes / 1e6:,.1f} MB, {west:.3f} to {east:.3f} E, "
        f"{south:.3f} to {north:.3f} N" + ("" if is_new else " (in use already)"),
        markup=False,
        soft_wrap=True,
    )
