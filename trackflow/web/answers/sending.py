"""Answers as JSON with an ETag.

A client that polls sends the ETag of what it has (`If-None-Match`); if nothing has changed the
answer is an empty 304. The ETag is a hash of the answer itself, so it can never be out of step; or,
where an answer takes long to make, of something small that changes whenever it does.
"""

import gzip
import hashlib
from collections.abc import Callable
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.responses import JSONResponse

from trackflow import __version__

JSON = "application/json"
GEOJSON = "application/geo+json"
CSV = "text/csv; charset=utf-8"

REVALIDATE = "private, no-cache"
"""A client that keeps an answer has to check each time whether it is still valid."""

LEAST_PACKED = 16_384
"""Bytes of text from which on it is packed: a day of a thousand vehicles is nearly a megabyte."""

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_SERIALIZE_NUMPY
"""Times without a zone come from numpy; all of ours are UTC."""


class GeoJson(JSONResponse):
    """The media type of GeoJSON, for the description of routes."""

    media_type = GEOJSON


def answer(request: Request, content: Any, media_type: str = JSON) -> Response:
    """Content as JSON, or 304 if the client has it already."""
    return answer_bytes(request, orjson.dumps(content, option=OPTIONS), media_type)


def answer_of_version(request: Request, version: str, make: Callable[[], Any]) -> Response:
    """Content as JSON, or 304 if the client has it already; then it is not even made.

    Args:
        request: the request, with the client's ETag if it has one.
        version: changes whenever the content of this address does.
        make: gives the content.
    """
    of = f"{__version__}\n{request.url}\n{version}"  # another program may answer otherwise
    headers = _headers(of.encode(), REVALIDATE)
    if client_has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return _sent(request, orjson.dumps(make(), option=OPTIONS), JSON, headers)


def answer_bytes(
    request: Request, body: bytes, media_type: str, cache_control: str = REVALIDATE
) -> Response:
    """A body, or 304 if the client has it already.

    Args:
        request: the request, with the client's ETag if it has one.
        body: the answer.
        media_type: its content type.
        cache_control: value of the header `Cache-Control`.
    """
    headers = _headers(body, cache_control)
    if client_has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return _sent(request, body, media_type, headers)


def _sent(request: Request, body: bytes, media_type: str, headers: dict[str, str]) -> Response:
    is_text = media_type.startswith("text/") or "json" in media_type
    if is_text and len(body) >= LEAST_PACKED and takes_gzip(request):
        body = gzip.compress(body, 1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type=media_type)


def takes_gzip(request: Request) -> bool:
    """Whether the client reads bodies that are packed by gzip."""
    for wanted in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = "".join(wanted.split()).partition(";q=")
        if name == "gzip":
            return not weight or bool(weight.strip("0."))  # 0.000 means "not that one"
    return False


def _headers(hashed: bytes, cache_control: str) -> dict[str, str]:
    etag = f'"{hashlib.blake2b(hashed, digest_size=12).hexdigest()}"'
    return {"ETag": etag, "Cache-Control": cache_control, "Vary": "Accept-Encoding"}


def client_has(request: Request, etag: str) -> bool:
    """Whether the client has what this ETag stands for; proxies that pack it call the tag weak."""
    known = request.headers.get("if-none-match", "").split(",")
    tags = [tag.strip().removeprefix("W/") for tag in known]
    return etag in tags or tags == ["*"]
