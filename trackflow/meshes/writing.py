"""The file formats of meshes, found in their folder."""

import importlib
import pkgutil
from typing import Protocol, cast

from trackflow.meshes import formats
from trackflow.meshes.scene import Scene


class MeshWriter(Protocol):
    """Writes one file format; equal scenes give equal bytes."""

    ENDING: str
    """The ending of its files' names, with its dot; no other format has it."""

    IS_FOR_PRINTING: bool
    """Whether it holds closed bodies in millimetres, and not what a viewer shows, in metres."""

    def write(self, scene: Scene) -> bytes:
        """The bytes of a file."""
        ...


def _found() -> dict[str, MeshWriter]:
    names = sorted(module.name for module in pkgutil.iter_modules(formats.__path__))
    return {
        name: cast(MeshWriter, importlib.import_module(f"{formats.__name__}.{name}"))
        for name in names
    }


WRITERS: dict[str, MeshWriter] = _found()
"""By the name of their module: glb, draco, stl, threemf, obj."""
