"""Runs the mesh service: `uvicorn` on a store, until a signal stops it."""

import uvicorn

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.usecases.meshes.tools import embedded_generator
from trackflow.web.exposure import check_exposure, is_loopback
from trackflow.web.mesh_service.app import create_mesh_service
from trackflow.web.server import config_of


def serve_meshes(settings: Settings, host: str, port: int) -> None:
    """Serve until interrupted.

    Raises:
        SettingsError: the address is not this machine's own, and there are no tokens.
    """
    with Context.open(settings) as context:
        check_exposure(context, host)
        # not that of TRACKFLOW_MESH_URL: the service must not ask itself
        generator = embedded_generator(context)
        app = create_mesh_service(context, generator, listens_locally=is_loopback(host))
        uvicorn.Server(config_of(app, host, port)).run()
