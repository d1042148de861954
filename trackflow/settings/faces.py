"""The page and the API as people and browsers see them."""

import re
from dataclasses import dataclass

from trackflow.variables import set_by, words


def _tiles_url(text: str) -> str:
    """A checked address of tiles or a style, as it becomes part of the page's security policy."""
    if text.startswith("/"):
        if text.endswith(".pmtiles"):
            return text
        raise ValueError("is no tile address; a file of this machine has to be a .pmtiles")
    plain = not any(c.isspace() or c in "\"';," for c in text)
    if not (plain and re.match(r"https?://[\w.:\[\]-]+/.", text)):
        raise ValueError(
            "is no tile address; use one such as https://tiles.example/{z}/{x}/{y}.png, "
            "https://tiles.example/style.json or https://tiles.example/world.pmtiles"
        )
    return text


def _origins(text: str) -> tuple[str, ...]:
    """Origins as browsers send them; `*` stands for all."""
    found = words(text)
    if not all(one == "*" or re.fullmatch(r"https?://[\w.:\[\]-]+", one) for one in found):
        raise ValueError("is no origin; write such as https://map.example https://shop.example")
    return tuple(one.lower() for one in found)


def _public_url(text: str) -> str:
    if not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./~-]*)?", text):
        raise ValueError("is no address of a page; use one such as https://trackflow.example")
    return text.rstrip("/")


@dataclass(frozen=True)
class FaceSettings:
    """The page and the API as people and browsers see them.

    Attributes:
        tiles_url: address of tiles or a style for the map page, or path of a PMTiles file; empty
            for the own base map.
        cors_origins: origins whose pages may use the API in a browser, with tokens only.
        public_url: address of the page as people reach it, for links in messages; empty for none.
        dagster_url: address of Dagster's web server, for links to runs; empty for none.
    """

    tiles_url: str = set_by(
        "TILES_URL",
        "",
        "somebody else's map below the tracks: tiles such as "
        "`https://tiles.example/{z}/{x}/{y}.png` or `….pbf`, a `style.json`, or a `.pmtiles`, also "
        "as a file of this machine",
        unset="the own base map",
        parse=_tiles_url,
    )
    cors_origins: tuple[str, ...] = set_by(
        "CORS_ORIGINS",
        (),
        "origins such as `https://map.example`, with blanks between, whose pages may use the API "
        "in a browser, each request with a token; `*` for all",
        unset="none",
        parse=_origins,
    )
    public_url: str = set_by(
        "PUBLIC_URL",
        "",
        "the page's address as people reach it, for links in messages, such as "
        "`https://trackflow.example`",
        unset="no links",
        parse=_public_url,
    )
    dagster_url: str = set_by(
        "DAGSTER_URL",
        "",
        "the address of Dagster's web server as people reach it, for links from jobs to their "
        "runs, such as `https://trackflow.example/dagster`",
        unset="that of `serve`, else no links",
        parse=_public_url,
    )
