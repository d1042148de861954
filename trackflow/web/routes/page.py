"""The map page: its files, the settings that it needs, and signing in by a token.

The files hold no user's data, so they are open to everyone; the page then requests the data that
its reader may see from the API. MapLibre comes from the installed package `maplibre`, so no file is
fetched from elsewhere, and the page's content security policy allows no other origin.
"""

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Request, Response
from pydantic import BaseModel, Field

from trackflow.errors import AccessError, NotFoundError, TrackflowError
from trackflow.usecases.access.tokens import Scope, find_tokens
from trackflow.web.answers.page import FILE, HTML, PAGE, PageAnswer
from trackflow.web.dependencies import CallerDep, ContextDep, guarded_router
from trackflow.web.security.access import COOKIE, open_to, wrong_token
from trackflow.web.security.own_machine import is_own_page

router = guarded_router()

INDEX = "index.html"
CATALOGUE = "catalogue.html"

MAPLIBRE = ("maplibre-gl.js", "maplibre-gl.css")

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}

SESSION_S = 30 * 86_400
"""Seconds for which a browser stays signed in."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent.

    Attributes:
        body: its bytes.
        packed: the same, by gzip.
        media_type: with its encoding.
        etag: by content, quoted.
    """

    body: bytes
    packed: bytes
    media_type: str
    etag: str


class SessionRequest(BaseModel):
    """The token of a person who signs in."""

    token: str = Field(max_length=200, description="A token for `read` or `admin`.")


@router.get("/", tags=["page"], summary="The map page", response_class=Response, responses=HTML)
@open_to(None)
def index(request: Request, context: ContextDep) -> Response:
    """The page. It holds no data; it requests the data that its reader may see from the API."""
    answer = _send(request, static_file(INDEX))
    answer.headers["Content-Security-Policy"] = content_policy(context.settings.tiles_url)
    return answer


@router.get(
    "/catalogue",
    tags=["page"],
    summary="The page of the race tracks",
    response_class=Response,
    responses=HTML,
)
@open_to(None)
def catalogue(request: Request) -> Response:
    """Like the map page, it holds no data."""
    answer = _send(request, static_file(CATALOGUE))
    answer.headers["Content-Security-Policy"] = content_policy("")
    return answer


@router.get(
    "/static/{name}",
    tags=["page"],
    summary="A file of the map page",
    response_class=Response,
    responses=FILE,
)
@open_to(None)
def file(request: Request, name: str) -> Response:
    """A script, style sheet or picture of the page; 404 for any other name."""
    return _send(request, static_file(name))


@router.get(
    "/api/v1/page",
    tags=["page"],
    summary="What the map page has to know",
    response_model=None,
    responses=PAGE,
)
@open_to(Scope.READ)
def page(request: Request, context: ContextDep, caller: CallerDep) -> PageAnswer:
    """The address of background tiles (empty for none), the time zone, and the caller.

    `time_zone` is the one in which days are counted. `scope` is the caller's.

    `by_cookie` is whether a session of `POST /session` admitted the caller, which can be ended.
    """
    return {
        "tiles_url": context.settings.tiles_url,
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


@router.delete("/session", tags=["page"], summary="Sign out", status_code=204)
@open_to(None)
def sign_out(request: Request) -> Response:
    """Forgets the cookie in this browser; the token stays in use elsewhere."""
    if not is_own_page(request):
        raise AccessError("only trackflow's own page signs out")
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


def static_file(name: str) -> StaticFile:
    """A file of the page by its name.

    Raises:
        NotFoundError: the page has no such file.
    """
    path = _paths().get(name)
    if path is None:
        raise NotFoundError("the page has no such file")
    changed = path.stat()
    return _load(path, changed.st_mtime_ns, changed.st_size)


def content_policy(tiles_url: str) -> str:
    """The content security policy: the page's own files, and images of one tile server at most."""
    server = urlsplit(tiles_url)
    tiles = f" {server.scheme}://{server.netloc}" if server.netloc else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: blob:{tiles}",
            f"connect-src 'self' data: blob:{tiles}",
            "worker-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


@cache
def _paths() -> dict[str, Path]:
    """All files of the page, by name: no other file can be requested."""
    return {path.name: path for path in (*_own_files(), *_maplibre_files())}


def _own_files() -> Iterator[Path]:
    for path in (Path(__file__).parents[1] / "static").iterdir():
        if path.suffix in TYPES:
            yield path


def _maplibre_files() -> Iterator[Path]:
    # not by import: the package imports pandas and more, which takes a second
    for name in MAPLIBRE:
        path = Path(str(distribution("maplibre").locate_file(f"maplibre/srcjs/{name}")))
        if not path.is_file():
            raise TrackflowError(f"the package maplibre lacks {name}: install it again")
        yield path


@cache
def _load(path: Path, _modified_ns: int, _size: int) -> StaticFile:
    body = path.read_bytes()
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return StaticFile(body, gzip.compress(body, 6, mtime=0), TYPES[path.suffix], etag)


def _send(request: Request, found: StaticFile) -> Response:
    headers = {"ETag": found.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=304, headers=headers)
    body = found.body
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = found.packed
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=found.media_type, headers=headers)


def _is_encrypted(request: Request) -> bool:
    """Whether the browser uses TLS, to this service or to a proxy before it."""
    # not `request.url`: it is made of the Host header, which a client may write as it likes
    return request.scope["scheme"] == "https" or request.headers.get("origin", "").startswith(
        "https:"
    )
