"""The pages: their files, the settings that they need, and signing in by a token.

The files hold no user's data, so they are open to everyone; a page then requests the data that its
reader may see from the API.
"""

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from trackflow.errors import AccessError
from trackflow.usecases.access.tokens import Scope, find_tokens
from trackflow.web.answers.page import FILE, HTML, PAGE, PageAnswer
from trackflow.web.answers.sending import answer_bytes
from trackflow.web.dependencies import CallerDep, ContextDep, guarded_router
from trackflow.web.routes.tiles import ARCHIVE, is_file
from trackflow.web.security.access import COOKIE, open_to, wrong_token
from trackflow.web.security.own_machine import is_own_page
from trackflow.web.static_files import (
    WASM,
    content_policy,
    import_map_hash,
    is_of_build,
    send_static,
    shell_addresses,
    shell_version,
    static_file,
)

router = guarded_router()

INDEX = "index.html"
CATALOGUE = "catalogue.html"
MESHES = "meshes.html"
LOGBOOK = "logbook.html"
NUMBERS = "numbers.html"
DATA = "data.html"
DOCS = "docs.html"
WORKER = "worker.js"

MESH = {
    "name": "mesh_id",
    "in": "path",
    "required": True,
    "description": "Read by the page's script.",
    "schema": {"type": "string"},
}

_IS_POSITION = {"lat", "lon"}
"""Parameters of a report; the page's own state is behind the `#` of its address."""

SESSION_S = 30 * 86_400
"""Seconds for which a browser stays signed in."""


class SessionRequest(BaseModel):
    """The token of a person who signs in."""

    token: str = Field(max_length=200, description="A token for `read` or `admin`.")


@router.get("/", tags=["page"], summary="The map page", response_class=Response, responses=HTML)
@open_to(None)
def index(request: Request, context: ContextDep) -> Response:
    """The page. It holds no data; it requests the data that its reader may see from the API."""
    if request.query_params.keys() >= _IS_POSITION:  # a sender would take the page for a success
        raise HTTPException(404, "positions are sent to /ingest/traccar; see docs/senders.md")
    return _page(request, INDEX, context.settings.tiles_url)


@router.get(
    "/catalogue",
    tags=["page"],
    summary="The page of the race tracks",
    response_class=Response,
    responses=HTML,
)
@open_to(None)
def catalogue(request: Request, context: ContextDep) -> Response:
    """Like the map page, it holds no data, and has a map."""
    return _page(request, CATALOGUE, context.settings.tiles_url)


@router.get(
    "/logbook",
    tags=["page"],
    summary="The page of the logbook",
    response_class=Response,
    responses=HTML,
)
@open_to(None)
def logbook(request: Request) -> Response:
    """Like the map page, it holds no data."""
    return _page(request, LOGBOOK)


@router.get(
    "/numbers",
    tags=["page"],
    summary="The page of the numbers",
    response_class=Response,
    responses=HTML,
)
@open_to(None)
def numbers(request: Request) -> Response:
    """Like the map page, it holds no data."""
    return _page(request, NUMBERS)


@router.get(
    "/data",
    tags=["page"],
    summary="The page of the data",
    response_class=Response,
    responses=HTML,
)
@open_to(None)
def data(request: Request) -> Response:
    """Imports, downloads, hidden points, refused input and tokens. It holds no data itself."""
    return _page(request, DATA)


@router.get(
    "/docs",
    tags=["page"],
    summary="The page that describes the API",
    response_class=Response,
    responses=HTML,
)
@open_to(None)
def docs(request: Request) -> Response:
    """Swagger UI over `/openapi.json`, which takes a token for `read`. It needs no other site."""
    return _page(request, DOCS)


def _page(request: Request, name: str, tiles_url: str = "") -> Response:
    """A page without WebAssembly; `tiles_url` is that of its map, if it has one."""
    answer = send_static(request, static_file(name))
    answer.headers["Content-Security-Policy"] = content_policy(tiles_url)
    return answer


@router.get(
    "/meshes",
    tags=["page"],
    summary="The page of the meshes",
    response_class=Response,
    responses=HTML,
)
@router.get(
    "/meshes/{mesh_id}",
    tags=["page"],
    summary="The page of one mesh",
    response_class=Response,
    responses=HTML,
    openapi_extra={"parameters": [MESH]},
)
@open_to(None)
def meshes(request: Request) -> Response:
    """Like the map page, it holds no data. Its viewer decodes Draco's files by WebAssembly."""
    html = static_file(MESHES)
    answer = send_static(request, html)
    scripts = (WASM, import_map_hash(html))
    answer.headers["Content-Security-Policy"] = content_policy("", scripts)
    return answer


