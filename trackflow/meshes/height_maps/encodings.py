"""Heights from pixels: metres as they are, grey between two heights, Terrarium and Terrain-RGB.

The two encodings are told apart by range alone: on the earth, Terrarium's red lies from 81 to 163
and that of Terrain-RGB from 0 to 2, so that the wrong one gives heights of hundreds of kilometres.
A photograph whose red happens to lie there is known by its steps: where red or green changes, an
encoding's lower channel jumps back by its whole range, while a picture's does not.

Terrarium: https://github.com/tilezen/joerd/blob/master/docs/formats.md
Terrain-RGB: https://docs.mapbox.com/data/tilesets/reference/mapbox-terrain-rgb-v1/
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackflow.errors import BadInputError
from trackflow.meshes.height_maps.raster import Raster
from trackflow.meshes.heights import HIGHEST_M, LOWEST_M, HeightArray
from trackflow.meshes.parameters import HeightEncoding, MeshParameters

_MIN_SHARE = 0.5
"""So many pixels must be heights on the earth; the others are voids."""

_MAX_STEPS = 100.0
"""Mean step of the heights in mean steps of the lowest channel. Encoded heights have 1, in the
steepest tiles of the whole earth up to 40; pictures have 256."""

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
_USUAL_VOID_M = -9999.0


@dataclass(frozen=True, slots=True, eq=False)
class DecodedHeights:
    """Heights with NaN in voids, what was assumed, and whether they are those of a map tile."""

    heights_m: HeightArray
    notes: tuple[str, ...] = ()
    is_tile: bool = False


def heights_of(raster: Raster, parameters: MeshParameters, name: str) -> DecodedHeights:
    """The heights in an image.

    Raises:
        BadInputError: the values are no heights, or not in the encoding that is asked for.
    """
    decoded = _decoded(raster, parameters, name)
    heights_m = decoded.heights_m
    if raster.voids is not None and not raster.is_metres:
        heights_m[raster.voids] = np.nan
    if raster.alpha is not None:
        heights_m[raster.alpha == 0] = np.nan
    return decoded


def told_encoding(raster: Raster) -> HeightEncoding:
    """The encoding that the values speak for."""
    seen = _encoding_seen(raster)
    return seen.encoding if seen else HeightEncoding.GREY


@dataclass(frozen=True, slots=True, eq=False)
class _Encoded:
    """Heights by an encoding, NaN where they cannot be heights on the earth."""

    encoding: HeightEncoding
    heights_m: HeightArray


def _encoding_seen(raster: Raster) -> _Encoded | None:
    """The heights in the encoding that the values speak for; None: they are grey or metres."""
    if raster.bands.shape[2] != 3 or raster.bands.dtype != np.uint8:
        return None
    read = (_read_as(raster, e) for e in (HeightEncoding.TERRARIUM, HeightEncoding.TERRAIN_RGB))
    return next((heights for heights in read if heights), None)


def _decoded(raster: Raster, parameters: MeshParameters, name: str) -> DecodedHeights:
    found, asked = _encoding_seen(raster), parameters.encoding
    seen = found.encoding if found else HeightEncoding.GREY
    if asked and asked != seen:
        raise BadInputError(f"{name}: {_problem(asked, seen)}")
    if found:
        title = "Terrarium" if seen == HeightEncoding.TERRARIUM else "Terrain-RGB"
        notes = () if asked else (f"its values are {title} heights",)
        return DecodedHeights(found.heights_m, notes, is_tile=True)
    if raster.is_metres and not (asked and _is_stretchable(raster.bands)):
        return _metres(raster, name)
    return _grey(raster, parameters)


def _problem(asked: HeightEncoding, seen: HeightEncoding) -> str:
    """Why a setting cannot be followed."""
    if seen == HeightEncoding.GREY:
        return (
            f"its values are not {asked}, they would give spikes; set encoding grey, or none (a "
            "tile that was saved as JPEG or lossy WebP has lost its heights: send it as PNG)"
        )
    return f"its values look like {seen}, read as {asked} they give spikes; set encoding {seen}"


def _read_as(raster: Raster, encoding: HeightEncoding) -> _Encoded | None:
    """The heights in an encoding; None where the values do not fit it."""
    red, green, blue = (raster.bands[:, :, k].astype(np.float32) for k in range(3))
    number = red * 65536 + green * 256 + blue  # 24 bits, which 32-bit floats hold exactly
    is_terrarium = encoding == HeightEncoding.TERRARIUM
    zero, step = (32768 * 256, 256) if is_terrarium else (100_000, 10)
    heights_m: HeightArray = ((number - zero) / np.float32(step)).astype(np.float32)
    is_height = (heights_m >= LOWEST_M) & (heights_m <= HIGHEST_M)
    is_height &= number > 0  # black: both encodings' usual mark for a void
    if raster.alpha is not None:
        is_height &= raster.alpha > 0
    if np.mean(is_height) < _MIN_SHARE:
        return None
    channel, step_m = (green, 1.0) if is_terrarium else (blue, 0.1)
    if _mean_step(heights_m, is_height) > _MAX_STEPS * step_m * _mean_step(channel, is_height):
        return None
    heights_m[~is_height] = np.nan
    return _Encoded(encoding, heights_m)


def _mean_step(values: HeightArray, known: NDArray[np.bool_]) -> float:
    """Mean difference between neighbours in a row and in a column, both being known."""
    along = np.abs(np.diff(values, axis=1))[known[:, 1:] & known[:, :-1]]
    across = np.abs(np.diff(values, axis=0))[known[1:] & known[:-1]]
    count = along.size + across.size
    return float(along.sum(dtype=np.float64) + across.sum(dtype=np.float64)) / max(count, 1)


def _is_stretchable(bands: NDArray[Any]) -> bool:
    """Whether values can be shares of black and white: whole numbers from 0, or 0 to 1."""
    if bands.dtype in (np.uint8, np.uint16):
        return True
    return bool(np.nanmin(bands) >= 0 and np.nanmax(bands) <= 1)


def _grey(raster: Raster, parameters: MeshParameters) -> DecodedHeights:
    notes = []
    if raster.bands.shape[2] == 3:
        notes.append("its colours are read as heights by their brightness")
    low_m, high_m = parameters.low_m, parameters.high_m
    notes.append(f"black is {low_m:g} m, white is {high_m:g} m")
    heights_m = low_m + brightness_of(raster) * np.float32(high_m - low_m)
    return DecodedHeights(heights_m, tuple(notes))


def brightness_of(raster: Raster) -> HeightArray:
    """How bright each pixel is, from 0 to 1."""
    bands = raster.bands.astype(np.float32)
    white = np.iinfo(raster.bands.dtype).max if raster.bands.dtype.kind == "u" else 1
    grey = bands @ _LUMA if bands.shape[2] == 3 else bands[:, :, 0]
    brightness: HeightArray = grey / np.float32(white)
    return brightness


def _metres(raster: Raster, name: str) -> DecodedHeights:
    with np.errstate(over="ignore", invalid="ignore"):
        heights_m = raster.bands[:, :, 0].astype(np.float32)
    if raster.voids is not None:
        heights_m[raster.voids] = np.nan
    low_m, high_m = float(np.fmin.reduce(heights_m, None)), float(np.fmax.reduce(heights_m, None))
    count, notes = 0, []
    if low_m < LOWEST_M or high_m > HIGHEST_M or low_m == _USUAL_VOID_M:
        count, low_m, high_m = _without_marks(heights_m, name)
    if count:
        notes.append(f"{count:,} values that are no heights on the earth are read as voids")
    if low_m >= 0 and high_m <= 1 and raster.ground is None:
        notes.append(
            "heights are read as metres; if they are shares from 0 to 1, set encoding grey"
        )
    return DecodedHeights(heights_m, tuple(notes))


def _without_marks(heights_m: HeightArray, name: str) -> tuple[int, float, float]:
    """Turn values that can only mark voids into NaN; how many these are, and the range left."""
    beyond = (heights_m < LOWEST_M) | (heights_m > HIGHEST_M)
    known = heights_m[~beyond & ~np.isnan(heights_m)]
    count = int(np.count_nonzero(beyond))
    if count > known.size:
        raise BadInputError(
            f"{name}: most of its values lie beyond {LOWEST_M:,.0f} to {HIGHEST_M:,.0f} m, so "
            "they are no heights in metres; scale them first"
        )
    if known.size and known.min() == _USUAL_VOID_M and not _has_depths(known):
        beyond |= heights_m == np.float32(_USUAL_VOID_M)
        count = int(np.count_nonzero(beyond))
        known = known[known != np.float32(_USUAL_VOID_M)]
    heights_m[beyond] = np.nan
    return count, float(known.min(initial=np.inf)), float(known.max(initial=-np.inf))


def _has_depths(known: HeightArray) -> bool:
    """Whether there are depths near -9,999 m, so that this is a height and no mark for a void."""
    others = known[known != np.float32(_USUAL_VOID_M)]
    return bool(others.size) and float(others.min()) < _USUAL_VOID_M + 1000
