"""Runs the API: `uvicorn` on a store, until a signal stops it."""

import gc

import uvicorn
from fastapi import FastAPI

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.sources.parsing.arrow_start import start_without_pandas
from trackflow.web.app import create_app
from trackflow.web.exposure import check_exposure, is_loopback
from trackflow.web.protocol import guarded_by
from trackflow.web.security.limits import USUAL_LIMITS, RequestLimits

MOST_CONNECTIONS = 512
STOP_GRACE_S = 10


def serve_api(settings: Settings, host: str, port: int) -> None:
    """Serve until interrupted.

    Raises:
        SettingsError: the address is not this machine's own, and there are no tokens.
    """
    start_without_pandas()  # a phone would wait for it
    with Context.open(settings) as context:
        check_exposure(context, host)
        server = uvicorn.Server(uvicorn_config(context, host, port))
        # Loaded objects stay for good. Scanning all of them again and again, as the collector
        # does while large answers are made, would delay every tenth reader by 100 ms.
        gc.collect()
        gc.freeze()
        server.run()


def uvicorn_config(
    context: Context, host: str, port: int, limits: RequestLimits = USUAL_LIMITS
) -> uvicorn.Config:
    """The configuration of uvicorn for the API.

    Args:
        context: the store, which the caller closes.
        host: the address to listen on.
        port: the port to listen on; 0 for any free one.
        limits: of each request.
    """
    app = create_app(context, listens_locally=is_loopback(host), limits=limits)
    return config_of(app, host, port, limits)


def config_of(
    app: FastAPI, host: str, port: int, limits: RequestLimits = USUAL_LIMITS
) -> uvicorn.Config:
    """The configuration of uvicorn for an application.

    Args:
        app: the application.
        host: the address to listen on.
        port: the port to listen on; 0 for any free one.
        limits: of each request's headers.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=guarded_by(limits),
        ws="none",
        log_level="error",  # it warns of every broken request, which any client may send
        access_log=False,  # it has addresses, which hold positions; ours has none
        log_config=None,  # what it logs goes where all logs go
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=STOP_GRACE_S,
        server_header=False,
        proxy_headers=False,
    )
