"""The map page: its files, and what it has to know."""

from typing import TypedDict

from trackflow.usecases.access.tokens import Scope
from trackflow.web.answers.describing import described, sends, shows
from trackflow.web.answers.sending import GEOJSON


@described
class PageAnswer(TypedDict):
    """What the map page has to know."""

    tiles_url: str
    """Address of background tiles; empty for none."""
    base_map: str
    """Version of the own map tiles (`/tiles/base`); empty if there are none."""
    time_zone: str
    """The zone in which days are counted."""
    scope: Scope
    """That of the caller."""
    by_cookie: bool
    """Whether a session of `POST /session` admitted the caller, which can be ended."""


_PAGE: PageAnswer = {
    "tiles_url": "",
    "base_map": "5f0c1e2a9b7d",
    "time_zone": "Europe/Helsinki",
    "scope": Scope.READ,
    "by_cookie": True,
}

PAGE = shows(PageAnswer, _PAGE)
HTML = sends("text/html", "The page.")
FILE = sends(
    {
        "text/css": "",
        "text/html": "",
        "text/javascript": "",
        "image/svg+xml": "",
        "application/manifest+json": "",
        "application/wasm": "binary",
    },
    "The file.",
)
FILE[200]["content"][GEOJSON] = {
    "schema": {"type": "object", "required": ["type", "features"]},
    "example": {"type": "FeatureCollection", "features": []},
}
