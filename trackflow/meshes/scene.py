"""What a mesh's files show: its bodies, their colours and where they lie on the earth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trackflow.meshes.heights import Georeference
from trackflow.meshes.triangles import Triangles

_COLOURS = {"terrain": "#A3A88C", "outline": "#8FA3B5", "track": "#E8552D"}
_OTHER_COLOUR = "#B0B0B0"


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Bodies for one file.

    Attributes:
        bodies: at least one.
        georeference: None where the image did not say where it lies.
        texture_png: a picture for the bodies that have places on it; None: plain colours.
        error_m: how far the mesh may lie from its image; a format that rounds stays far below it.
        mm_per_m: scale of a print.
    """

    bodies: Sequence[Triangles]
    georeference: Georeference | None = None
    texture_png: bytes | None = None
    error_m: float = 0.0
    mm_per_m: float = 1.0


def colour_of(body: Triangles) -> str:
    """The colour of a body where it has no picture: "#RRGGBB", in sRGB."""
    return _COLOURS.get(body.name, _OTHER_COLOUR)


def linear_colour(colour: str) -> list[float]:
    """Red, green and blue from 0 to 1 as light adds up, of "#RRGGBB" in sRGB."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def facts_of(scene: Scene) -> dict[str, Any]:
    """What a file says about itself, for programs that place the mesh on the earth."""
    facts: dict[str, Any] = {"units": "metres", "local_axes": "x east, y up, z south"}
    place = scene.georeference
    if place is not None:
        facts["georeference"] = {
            "crs": place.crs,
            "bounds": [place.west, place.south, place.east, place.north],
            "origin": {"longitude": place.origin_lon, "latitude": place.origin_lat},
        }
    return facts
