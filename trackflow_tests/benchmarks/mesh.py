"""Meshes: triangles, seconds, bytes and memory of terrains, beside Delatin, Martini and a grid.

Two real images (an SRTM tile with voids, a Terrarium tile), each with two limits of the error.

- Seconds are those of one processor, the best of several. "bare Delatin" is pydelatin on heights
  that are ready for it, its arrays taken out. "reading" is what comes before for anyone: unpacking,
  decoding, voids. "trackflow" is the way from the file's bytes to a GLB file with normals and a
  report whose error is measured on every pixel.
- Triangles are those that each needs for the error that trackflow's mesh was measured to have. It
  is measured for all of them by the same means, on every pixel. Martini takes squares of 2^k + 1
  pixels only, so this part is about such a square of the image. Martini's own limit is no bound
  for the error, and that of a grid is its step: the largest that keeps the error is searched.
- Bytes are those of a GLB file with positions and triangles by the same writer, and of the
  compressed one.
- Memory is the peak of a process that makes one mesh, and of one that has only loaded the code.
"""

import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from pydelatin import Delatin
from pymartini import Martini

from trackflow.meshes.formats import draco, glb
from trackflow.meshes.generate import generate
from trackflow.meshes.heights import HeightArray
from trackflow.meshes.images import grid_of, read_raster
from trackflow.meshes.measuring import Tin, errors_on_pixels
from trackflow.meshes.parameters import MeshParameters
from trackflow.meshes.scene import Scene
from trackflow.meshes.terrain import terrain_of
from trackflow.meshes.triangles import Triangles
from trackflow_tests.meshes.grids import grid as grid_from
from trackflow_tests.meshes.real_images import FOLDER, real_image

IMAGES = {"SRTM": ("hgt/N43E007.hgt.zip", 1025), "Terrarium": ("terrarium.png", 129)}
"""The files, and the side of the square in the north-west that Martini gets."""

LIMITS_M = (10.0, 50.0)
REPEATS = 5


def run() -> dict[str, float | int | str]:
    """Figures by image and limit."""
    if not FOLDER.is_dir():
        return {"images": "missing: set TRACKFLOW_TEST_DATA"}
    figures: dict[str, float | int | str] = {}
    for title, (file, side) in IMAGES.items():
        for limit_m in LIMITS_M:
            key = f"{title} at {limit_m:g} m"
            figures |= {f"{key}: {name}": value for name, value in _speed(file, limit_m)}
            figures |= {f"{key}: {name}": value for name, value in _sizes(file, side, limit_m)}
    loaded_mb, srtm_mb = _peak_mb(), _peak_mb(IMAGES["SRTM"][0])
    figures["memory: code loaded, MB"] = loaded_mb
    figures["memory: SRTM at 10 m, MB"] = srtm_mb
    return figures


def _speed(file: str, limit_m: float) -> Iterator[tuple[str, float]]:
    image = real_image(file)
    parameters = MeshParameters(max_error_m=limit_m, draco=False, thumbnail=False)
    heights_m = grid_of(read_raster(image, file), file, parameters).heights_m

    def bare() -> None:
        found = Delatin(heights_m, max_error=limit_m)
        assert len(found.vertices)
        assert len(found.triangles)

    works: dict[str, Callable[[], Any]] = {
        "bare": bare,
        "reading": lambda: grid_of(read_raster(image, file), file, parameters),
        "ours": lambda: generate(image, file, parameters),
        "all": lambda: generate(image, file, MeshParameters(max_error_m=limit_m)),
    }
    best_s = dict.fromkeys(works, math.inf)
    for _ in range(REPEATS):  # in turn, so that all of them have the same machine
        for name, work in works.items():
            started = time.process_time()
            work()
            best_s[name] = min(best_s[name], time.process_time() - started)
    yield "bare Delatin, s", best_s["bare"]
    yield "reading, s", best_s["reading"]
    yield "trackflow, s", best_s["ours"]
    yield "trackflow with Draco and thumbnail, s", best_s["all"]
    yield (
        "trackflow, times reading and bare Delatin",
        best_s["ours"] / (best_s["bare"] + best_s["reading"]),
    )
    yield (
        "trackflow without reading, times bare Delatin",
        (best_s["ours"] - best_s["reading"]) / best_s["bare"],
    )


