"""Commands for road networks."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from trackflow.cli.common import (
    Json,
    opened_context,
    out,
    plain,
    print_json,
    print_line,
    print_note,
)

network_app = typer.Typer(help="Road networks from OpenStreetMap extracts.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.add_typer(network_app, name="network")


@network_app.command("serve", epilog="Example: trackflow network serve --port 5000")
def network_serve(
    profile: Annotated[str, typer.Option(help="car, bicycle or foot.")] = "car",
    name: Annotated[
        str | None, typer.Option(help="Of the network; the largest one without.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; it has no login.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 5000,
    threads: Annotated[int, typer.Option(help="Requests at once.", min=1)] = 2,
) -> None:
    """Serve a road network in use to others (TRACKFLOW_ENGINE_URL) by OSRM, until Ctrl-C.

    OSRM's server holds one network. Where a profile has several, match with the engine inside.

    A new network takes the place of the old one by itself; while there is none, it waits for one.
    """
    from trackflow.supervising import signals_interrupt
    from trackflow.usecases.roads.serving import NetworkAddress, serve_network

    with opened_context() as context, suppress(KeyboardInterrupt), signals_interrupt():
        serve_network(context, profile, name, NetworkAddress(host, port, threads), print_note)


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
    """Build a road network and match on it from now on, beside those of other extracts.

    A network of the same name and profile is replaced: finland-latest.osm.pbf and
    finland-261128.osm.pbf are both called finland.
    """
    from trackflow.usecases.roads.networks import build

    with opened_context() as context:
        network, is_new = build(context, extract, profile, print_note)
    if as_json:
        print_json(plain(network) | {"new": is_new})
        return
    west, south, east, north = network.bbox
    print_line(
        f"{profile} network {network.name}, version {network.version} of {network.source_name}: "
        f"{network.size_bytes / 1e6:,.1f} MB, {west:.3f} to {east:.3f} E, "
        f"{south:.3f} to {north:.3f} N" + ("" if is_new else " (in use already)")
    )


@network_app.command("list", epilog="Example: trackflow network list")
def network_list(as_json: Json = False) -> None:
    """List the road networks in use: what they cover, their size, and the days matched on them."""
    from trackflow.usecases.roads.networks import list_networks

    with opened_context() as context:
        found = list_networks(context)
    if as_json:
        print_json([plain(one) for one in found])
        return
    if not found:
        print_line(
            "There is no road network: build one with `trackflow network build FILE.osm.pbf`"
        )
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("name", "profile", "version", "km²", "MB", "built", "days matched", box=None)
    for one in found:
        table.add_row(
            escape(one.name),
            one.profile,
            one.version,
            "not known" if one.area_km2 is None else f"{one.area_km2:,.0f}",
            f"{one.size_bytes / 1e6:,.1f}",
            f"{one.built_at:%Y-%m-%d}",
            f"{one.days:,}",
        )
    out.print(table)


@network_app.command("remove", epilog="Example: trackflow network remove andorra --profile car")
def network_remove(
    name: Annotated[str, typer.Argument(help="As listed.", show_default=False)],
    profile: Annotated[
        str | None, typer.Option(help="car, bicycle or foot; without it, all that have the name.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Remove a road network and its maps; its days are matched again by another network, or none.

    Days of a profile that has no network left keep their lines and wait for one.
    """
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.roads.networks import remove

    with opened_context() as context:
        removed = remove(context, name, profile)
    if as_json:
        print_json([plain(one) for one in removed])
        return
    for one in removed:
        print_line(
            f"{one.profile} network {one.name} is removed; "
            f"it had matched {counted(one.days, 'day')}"
        )
