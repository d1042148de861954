"""What a finished mesh is like, in numbers: written beside its files and shown everywhere."""

from collections.abc import Callable
from dataclasses import dataclass

type OnProgress = Callable[[float, str], None]
"""Called with the done share (0 to 1, it never goes back) and the step that begins."""


@dataclass(frozen=True, slots=True)
class LevelReport:
    """The numbers of one level of detail.

    Attributes:
        file: its name among the files of the mesh.
        vertex_count, triangle_count: of this level.
        asked_error_m: how far it was allowed to lie from any pixel.
        max_error_m, mean_error_m: how far it lies, measured on every pixel.
    """

    file: str
    vertex_count: int
    triangle_count: int
    asked_error_m: float
    max_error_m: float
    mean_error_m: float


@dataclass(frozen=True, slots=True)
class MeshCost:
    """What a mesh took, so that the next ones fit the machine.

    Attributes:
        pixels: of the image.
        seconds: of work, without waiting.
        peak_bytes: of memory, beyond what the process held before.
    """

    pixels: int
    seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class MeshReport:
    """The numbers of a mesh.

    Attributes:
        kind: terrain or outline.
        vertex_count, triangle_count: of the mesh itself, without its solid and levels.
        bounds_m: lowest and highest x, y, z: (x0, y0, z0, x1, y1, z1), metres.
        volume_m3: of the closed body; None for an open surface.
        crs: the image's coordinate system; None without one.
        is_watertight: whether the body for printing, or else the mesh, is closed.
        open_reason: why it is not watertight; None where it is.
        void_count: pixels without a height, which were filled.
        asked_error_m: how far the mesh was allowed to lie from any pixel.
        max_error_m, mean_error_m: how far it lies, measured on every pixel that had a height.
        notes: what was assumed or repaired, for people.
        columns, rows: size of the image in pixels.
        pixel_width_m, pixel_height_m: size of a pixel on the ground.
        levels: coarser levels of detail, the finest first.
    """

    kind: str
    vertex_count: int
    triangle_count: int
    bounds_m: tuple[float, float, float, float, float, float]
    volume_m3: float | None
    crs: str | None
    is_watertight: bool
    open_reason: str | None
    void_count: int
    asked_error_m: float
    max_error_m: float
    mean_error_m: float
    notes: tuple[str, ...] = ()
    columns: int = 0
    rows: int = 0
    pixel_width_m: float = 0.0
    pixel_height_m: float = 0.0
    levels: tuple[LevelReport, ...] = ()