def _sizes(file: str, side: int, limit_m: float) -> Iterator[tuple[str, float | int]]:
    whole = grid_of(read_raster(real_image(file), file), file, MeshParameters())
    heights_m = np.ascontiguousarray(whole.heights_m[:side, :side])
    surface = terrain_of(grid_from(heights_m), limit_m).surface
    ours = _tin_of(surface, side)
    error_m = _error_m(ours, heights_m)
    yield "measured error, m", error_m
    for name, tin in {
        "trackflow": ours,
        "pydelatin": _delatin(heights_m, error_m),
        "pymartini": _martini(heights_m, error_m),
        "plain grid": _plain(heights_m, error_m),
    }.items():
        assert _error_m(tin, heights_m) <= error_m, name
        body = Triangles(_places(tin, heights_m), tin.faces)
        yield f"{name}, triangles", len(tin.faces)
        yield f"{name}, bytes", len(glb.write(Scene([body])))
    bare = Triangles(_places(ours, heights_m), ours.faces)
    yield "trackflow with Draco, bytes", len(draco.write(Scene([bare], error_m=limit_m)))


def _tin_of(surface: Triangles, side: int) -> Tin:
    x, y, _ = np.round(surface.vertices + (side - 1) / 2).astype(np.int64).T
    return Tin(side - 1 - y, x, surface.faces)


def _places(tin: Tin, heights_m: HeightArray) -> Any:
    return np.column_stack([tin.columns, -tin.rows, heights_m[tin.rows, tin.columns]]).astype(float)


def _error_m(tin: Tin, heights_m: HeightArray) -> float:
    return float(errors_on_pixels(tin, heights_m).max())


def _delatin(heights_m: HeightArray, error_m: float) -> Tin:
    found = Delatin(heights_m, max_error=error_m * (1 - 1e-6))
    x, y, _ = found.vertices.astype(np.int64).T
    return Tin(len(heights_m) - 1 - y, x, found.triangles)


def _martini(heights_m: HeightArray, error_m: float) -> Tin:
    tile = Martini(len(heights_m)).create_tile(np.ascontiguousarray(heights_m))

    def at(limit_m: float) -> Tin:
        vertices, faces = tile.get_mesh(max_error=limit_m)
        columns, rows = np.asarray(vertices, dtype=np.int64).reshape(-1, 2).T
        faces = np.asarray(faces, dtype=np.uint32).reshape(-1, 3)
        corner_r, corner_c = rows[faces], columns[faces]
        turn = (corner_c[:, 1] - corner_c[:, 0]) * (corner_r[:, 2] - corner_r[:, 0])
        turn -= (corner_c[:, 2] - corner_c[:, 0]) * (corner_r[:, 1] - corner_r[:, 0])
        faces[turn > 0] = faces[turn > 0][:, ::-1]  # counter-clockwise as seen from above
        return Tin(rows, columns, faces)

    low_m, high_m = 0.0, 2 * error_m
    for _ in range(12):
        middle_m = (low_m + high_m) / 2
        if _error_m(at(middle_m), heights_m) <= error_m:
            low_m = middle_m
        else:
            high_m = middle_m
    return at(low_m)


def _plain(heights_m: HeightArray, error_m: float) -> Tin:
    step = len(heights_m) - 1
    while step > 1 and _error_m(_every(heights_m, step), heights_m) > error_m:
        step //= 2
    return _every(heights_m, step)


def _every(heights_m: HeightArray, step: int) -> Tin:
    lines = np.arange(0, len(heights_m), step)
    rows, columns = (of.ravel() for of in np.meshgrid(lines, lines, indexing="ij"))
    at = np.arange(len(rows), dtype=np.uint32).reshape(len(lines), len(lines))
    nw, ne, sw, se = (a.ravel() for a in (at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]))
    faces = np.concatenate([np.column_stack([nw, sw, ne]), np.column_stack([ne, sw, se])])
    return Tin(rows, columns, faces)


_ALONE = """
import sys
from pathlib import Path
from trackflow.meshes.generate import generate
from trackflow.meshes.parameters import MeshParameters
if len(sys.argv) > 1:
    generate(Path(sys.argv[1]).read_bytes(), sys.argv[1], MeshParameters(max_error_m=10))
print(Path("/proc/self/status").read_text())
"""


def _peak_mb(*files: str) -> int:
    """Of a process that makes these meshes; a process's usage would have its parent's in it."""
    command = [sys.executable, "-c", _ALONE, *(str(FOLDER / file) for file in files)]
    status = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return round(int(line.split()[1]) / 1024)