PAGES = ("/", "/catalogue", "/data", "/logbook", "/meshes", "/numbers")
"""Pages that open without a network."""


@router.get(
    "/worker.js",
    tags=["page"],
    summary="The service worker of the pages",
    response_class=Response,
    responses=FILE,
)
@open_to(None)
def worker(request: Request) -> Response:
    """Keeps the pages and their files for times without a network; nothing else, and no answers.

    Another build has another one, by which browsers notice it; they forget what the last one kept.
    """
    shell = {
        "version": shell_version(),
        "pages": PAGES,
        "files": shell_addresses(),
    }
    body = b"self.shell = " + orjson.dumps(shell) + b";\n" + static_file(WORKER).body
    sent = answer_bytes(request, body, "text/javascript; charset=utf-8", "no-cache")
    sent.headers["Content-Security-Policy"] = "default-src 'none'; connect-src 'self'"
    return sent


@router.get(
    "/static/{name:path}",
    tags=["page"],
    summary="A file of a page",
    response_class=Response,
    responses=FILE,
)
@open_to(None)
def file(request: Request, name: str) -> Response:
    """A script, style sheet or picture of a page; 404 for any other name.

    Pages name scripts and style sheets with their build, `@1f0c/main.js`: such a file may be kept
    for ever.
    """
    return send_static(request, static_file(name), lasting=is_of_build(name))


@router.get(
    "/api/v1/page",
    tags=["page"],
    summary="What the map page has to know",
    response_model=None,
    responses=PAGE,
)
@open_to(Scope.READ)
def page(request: Request, context: ContextDep, caller: CallerDep) -> PageAnswer:
    """The addresses of background tiles (empty for none), the time zone, and the caller.

    `time_zone` is the one in which days are counted. `scope` is the caller's.

    `by_cookie` is whether a session of `POST /session` admitted the caller, which can be ended.
    """
    return {
        "tiles_url": ARCHIVE if is_file(context.settings.tiles_url) else context.settings.tiles_url,
        "base_map": request.app.state.base_maps.version(),
        "time_zone": context.settings.time_zone,
        "scope": caller.scope,
        "by_cookie": COOKIE in request.cookies and caller.token_id is not None,
    }


@router.post("/session", tags=["page"], summary="Sign in with a token", status_code=204)
@open_to(None)
def sign_in(request: Request, context: ContextDep, wanted: SessionRequest) -> Response:
    """Keeps the token as a cookie that scripts cannot read and other sites cannot use.

    401 for a token that is not in use (429 after many), 403 for one that may not read.
    """
    if not is_own_page(request):
        raise AccessError("only trackflow's own page signs in")
    secret = wanted.token.strip()
    found, _ = find_tokens(context, [secret])
    if not found:
        message = "this token is not in use: check that it was copied whole"
        raise wrong_token(request, [secret], message)
    (token,) = found
    if token.scope not in (Scope.READ, Scope.ADMIN):
        raise AccessError(f"a token for {token.scope} does not open the map; it takes one for read")
    answer = Response(status_code=204)
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=SESSION_S,
        path="/",
        httponly=True,
        samesite="strict",
        secure=_is_encrypted(request),
    )
    return answer


@router.get("/session", tags=["page"], summary="Whether the caller is an admin", status_code=204)
async def is_admin() -> Response:
    """204 for a token or a session for `admin`, else 401 or 403.

    For a proxy that asks before it lets a person into Dagster, which has no login of its own.
    """
    return Response(status_code=204)


@router.delete("/session", tags=["page"], summary="Sign out", status_code=204)
@open_to(None)
def sign_out(request: Request) -> Response:
    """Forgets the cookie in this browser; the token stays in use elsewhere."""
    if not is_own_page(request):
        raise AccessError("only trackflow's own page signs out")
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


def _is_encrypted(request: Request) -> bool:
    """Whether the browser uses TLS, to this service or to a proxy before it."""
    # not `request.url`: it is made of the Host header, which a client may write as it likes
    return request.scope["scheme"] == "https" or request.headers.get("origin", "").startswith(
        "https:"
    )
