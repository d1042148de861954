"""The command that serves meshes to other programs, and those for the service that is used."""

import base64
import secrets
from typing import Annotated

import typer

from trackflow.cli.common import LOCALHOST, opened_context, print_line, print_note
from trackflow.cli.meshes import mesh_app
from trackflow.errors import SettingsError
from trackflow.settings import Settings

SECRET_BYTES = 32


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.command("mesh-service", epilog="Example: trackflow mesh-service --port 8100")(run)
    mesh_app.command("service-secret", epilog="Example: trackflow mesh service-secret")(secret)
    mesh_app.command("service-stop", epilog="Example: trackflow mesh service-stop")(stop)
    mesh_app.command("service-allow", epilog="Example: trackflow mesh service-allow")(allow)


def run(
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this need a token.")
    ] = LOCALHOST,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8100,
) -> None:
    """Make meshes for other programs, over HTTP, until Ctrl-C.

    Requests with TRACKFLOW_MESH_TOKEN are let in, where it is set: give the same one to the
    trackflow that uses this service.
    """
    from trackflow.usecases.access.tokens import Scope, give_token
    from trackflow.web.exposure import access_line, check_exposure
    from trackflow.web.mesh_service.server import serve_meshes

    settings = Settings.from_env()
    with opened_context() as context:
        if settings.mesh_token:
            give_token(context, "TRACKFLOW_MESH_TOKEN", Scope.ADMIN, settings.mesh_token)
        check_exposure(context, host)
        print_note(access_line(context, host))
    if not settings.mesh_secret:
        print_note("Callbacks:  none, as TRACKFLOW_MESH_SECRET is not set")
    print_note(f"Meshes:     http://{host}:{port}")
    serve_meshes(settings, host, port)


def secret() -> None:
    """Print a new secret for TRACKFLOW_MESH_SECRET, which signs callbacks."""
    print_line("whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def stop(
    reason: Annotated[str, typer.Option("--reason", help="For reports.")] = "stopped by hand",
) -> None:
    """Throw the kill switch of TRACKFLOW_MESH_URL: no process requests anything from it."""
    from trackflow.usecases.housekeeping import kill_switches

    with opened_context() as context:
        site = _site(context.settings)
        kill_switches.stop_everything(context, site, reason)
    print_line(f"{site} is switched off; `trackflow mesh service-allow` switches it on again.")


def allow() -> None:
    """Switch the service of TRACKFLOW_MESH_URL on again."""
    from trackflow.usecases.housekeeping import kill_switches

    with opened_context() as context:
        site = _site(context.settings)
        was_off = kill_switches.allow_again(context, site)
    print_line(f"{site} is switched on again." if was_off else f"{site} was not switched off.")


def _site(settings: Settings) -> str:
    from trackflow.usecases.meshes.generators import service_site

    if not settings.mesh_url:
        raise SettingsError("TRACKFLOW_MESH_URL is not set: no mesh service is used")
    return service_site(settings)
