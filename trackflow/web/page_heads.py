"""The heads of the pages: what all have in common, and the modules that each of them will need."""

import re
from pathlib import Path

COMMON = b"""\
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="theme-color" content="#f4f3ef" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#14181e" media="(prefers-color-scheme: dark)">
<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">
<link rel="apple-touch-icon" href="/static/icon-180.png">
<link rel="manifest" href="/static/trackflow.webmanifest">
<script src="/static/language.js"></script>
<script src="/static/starting.js"></script>"""

_MARK = b"<!-- head -->"
_SCRIPT = re.compile(rb'<script type="module" src="/static/([\w-]+\.js)"></script>')
_OWN = re.compile(rb'(?<=")/static/([\w-]+\.(?:js|css))(?=")')
_IMPORT = re.compile(r"^import\s[^;]*?'\./([\w-]+\.js)';", re.MULTILINE)


def with_head(page: bytes, folder: Path, build: str) -> bytes:
    """A page with its whole head, so that its modules are requested at once and not in turns.

    Scripts and style sheets get addresses with the build in them: browsers need not ask again
    whether any of half a hundred modules has changed.

    Args:
        page: as it is stored, with a mark in place of what all pages have.
        folder: of the modules.
        build: the version of all own files.
    """
    whole = page.replace(_MARK, COMMON, 1)
    if (found := _SCRIPT.search(whole)) is not None:
        names = modules_of(found[1].decode(), folder)
        preloads = "".join(f'\n<link rel="modulepreload" href="/static/{name}">' for name in names)
        whole = whole[: found.end()] + preloads.encode() + whole[found.end() :]
    return _OWN.sub(lambda own: address_of(own[1].decode(), build).encode(), whole)


def address_of(name: str, build: str) -> str:
    """Where an own file is: scripts and style sheets below the build, the others by name."""
    return f"/static/@{build}/{name}" if name.endswith((".js", ".css")) else f"/static/{name}"


def modules_of(name: str, folder: Path) -> list[str]:
    """The modules that a module imports, and those that they import, by name."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        text = (folder / waiting.pop()).read_text("utf-8")
        new = set(_IMPORT.findall(text)) - found - {name}
        found |= new
        waiting += new
    return sorted(found)
