"""What a person asks of a mesh. Every parameter has a default that suits an unknown image."""

from dataclasses import dataclass
from enum import StrEnum


class MeshKind(StrEnum):
    """What an image is read as."""

    TERRAIN = "terrain"
    """A height per pixel."""

    OUTLINE = "outline"
    """A silhouette, by its alpha channel or a threshold."""


class HeightEncoding(StrEnum):
    """How pixels of an image hold heights."""

    GREY = "grey"
    TERRARIUM = "terrarium"
    TERRAIN_RGB = "terrain_rgb"


class TextureKind(StrEnum):
    """The picture on a terrain."""

    NONE = "none"
    HILLSHADE = "hillshade"
    IMAGE = "image"


TERRAIN_DETAIL = 0.01
OUTLINE_DETAIL = 0.002


@dataclass(frozen=True, slots=True)
class MeshParameters:
    """The parameters of a mesh; those of the other kind are ignored.

    Attributes:
        kind: terrain or outline; None guesses it from the image.
        max_error_m: how far the mesh may lie above or below any pixel, in metres.
        detail_factor: the same relative to the height range, 0 (all details) to 1; used where
            `max_error_m` is None. For an outline: relative to the diagonal of the image. None takes
            0.01 for a terrain and 0.002 for an outline, whose corners are seen from close by.
        encoding: how pixels hold heights; None tells it from the values.
        width_m: width of the mesh from west to east, which is from the first pixel's middle to the
            last one's; None takes it from the image's georeference, else one metre a pixel.
        low_m, high_m: heights of black and of white in a grey image without heights of its own.
        vertical_scale: factor on all heights.
        extrusion_m: height of an outline's body.
        threshold: grey level from 0 to 1 that parts an outline from its ground, where the image has
            no transparent pixels; None finds it (Otsu).
        solid: whether printable bodies are made too.
        base_mm: thickness of the print's base below its lowest point.
        base_height_m: height of the underside, the same for tiles that are printed side by side;
            None takes this image's lowest point.
        print_width_mm: width of the print.
        texture: the picture on a terrain.
        levels: number of levels of detail, 1 for the mesh alone.
        obj: whether an OBJ file is made too.
        draco: whether a compressed GLB is made too.
        thumbnail: whether a picture of the mesh is made too.
        tracks: lines that stand out of a terrain, as encoded polylines of precision 5.
        groove: whether tracks are cut into the print instead of standing out of it.
    """

    kind: MeshKind | None = None
    max_error_m: float | None = None
    detail_factor: float | None = None
    encoding: HeightEncoding | None = None
    width_m: float | None = None
    low_m: float = 0.0
    high_m: float = 100.0
    vertical_scale: float = 1.0
    extrusion_m: float = 10.0
    threshold: float | None = None
    solid: bool = False
    base_mm: float = 2.0
    base_height_m: float | None = None
    print_width_mm: float = 100.0
    texture: TextureKind = TextureKind.NONE
    levels: int = 1
    obj: bool = False
    draco: bool = True
    thumbnail: bool = True
    tracks: tuple[str, ...] = ()
    groove: bool = False
