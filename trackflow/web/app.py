"""The FastAPI application: all routes, common headers and limits, and errors as JSON."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from anyio import to_thread
from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from trackflow.concurrency.budget import BUDGET
from trackflow.context import Context
from trackflow.errors import TrackflowError
from trackflow.usecases.days.notices import read_guesses, read_notices
from trackflow.usecases.housekeeping.alerts.watching import alerts_now
from trackflow.usecases.housekeeping.figures import read_figures
from trackflow.usecases.intake.quarantine import sender_states
from trackflow.usecases.queries.processing import count
from trackflow.usecases.queries.track_tiles import TrackTiles
from trackflow.usecases.roads.base_maps import BaseMaps
from trackflow.usecases.roads.road_tiles import RoadTiles
from trackflow.web.accessed import ReadLog
from trackflow.web.cached import CachedValue
from trackflow.web.direct import DirectMiddleware
from trackflow.web.guarding import OPTIONS, guard, routes_of
from trackflow.web.heads import HeadMiddleware
from trackflow.web.openapi import DescribedApi
from trackflow.web.problems import http_error, refused
from trackflow.web.reception import ReportQueue
from trackflow.web.request_log import RequestLogMiddleware
from trackflow.web.routes import (
    alerts,
    catalogue,
    categories,
    days,
    devices,
    exports,
    finding,
    health,
    imports,
    intake,
    jobs,
    legs,
    lines,
    logbook,
    mesh_batches,
    mesh_callbacks,
    mesh_files,
    meshes,
    metrics,
    networks,
    numbers,
    page,
    places,
    points,
    quarantine,
    race_tracks,
    rules,
    senders,
    tiles,
    tokens,
    track_tiles,
    tracks,
    vehicles,
    what_if,
)
from trackflow.web.routes.metrics import add_metrics
from trackflow.web.security.limits import (
    USUAL_LIMITS,
    HeadersMiddleware,
    LimitsMiddleware,
    RequestLimits,
)
from trackflow.web.watching import Watch

OTHER_THREADS = 3
"""They store what arrives, and need connections to the database beside those of requests."""

ROUTERS: tuple[APIRouter, ...] = (
    intake.router,
    health.router,
    alerts.router,
    jobs.router,
    senders.router,
    lines.router,
    devices.router,
    race_tracks.router,
    catalogue.router,  # before tracks: /api/v1/tracks/sync is no track
    finding.router,  # before tracks: /api/v1/tracks/through is no track either
    track_tiles.router,  # nor is /api/v1/tracks/extent
    tracks.router,
    meshes.router,
    mesh_files.router,
    mesh_batches.router,
    days.router,
    networks.router,
    numbers.router,
    places.router,
    points.router,
    imports.router,
    exports.router,
    quarantine.router,
    tokens.router,
    logbook.router,
    vehicles.router,
    legs.router,
    categories.router,
    rules.router,
    what_if.router,
    tiles.router,
    mesh_callbacks.router,
    metrics.router,
    page.router,
)

DESCRIPTION = """\
GPS points in, road-matched tracks out.

Times are UTC (ISO 8601); lengths are metres; lines are encoded polylines of precision 5 or GeoJSON.
Everything needs a token, as `Authorization: Bearer …` or as the password of HTTP Basic. In a new
store, the programs of its user on the same machine need none until the first token is made.
"""

IMAGE_S = 600.0
"""Seconds for an image to arrive."""

UPLOAD_LIMITS = RequestLimits(
    body_bytes=2 * 1024**3,
    large_bodies_bytes=8 * 1024**3,
    body_s=3600.0,
    advice="import larger files with `trackflow import`",
)
"""Of files to import: they lie on the disk while they arrive, and only admins send them."""

CORS_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
CORS_HEADERS = ("Authorization", "Content-Type", "If-None-Match", "Range")
CORS_EXPOSED = ("Content-Disposition", "Content-Range", "ETag", "Retry-After")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


def create_app(
    context: Context, *, listens_locally: bool = False, limits: RequestLimits = USUAL_LIMITS
) -> FastAPI:
    """Make the application on a store, which the caller closes.

    `listens_locally` is whether it listens on a loopback address only; no-token mode needs it.
    `limits` are those of each request's body.
    """
    app = DescribedApi(
        title="trackflow",
        version="1",
        description=DESCRIPTION,
        lifespan=_lifespan,
        routes=routes_of(*ROUTERS),
        **OPTIONS,
    )
    app.state.accessed = ReadLog(context)
    app.state.reception = ReportQueue(context)
    app.state.base_maps = BaseMaps(context)
    app.state.road_tiles = RoadTiles(context)
    app.state.track_tiles = TrackTiles(context)
    app.state.notices = CachedValue(lambda: read_notices(context))
    app.state.guesses = CachedValue(lambda: read_guesses(context))
    app.state.senders = CachedValue(lambda: sender_states(context))
    app.state.counts = CachedValue(lambda: count(context))
    app.state.alerts = CachedValue(lambda: alerts_now(context, app.state.write_probe))
    app.state.figures = CachedValue(lambda: read_figures(context))
    app.state.watch = Watch(context)

    guard(app, context, listens_locally=listens_locally)
    errors = ((TrackflowError, refused), (HTTPException, http_error))
    app.add_middleware(DirectMiddleware, router=intake.router, errors=errors)
    app.add_middleware(LimitsMiddleware, limits=limits, of_paths=_own_limits(context, limits))
    add_metrics(app, context)
    if context.settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=context.settings.cors_origins,
            # never the cookie of a session: a page of another site brings a token of its own
            allow_credentials=False,
            allow_methods=CORS_METHODS,
            allow_headers=CORS_HEADERS,
            expose_headers=CORS_EXPOSED,
        )
    app.add_middleware(HeadMiddleware)
    app.add_middleware(HeadersMiddleware, headers=HEADERS)
    app.add_middleware(RequestLogMiddleware)
    return app


def _own_limits(context: Context, usual: RequestLimits) -> dict[str, RequestLimits]:
    """Images and files are larger than deliveries, and a person's line may be slow."""
    body_bytes = context.settings.mesh_image_mb * 1_000_000 + usual.small_body_bytes
    limits = replace(
        usual,
        body_bytes=body_bytes,
        large_bodies_bytes=max(usual.large_bodies_bytes, 4 * body_bytes),
        body_s=max(usual.body_s, IMAGE_S),
        advice="TRACKFLOW_MESH_IMAGE_MB allows larger images",
    )
    return dict.fromkeys(meshes.IMAGE_PATHS, limits) | {imports.IMPORT_PATH: UPLOAD_LIMITS}


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Run the background tasks while the application runs."""
    # with as many threads as connections, they would wait for each other's until they give up
    places = BUDGET.places - OTHER_THREADS
    to_thread.current_default_thread_limiter().total_tokens = max(places, 1)
    app.state.accessed.start()
    app.state.watch.start()
    try:
        yield
    finally:
        await run_in_threadpool(app.state.reception.close)
        await run_in_threadpool(app.state.accessed.close)
        await run_in_threadpool(app.state.watch.close)
        app.state.base_maps.close()
        app.state.road_tiles.close()
