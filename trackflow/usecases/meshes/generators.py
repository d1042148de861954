"""The generator of the settings: child processes of this machine, or a mesh service."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trackflow.concurrency.connections import HttpClient
from trackflow.context import Context
from trackflow.errors import MeshServiceUnavailableError, SettingsError
from trackflow.settings import Settings
from trackflow.store.meshes import remote
from trackflow.store.service_guard import ServiceGuard
from trackflow.usecases.housekeeping.kill_switches import switch_of

if TYPE_CHECKING:
    from trackflow.meshes.generators.http import HttpGenerator

CONNECTIONS = 8
"""Requests to a mesh service at once: it queues meshes itself, so these are short."""

CALLBACK_PATH = "/api/v1/meshes/callbacks"
"""Where trackflow's API takes the service's callbacks."""


def service_generator(context: Context) -> "HttpGenerator":
    """The generator that uses the mesh service of the settings.

    Raises:
        SettingsError: callbacks are wanted, but there is no secret to check them by.
    """
    # triangulation libraries take a second to load: only when meshes are made
    from trackflow.meshes.generators.http import HttpGenerator

    settings = context.settings
    site = service_site(settings)
    guard = ServiceGuard(
        f"mesh service {site}",
        "the mesh service",
        MeshServiceUnavailableError,
        context.store,
        context.clock,
    )

    def reported(mesh_id: str) -> Mapping[str, Any] | None:
        with context.store.read() as connection:
            found = remote.find(connection, mesh_id)
        if found is None:
            return None
        return {"status": found.status, "progress": found.progress, "step": found.step}

    return HttpGenerator(
        settings.mesh_url,
        HttpClient(),
        settings.mesh_token,
        _callback_url(settings),
        reported if settings.mesh_callback_url else lambda _: None,
        guard.call,
        switch_of(context, site),
        connections=context.services.connections(f"mesh service {site}", CONNECTIONS),
    )


def service_site(settings: Settings) -> str:
    """Host and port of the mesh service: the name of its kill switch."""
    return urlsplit(settings.mesh_url).netloc


def _callback_url(settings: Settings) -> str | None:
    if not settings.mesh_callback_url:
        return None
    if not settings.mesh_secret:
        raise SettingsError(
            "TRACKFLOW_MESH_CALLBACK_URL needs TRACKFLOW_MESH_SECRET, by which callbacks are "
            "checked; `trackflow mesh service-secret` makes one"
        )
    return settings.mesh_callback_url + CALLBACK_PATH
