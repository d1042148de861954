"""The demo's terrain: invented hills below a vehicle's longest track, and the track on them.

Nothing is fetched, so the heights are made up: Helsinki is flatter. The same place gives the same
hills.
"""

from collections.abc import Sequence

import numpy as np

from trackflow.context import Context
from trackflow.geo.bbox import Bbox
from trackflow.geo.distance import METRES_PER_DEGREE, step_m
from trackflow.geo.points import Floats
from trackflow.usecases.meshes.control import Mesh, read_mesh
from trackflow.usecases.meshes.draping import with_lines
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.tools import child_generator
from trackflow.usecases.queries.track_lines import TrackLine

NAME = "invented hills.tif"

PIXELS = 256
PADDING = 0.12
"""Share of the track's extent that is added on each side."""

HEIGHTS_M = (4.0, 80.0)
ROUGHNESS = 2.2
"""Exponent of the spectrum: natural ground has about 1.8; more is smoother."""

LONGEST_WAVE = 2.0
"""Waves to the width of the map; longer ones are left out, so that there are several hills."""

SEED = 1

PARAMETERS = {"max_error_m": 2.0, "vertical_scale": 3.0, "texture": "hillshade"}


def make_terrain(context: Context, lines: Sequence[TrackLine]) -> Mesh:
    """Make the terrain of the longest of these lines, with the line on it."""
    longest = max(lines, key=lambda line: float(step_m(line.lon, line.lat).sum()))
    image = geotiff(hills(PIXELS), box_around(longest))
    wanted = with_lines(PARAMETERS, [longest])
    request = MeshRequest(image=image, name=NAME, parameters=wanted, wants_notice=False)
    mesh = request_mesh(context, request)
    generator = child_generator(context.settings, workers=1)
    try:
        run_due_meshes(context, generator, mesh_id=mesh.mesh_id)
    finally:
        generator.close()
    return read_mesh(context, mesh.mesh_id)


def box_around(line: TrackLine) -> Bbox:
    """A box around a line that is square on the ground."""
    west, east = float(line.lon.min()), float(line.lon.max())
    south, north = float(line.lat.min()), float(line.lat.max())
    lon, lat = (west + east) / 2, (south + north) / 2
    shrink = float(np.cos(np.radians(lat)))
    widest_m = max((east - west) * shrink, north - south) * METRES_PER_DEGREE
    half = max(widest_m, 500.0) * (0.5 + PADDING) / METRES_PER_DEGREE
    return Bbox(lon - half / shrink, lat - half, lon + half / shrink, lat + half)


def hills(size: int) -> Floats:
    """Heights in metres, of as many rows and columns: noise whose long waves are the high ones."""
    noise = np.random.default_rng(SEED).standard_normal((size, size))
    waves = np.hypot(*np.meshgrid(*[np.fft.fftfreq(size) * size] * 2))
    amplitude = np.maximum(waves, LONGEST_WAVE) ** -ROUGHNESS * (waves > 0)
    rough = np.fft.ifft2(np.fft.fft2(noise) * amplitude).real
    low_m, high_m = HEIGHTS_M
    share = (rough - rough.min()) / np.ptp(rough)
    return low_m + share**1.3 * (high_m - low_m)


def geotiff(heights_m: Floats, box: Bbox) -> bytes:
    """Heights as a GeoTIFF in WGS 84, the northern row first."""
    # GDAL takes a second to load: only where a terrain is made
    import rasterio
    from rasterio.io import MemoryFile

    rows, columns = heights_m.shape
    with MemoryFile() as file:
        with file.open(
            driver="GTiff",
            width=columns,
            height=rows,
            count=1,
            dtype="float32",
            crs="EPSG:4326",
            transform=rasterio.transform.from_bounds(*box, columns, rows),
            compress="deflate",
        ) as dataset:
            dataset.write(heights_m.astype(np.float32), 1)
        return bytes(file.read())
