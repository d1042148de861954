"""A picture of a mesh: seen from the south and above, lit from the upper left, no background."""

import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trackflow.meshes.normals import face_vectors
from trackflow.meshes.rasteriser import Screen, seen_triangles
from trackflow.meshes.scene import colour_of, linear_colour
from trackflow.meshes.triangles import Triangles

type Floats = NDArray[np.float64]

SIZE_PX = 512

_SAMPLES = 2
"""Samples to a pixel's side: their mean smooths the edges."""

_TURN_DEG, _ELEVATION_DEG = -18.0, 42.0
_MARGIN = 0.03
_LIGHT = np.array([-0.55, 0.35, 0.76])
_LIGHT /= np.linalg.norm(_LIGHT)
_AMBIENT, _SKY, _DIRECT = 0.2, 0.26, 0.86
_LOW_SHADE, _HIGH_SHADE = 0.78, 1.14
"""Low ground is a little darker than high ground, so that heights show where slopes do not."""


def thumbnail_of(bodies: Sequence[Triangles]) -> bytes:
    """A PNG of 512 by 512 pixels with transparency."""
    samples = SIZE_PX * _SAMPLES
    screens = _fitted([_turned(body.vertices) for body in bodies], samples)
    counts = np.cumsum([0, *(len(body.vertices) for body in bodies)])
    faces = np.concatenate(
        [body.faces + first for body, first in zip(bodies, counts[:-1], strict=True)]
    ).astype(np.uint32)
    nearest = seen_triangles(np.concatenate(screens), faces, samples)
    colours = np.concatenate([_face_colours(body) for body in bodies])
    light = np.zeros((len(colours) + 1, 4), dtype=np.float32)  # the last one is that of no triangle
    light[:-1, :3], light[:-1, 3] = colours, 1
    total = np.zeros((SIZE_PX, SIZE_PX, 4), dtype=np.float32)
    for row in range(_SAMPLES):
        for column in range(_SAMPLES):
            total += light[nearest[row::_SAMPLES, column::_SAMPLES]]
    return _png(total / np.float32(_SAMPLES**2))


def _turned(vertices: Floats) -> Screen:
    """Vertices as seen by the viewer: x to the right, y down, depth towards the viewer."""
    turn, tilt = math.radians(_TURN_DEG), math.radians(_ELEVATION_DEG)
    x = vertices[:, 0] * math.cos(turn) - vertices[:, 1] * math.sin(turn)
    y = vertices[:, 0] * math.sin(turn) + vertices[:, 1] * math.cos(turn)
    z = vertices[:, 2]
    up = y * math.sin(tilt) + z * math.cos(tilt)
    towards = z * math.sin(tilt) - y * math.cos(tilt)
    return np.column_stack([x, -up, towards])


def _fitted(screens: Sequence[Screen], size: int) -> list[Screen]:
    """The same, scaled and moved so that all of it is seen, in the middle."""
    together = np.concatenate(screens)
    low, high = together.min(axis=0), together.max(axis=0)
    scale = size * (1 - 2 * _MARGIN) / max(float((high - low)[:2].max()), 1e-12)
    middle = (low + high) / 2
    return [(screen - middle) * scale + (size / 2, size / 2, 0.0) for screen in screens]


def _face_colours(body: Triangles) -> Floats:
    """Light that each triangle gives back, red, green and blue; shape (m, 3)."""
    vectors = face_vectors(body)
    normals = vectors / np.maximum(np.linalg.norm(vectors, axis=1), 1e-300)[:, None]
    direct = np.maximum(normals @ _LIGHT, 0.0)
    sky = (normals[:, 2] + 1) / 2
    light = _AMBIENT + _SKY * sky + _DIRECT * direct
    heights = body.vertices[:, 2][body.faces].mean(axis=1)
    low, high = float(heights.min()), float(heights.max())
    share = (heights - low) / (high - low) if high > low else np.ones(len(heights))
    shade = _LOW_SHADE + (_HIGH_SHADE - _LOW_SHADE) * share
    return np.outer(light * shade, linear_colour(colour_of(body)))


def _png(means: NDArray[np.float32]) -> bytes:
    """A picture from the light and opacity of each pixel."""
    opacity = means[:, :, 3:]
    light = np.clip(means[:, :, :3] / np.maximum(opacity, 1e-9), 0, 1)
    shown = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    bytes_shown = np.concatenate([shown, opacity], axis=2) * 255
    file = io.BytesIO()
    Image.fromarray(bytes_shown.round().astype(np.uint8), "RGBA").save(file, "PNG", optimize=False)
    return file.getvalue()
