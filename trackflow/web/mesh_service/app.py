"""The FastAPI application of the mesh service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from trackflow import __version__
from trackflow.context import Context
from trackflow.meshes.generators.protocol import MeshGenerator
from trackflow.web.guarding import OPTIONS, guard, routes_of
from trackflow.web.heads import HeadMiddleware
from trackflow.web.mesh_service.routes import router
from trackflow.web.mesh_service.working import MeshWork
from trackflow.web.request_log import RequestLogMiddleware
from trackflow.web.security.limits import HeadersMiddleware, LimitsMiddleware, RequestLimits

DESCRIPTION = """\
3D meshes from images.

Everything but `/health` needs a token, as `Authorization: Bearer …`. In a new store, the programs
of its user on the same machine need none until the first token is made.
"""

HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

BODY_DEADLINE_S = 120.0
LARGE_BODIES = 4
"""So many of the largest images may be received at once."""

FORM_BYTES = 1_000_000
"""Of the form beside the image."""


def create_mesh_service(
    context: Context, generator: MeshGenerator, *, listens_locally: bool = False
) -> FastAPI:
    """Make the application on a store, which the caller closes.

    Args:
        context: the store and settings.
        generator: makes the meshes; closed when the application ends.
        listens_locally: whether it listens on a loopback address only; no-token mode needs it.
    """
    app = FastAPI(
        title="trackflow mesh service",
        version=__version__,
        description=DESCRIPTION,
        lifespan=_lifespan,
        routes=routes_of(router),
        **OPTIONS,
    )
    app.state.work = MeshWork(context, generator)

    guard(app, context, listens_locally=listens_locally)
    most_bytes = context.settings.mesh_image_mb * 1_000_000 + FORM_BYTES
    limits = RequestLimits(
        body_bytes=most_bytes,
        large_bodies_bytes=LARGE_BODIES * most_bytes,
        body_s=BODY_DEADLINE_S,
        advice="TRACKFLOW_MESH_IMAGE_MB allows larger images",
    )
    app.add_middleware(LimitsMiddleware, limits=limits)
    app.add_middleware(HeadMiddleware)
    app.add_middleware(HeadersMiddleware, headers=HEADERS)
    app.add_middleware(RequestLogMiddleware)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Make meshes while the application runs."""
    work: MeshWork = app.state.work
    work.start()
    try:
        yield
    finally:
        await run_in_threadpool(work.close)
