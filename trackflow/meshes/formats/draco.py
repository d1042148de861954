"""GLB with triangles compressed by Draco (KHR_draco_mesh_compression): a fraction of the size.

Viewers need a decoder for it, and none can be read without: so it is a file of its own beside the
plain one.
"""

import math

import DracoPy
import numpy as np
from numpy.typing import NDArray

from trackflow.meshes.gltf import Arrays, Gltf, arrays_of
from trackflow.meshes.scene import Scene
from trackflow.meshes.triangles import Triangles

ENDING = ".draco.glb"
IS_FOR_PRINTING = False

_EXTENSION = "KHR_draco_mesh_compression"
_ERROR_SHARE = 1 / 64
"""Rounding moves a vertex along each axis by this share of the mesh's error at most."""

_FEWEST_BITS, _MOST_BITS = 11, 22
"""More would cost memory: the encoder counts each of the values that are possible."""

_NORMAL_BITS, _TEXTURE_BITS = 8, 14
_COMPRESSION_LEVEL = 7


def write(scene: Scene) -> bytes:
    """A file with one mesh per body."""
    gltf = Gltf(scene)
    for body in gltf.bodies:
        data = compressed(body, scene.error_m)
        decoded, attribute_ids = _decoded(data)
        view = gltf.add_view(data)
        extension = {"bufferView": view, "attributes": attribute_ids}
        gltf.add_mesh(body, decoded, extensions={_EXTENSION: extension})
    return gltf.to_glb([_EXTENSION])


def position_bits(vertices: NDArray[np.float32] | NDArray[np.float64], error_m: float) -> int:
    """How many bits a coordinate needs for a mesh that lies so far from its image at most."""
    range_m = float(np.ptp(vertices, axis=0).max())
    step_m = 2 * _ERROR_SHARE * error_m
    if step_m <= 0 or range_m <= 0:
        return _MOST_BITS if range_m > 0 else _FEWEST_BITS
    bits = math.ceil(math.log2(range_m / step_m + 1))
    return min(max(bits, _FEWEST_BITS), _MOST_BITS)


def compressed(body: Triangles, error_m: float) -> bytes:
    """A body as a Draco bit stream, Y up."""
    arrays = arrays_of(body)
    return DracoPy.encode(  # type: ignore[no-any-return]
        arrays.attributes["POSITION"],
        arrays.indices.astype(np.uint32).reshape(-1, 3),
        quantization_bits=position_bits(body.vertices, error_m),
        compression_level=_COMPRESSION_LEVEL,
        normals=_float64(arrays.attributes.get("NORMAL")),
        tex_coord=_float64(arrays.attributes.get("TEXCOORD_0")),
        normal_quantization_bits=_NORMAL_BITS,
        tex_coord_quantization_bits=_TEXTURE_BITS,
    )


def _float64(array: NDArray[np.float32] | None) -> NDArray[np.float64] | None:
    """DracoPy refuses float32 for all but positions."""
    return None if array is None else array.astype(np.float64)


def _decoded(data: bytes) -> tuple[Arrays, dict[str, int]]:
    """What a decoder will find, which may be other vertices, in another order; and where."""
    mesh = DracoPy.decode(data)
    names = {
        DracoPy.AttributeType.POSITION: "POSITION",
        DracoPy.AttributeType.NORMAL: "NORMAL",
        DracoPy.AttributeType.TEX_COORD: "TEXCOORD_0",
    }
    attributes, attribute_ids = {}, {}
    for attribute in mesh.attributes:
        name = names[attribute["attribute_type"]]
        attributes[name] = np.asarray(attribute["data"], dtype=np.float32)
        attribute_ids[name] = int(attribute["unique_id"])
    return Arrays(attributes, np.asarray(mesh.faces, dtype=np.uint32).ravel()), attribute_ids
