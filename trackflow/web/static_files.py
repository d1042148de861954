"""The files of the pages: trackflow's own and those of others; and their security policy.

MapLibre, three.js, Draco's decoder and the map of the world come from npm when trackflow is built
or installed (`scripts/vendor.py`). So no file is fetched from elsewhere,
and the content security policy of the pages allows no other origin.
"""

import base64
import gzip
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Request, Response

from trackflow.errors import NotFoundError
from trackflow.web.answers.sending import client_has, takes_gzip
from trackflow.web.page_heads import address_of, with_head

OWN = Path(__file__).parent / "static"
VENDORED = Path(__file__).parent / "vendored"

TYPES = {
    ".geojson": "application/geo+json",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}

WASM = "'wasm-unsafe-eval'"
"""Allows WebAssembly, and no `eval` of JavaScript."""

_IMPORT_MAP = re.compile(rb'<script type="importmap">(.*?)</script>', re.DOTALL)


_BUILD = re.compile(r"^@(\w+)/(?=[^/]+$)")


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


def static_file(name: str) -> StaticFile:
    """A file by its name; a vendored one by its path, such as `three/build/three.module.js`.

    An own one may have the build before its name: `@1f0c/main.js`.

    Raises:
        NotFoundError: the pages have no such file.
    """
    path = _paths().get(_BUILD.sub("", name))
    if path is None:
        if "/" in name and not VENDORED.is_dir():
            raise NotFoundError(
                "this installation lacks what comes from npm: `python scripts/vendor.py` in its "
                "source fetches it"
            )
        raise NotFoundError("the page has no such file")
    changed = path.stat()
    build = shell_version() if path.suffix == ".html" else ""
    return _load(path, changed.st_mtime_ns, changed.st_size, build)


def is_of_build(name: str) -> bool:
    """Whether a name has the present build in it: another file never gets this name."""
    found = _BUILD.match(name)
    return found is not None and found[1] == shell_version()


def send_static(request: Request, found: StaticFile, *, lasting: bool = False) -> Response:
    """A file, packed if the client takes that, or 304 if it has it already.

    Args:
        request: of the client.
        found: the file.
        lasting: whether it never changes under this address, so that nobody has to ask again.
    """
    kept = "public, max-age=31536000, immutable" if lasting else "no-cache"
    headers = {"ETag": found.etag, "Cache-Control": kept, "Vary": "Accept-Encoding"}
    if client_has(request, found.etag):
        return Response(status_code=304, headers=headers)
    body = found.body
    if takes_gzip(request):
        body = found.packed
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=found.media_type, headers=headers)


def content_policy(tiles_url: str, more_scripts: tuple[str, ...] = ()) -> str:
    """The content security policy: the page's own files, and the tiles of one server at most.

    `more_scripts` are further sources of scripts, such as the hash of an import map.
    """
    server = urlsplit(tiles_url)
    tiles = f" {server.scheme}://{server.netloc}" if server.netloc else ""
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *more_scripts)),
            "style-src 'self'",
            f"img-src 'self' data: blob:{tiles}",
            f"connect-src 'self' data: blob:{tiles}",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def import_map_hash(page: StaticFile) -> str:
    """The hash by which a policy allows the page's import map, its only script without a file.

    Browsers take import maps from no file; three.js's modules need one to find each other.
    """
    found = _IMPORT_MAP.search(page.body)
    assert found is not None, "the page has no import map"
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[1]).digest()).decode()}'"


def shell_version() -> str:
    """The version of the pages: another build has another one."""
    found = ((path.name, path.stat()) for path in _own_files())
    return _version(tuple((name, at.st_mtime_ns, at.st_size) for name, at in found))


@lru_cache(1)
def _version(_present: tuple[tuple[str, int, int], ...]) -> str:
    return version_of(OWN)


def version_of(folder: Path) -> str:
    """A hash of all files of the pages in a folder."""
    found = hashlib.blake2b(digest_size=8)
    for path in sorted(path for path in folder.iterdir() if path.suffix in TYPES):
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def shell_addresses() -> list[str]:
    """Where all own files are but pages and the worker itself."""
    names = sorted(path.name for path in _own_files() if path.suffix != ".html")
    return [address_of(name, shell_version()) for name in names if name != "worker.js"]


@cache
def _paths() -> dict[str, Path]:
    """All files, by name: no other file can be requested."""
    named = {path.name: path for path in _own_files()}
    return named | {str(path.relative_to(VENDORED)): path for path in _vendored_files()}


def _own_files() -> Iterator[Path]:
    for path in OWN.iterdir():
        if path.suffix in TYPES:
            yield path


def _vendored_files() -> Iterator[Path]:
    for path in VENDORED.rglob("*"):
        if path.suffix in TYPES:
            yield path


@cache
def _load(path: Path, _modified_ns: int, _size: int, build: str) -> StaticFile:
    body = path.read_bytes()
    if build:
        body = with_head(body, OWN, build)
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return StaticFile(body, gzip.compress(body, 6, mtime=0), TYPES[path.suffix], etag)
