"""Tracks as vector tiles, and what they are as a whole."""

from typing import TypedDict

from trackflow.usecases.queries.track_tiles import TracksExtent
from trackflow.web.answers.describing import described, sends, shows
from trackflow.web.answers.service import MVT


@described
class ExtentAnswer(TypedDict):
    """Tracks as a whole."""

    tracks: int
    """How many there are."""
    version: str
    """Another one after each change of one of them."""
    bbox: list[float] | None
    """West, south, east, north in degrees; null without tracks. The whole Earth's width if one
    crosses the antimeridian."""


def extent_answer(found: TracksExtent) -> ExtentAnswer:
    """Tracks as a whole."""
    return {
        "tracks": found.tracks,
        "version": found.version,
        "bbox": None if found.bbox is None else list(found.bbox),
    }


TILE = sends({MVT: "binary"}, "A tile; empty where there are no tracks.")
EXTENT = shows(
    ExtentAnswer,
    {"tracks": 12000, "version": "12000-25756934211", "bbox": [1.4, 42.4, 25.3, 60.4]},
)
