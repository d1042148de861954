"""The command that serves meshes to other programs, and the switch of the service that is used."""

import base64
import secrets
from typing import Annotated

import typer

from trackflow.cli.common import opened_context, print_line, print_note
from trackflow.errors import SettingsError
from trackflow.settings import Settings

LOCALHOST = "127.0.0.1"
SECRET_BYTES = 32

service_app = typer.Typer(
    help="Make meshes for other programs, over HTTP, until Ctrl-C.", invoke_without_command=True
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.add_typer(service_app, name="mesh-service", epilog="Example: trackflow mesh-service")


@service_app.callback()
def run(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this need a token.")
    ] = LOCALHOST,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8100,
) -> None:
    """Make meshes for other programs, over HTTP, until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    from trackflow.web.mesh_service.server import serve_meshes
    from trackflow.web.server import access_line, check_exposure

    settings = Settings.from_env()
    with opened_context() as opened:
        check_exposure(opened, host)
        print_note(access_line(opened, host))
    if not settings.mesh_secret:
        print_note("Callbacks:  none, as TRACKFLOW_MESH_SECRET is not set")
    print_note(f"Meshes:     http://{host}:{port}")
    serve_meshes(settings, host, port)


@service_app.command(epilog="Example: trackflow mesh-service secret")
def secret() -> None:
    """Print a new secret for TRACKFLOW_MESH_SECRET, which signs callbacks."""
    print_line("whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


@service_app.command(epilog="Example: trackflow mesh-service stop --reason 'it is being moved'")
def stop(
    reason: Annotated[str, typer.Option("--reason", help="For reports.")] = "stopped by hand",
) -> None:
    """Throw the kill switch of TRACKFLOW_MESH_URL: no process requests anything from it."""
    from trackflow.usecases.housekeeping import kill_switches

    with opened_context() as opened:
        site = _site(opened.settings)
        kill_switches.stop_everything(opened, site, reason)
    print_line(f"{site} is switched off; `trackflow mesh-service allow` switches it on again.")


@service_app.command(epilog="Example: trackflow mesh-service allow")
def allow() -> None:
    """Switch the service of TRACKFLOW_MESH_URL on again."""
    from trackflow.usecases.housekeeping import kill_switches

    with opened_context() as opened:
        site = _site(opened.settings)
        was_off = kill_switches.allow_again(opened, site)
    print_line(f"{site} is switched on again." if was_off else f"{site} was not switched off.")


def _site(settings: Settings) -> str:
    from trackflow.usecases.meshes.generators import service_site

    if not settings.mesh_url:
        raise SettingsError("TRACKFLOW_MESH_URL is not set: no mesh service is used")
    return service_site(settings)
