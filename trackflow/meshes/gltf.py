"""glTF 2.0: the parts that its plain and its compressed files share.

Metres, Y up: x stays east, z becomes y, and z points south. A body without normals is written
without: glTF then demands a flat shade for each triangle, which is what a body with sharp edges
needs, and its triangles still share their corners, so that it is closed for who reads it.
"""

import dataclasses
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from trackflow.meshes.scene import Scene, colour_of, facts_of, linear_colour
from trackflow.meshes.triangles import Triangles, extent_of

_FLOAT, _UNSIGNED_INT, _UNSIGNED_SHORT = 5126, 5125, 5123
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_LINEAR, _LINEAR_MIPMAP_LINEAR, _CLAMP_TO_EDGE = 9729, 9987, 33071
_GLB_MAGIC, _GLB_VERSION, _JSON_CHUNK, _BINARY_CHUNK = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3"}

type Array = NDArray[np.generic]


class Gltf:
    """A file in the making: its JSON document and its binary part.

    Attributes:
        bodies: those to write; without a picture they have no places on it.
    """

    def __init__(self, scene: Scene) -> None:
        self.chunks: list[bytes] = []
        self.length = 0
        facts = facts_of(scene)
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "trackflow", "extras": facts},
            "scene": 0,
            "scenes": [{"nodes": list(range(len(scene.bodies))), "extras": facts}],
            "nodes": [{"mesh": n, "name": body.name} for n, body in enumerate(scene.bodies)],
            "meshes": [],
            "materials": [],
            "accessors": [],
            "bufferViews": [],
        }
        picture = scene.texture_png
        self.bodies = [
            body if picture else dataclasses.replace(body, uv=None) for body in scene.bodies
        ]
        if picture and any(body.uv is not None for body in scene.bodies):
            view = self.add_view(picture)
            self.document |= {
                "images": [{"bufferView": view, "mimeType": "image/png", "name": "texture"}],
                "samplers": [
                    {
                        "magFilter": _LINEAR,
                        "minFilter": _LINEAR_MIPMAP_LINEAR,
                        "wrapS": _CLAMP_TO_EDGE,
                        "wrapT": _CLAMP_TO_EDGE,
                    }
                ],
                "textures": [{"sampler": 0, "source": 0}],
            }

    def add_view(self, data: bytes, target: int | None = None) -> int:
        """Append binary data; returns the index of its view."""
        padding = -self.length % 4
        self.chunks += [b"\0" * padding, data]
        view = {"buffer": 0, "byteOffset": self.length + padding, "byteLength": len(data)}
        self.length += padding + len(data)
        self.document["bufferViews"].append(view | ({"target": target} if target else {}))
        return len(self.document["bufferViews"]) - 1

    def add_accessor(self, array: Array, *, is_compressed: bool, **more: Any) -> int:
        """Describe an array, and append its data unless that lies compressed elsewhere.

        Args:
            array: of float32, uint16 or uint32; shape (n,) or (n, components).
            is_compressed: whether its data are elsewhere.
            more: further members of the accessor.
        """
        components = array.shape[1] if array.ndim == 2 else 1
        kinds = {"float32": _FLOAT, "uint32": _UNSIGNED_INT, "uint16": _UNSIGNED_SHORT}
        accessor: dict[str, Any] = {
            "componentType": kinds[array.dtype.name],
            "count": len(array),
            "type": _TYPES[components],
            **more,
        }
        if not is_compressed:
            target = _ELEMENT_ARRAY_BUFFER if components == 1 else _ARRAY_BUFFER
            accessor["bufferView"] = self.add_view(array.tobytes(), target)
        self.document["accessors"].append(accessor)
        return len(self.document["accessors"]) - 1

    def add_mesh(self, body: Triangles, arrays: "Arrays", extensions: dict[str, Any]) -> None:
        """Append a body.

        Args:
            body: its name and colour are used, and whether it has a picture.
            arrays: what is written of it.
            extensions: of the primitive; where there are any, they hold the data.
        """
        is_compressed = bool(extensions)
        attributes = {}
        for name, array in arrays.attributes.items():
            more = {}
            if name == "POSITION":
                more = dict(zip(("min", "max"), extent_of(array), strict=True))
            attributes[name] = self.add_accessor(array, is_compressed=is_compressed, **more)
        primitive: dict[str, Any] = {
            "attributes": attributes,
            "indices": self.add_accessor(arrays.indices, is_compressed=is_compressed),
            "material": len(self.document["materials"]),
        }
        if extensions:
            primitive["extensions"] = extensions
        self.document["materials"].append(self._material(body))
        self.document["meshes"].append({"name": body.name, "primitives": [primitive]})

    def _material(self, body: Triangles) -> dict[str, Any]:
        surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 0.9}
        if body.uv is not None:
            surface["baseColorTexture"] = {"index": 0}
        else:
            surface["baseColorFactor"] = [*linear_colour(colour_of(body)), 1.0]
        # an open surface can be seen from below
        return {"name": body.name, "pbrMetallicRoughness": surface, "doubleSided": True}

    def to_glb(self, extensions: Sequence[str] = ()) -> bytes:
        """The whole file.

        Args:
            extensions: names of extensions without which it cannot be read.
        """
        document = self.document
        if extensions:
            document |= {
                "extensionsUsed": list(extensions),
                "extensionsRequired": list(extensions),
            }
        binary = b"".join(self.chunks)
        binary += b"\0" * (-len(binary) % 4)
        document["buffers"] = [{"byteLength": len(binary)}]
        text = orjson.dumps(document)
        text += b" " * (-len(text) % 4)
        length = 12 + 8 + len(text) + 8 + len(binary)
        return b"".join(
            [
                struct.pack("<III", _GLB_MAGIC, _GLB_VERSION, length),
                struct.pack("<II", len(text), _JSON_CHUNK),
                text,
                struct.pack("<II", len(binary), _BINARY_CHUNK),
                binary,
            ]
        )


class Arrays:
    """What glTF holds of a body: attributes by name, and three indices per triangle."""

    def __init__(self, attributes: dict[str, NDArray[np.float32]], indices: Array) -> None:
        self.attributes = attributes
        self.indices = indices


def arrays_of(body: Triangles) -> Arrays:
    """A body's arrays, Y up."""
    attributes = {"POSITION": y_up(body.vertices)}
    if body.normals is not None:
        attributes["NORMAL"] = y_up(body.normals)
    if body.uv is not None:
        attributes["TEXCOORD_0"] = np.ascontiguousarray(body.uv, dtype=np.float32)
    # 65,535 marks the end of a strip
    kind = np.uint16 if len(body.vertices) < 65_535 else np.uint32
    return Arrays(attributes, body.faces.ravel().astype(kind))


def y_up(vectors: NDArray[np.float64] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors of x east, y north, z up as x east, y up, z south; shape (n, 3)."""
    turned = np.empty(vectors.shape, dtype=np.float32)
    turned[:, 0] = vectors[:, 0]
    turned[:, 1] = vectors[:, 2]
    turned[:, 2] = -vectors[:, 1]
    return turned
