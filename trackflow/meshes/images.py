"""Reads images; told from their content, never from their name."""

import numpy as np

from trackflow.errors import BadInputError
from trackflow.meshes.height_maps.encodings import heights_of, told_encoding
from trackflow.meshes.height_maps.geotiff import is_tiff, read_geotiff
from trackflow.meshes.height_maps.ground import tile_pixel_m
from trackflow.meshes.height_maps.hgt import is_hgt, read_hgt
from trackflow.meshes.height_maps.packed import unpacked
from trackflow.meshes.height_maps.picture import read_picture
from trackflow.meshes.height_maps.raster import Ground, Raster
from trackflow.meshes.heights import HeightGrid
from trackflow.meshes.parameters import HeightEncoding, MeshKind, MeshParameters
from trackflow.meshes.voids import fill_voids

_SILHOUETTE_SHARE = 0.98
"""So many pixels of a silhouette are fully dark or fully light; its edges may be soft."""


def read_raster(image: bytes, name: str) -> Raster:
    """The pixels of an image, packed or not.

    Raises:
        BadInputError: it cannot be read.
    """
    if not image:
        raise BadInputError(f"{name} is empty")
    content, own_name = unpacked(image, name)
    if is_tiff(content):
        raster = read_geotiff(content, own_name)
        if raster:
            return raster
    elif is_hgt(content) and not _is_picture(content):
        return read_hgt(content, own_name)
    return read_picture(content, own_name)


def _is_picture(image: bytes) -> bool:
    """A picture may happen to have the size of an SRTM tile."""
    return image.startswith((b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"BM", b"P5", b"P6"))


def kind_of(raster: Raster) -> MeshKind:
    """What an image is most probably meant for: an outline where it has two levels only."""
    if raster.is_metres or raster.bands.dtype != np.uint8:
        return MeshKind.TERRAIN
    if raster.alpha is not None and told_encoding(raster) == HeightEncoding.GREY:
        return MeshKind.OUTLINE
    if raster.bands.shape[2] == 1:
        grey = raster.bands
        ends = np.mean(grey < 16), np.mean(grey > 239)
        if min(ends) > 0 and sum(ends) >= _SILHOUETTE_SHARE:
            return MeshKind.OUTLINE
    return MeshKind.TERRAIN


def grid_of(raster: Raster, name: str, parameters: MeshParameters) -> HeightGrid:
    """The heights of an image that has been read, its voids filled.

    Raises:
        BadInputError: its values are no heights.
    """
    rows, columns = raster.bands.shape[:2]
    if min(rows, columns) < 2:
        raise BadInputError(
            f"{name} has {columns} x {rows} pixels: a terrain needs two rows and two columns"
        )
    decoded = heights_of(raster, parameters, name)
    heights_m, notes = decoded.heights_m, [*raster.notes, *decoded.notes]
    voids = np.isnan(heights_m)
    void_count = int(np.count_nonzero(voids))
    if void_count == heights_m.size:
        raise BadInputError(f"{name} has no height anywhere: all its pixels are voids")
    if void_count:
        notes.append(f"{void_count:,} pixels without a height were filled from those around them")
        heights_m = fill_voids(heights_m)
    unknown_pixel_m = tile_pixel_m(heights_m) if decoded.is_tile else 1.0
    ground = _ground(raster, parameters, columns, unknown_pixel_m, notes)
    if parameters.vertical_scale != 1.0:
        heights_m = (heights_m * np.float64(parameters.vertical_scale)).astype(np.float32)
    return HeightGrid(
        np.ascontiguousarray(heights_m),
        ground.pixel_width_m,
        ground.pixel_height_m,
        ground.georeference,
        void_count,
        tuple(notes),
        voids if void_count else None,
    )


def _ground(
    raster: Raster,
    parameters: MeshParameters,
    columns: int,
    unknown_pixel_m: float,
    notes: list[str],
) -> Ground:
    """The size of pixels; what was assumed is added to the notes.

    Args:
        raster: the image.
        parameters: what is asked.
        columns: of the image.
        unknown_pixel_m: size of pixels where neither says it.
        notes: for people.
    """
    ground = raster.ground
    if ground is None:
        if parameters.width_m is None:
            size = "a metre" if unknown_pixel_m == 1.0 else f"{unknown_pixel_m:.1f} m"
            why = "" if unknown_pixel_m == 1.0 else ", as its slopes suggest; width_m sets the size"
            notes.append(f"it does not say how large it is: a pixel is {size}{why}")
        ground = Ground(unknown_pixel_m, unknown_pixel_m)
    if parameters.width_m is None:
        return ground
    factor = parameters.width_m / ((columns - 1) * ground.pixel_width_m)
    return Ground(
        ground.pixel_width_m * factor, ground.pixel_height_m * factor, ground.georeference
    )
