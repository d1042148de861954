"""Makes the terrain of an image with lines of tracks on it, in this process and at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trackflow.context import Context
from trackflow.meshes.parameters import MeshParameters
from trackflow.meshes.report import OnProgress
from trackflow.store.meshes.meshes import Mesh
from trackflow.usecases.meshes.control import read_mesh
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.queries.track_lines import TrackLine

if TYPE_CHECKING:
    from trackflow.meshes.generate import GeneratedMesh


@dataclass(frozen=True, slots=True)
class DrapingGenerator:
    """Makes terrains with these lines on them; for images that trackflow trusts.

    It has no child processes, and so no limit on memory or time.
    """

    lines: Sequence[TrackLine]
    is_groove: bool = False

    @property
    def version(self) -> str:
        """The version of the generator in this package."""
        from trackflow.meshes.generate import GENERATOR_VERSION

        return GENERATOR_VERSION

    def generate(
        self,
        image: bytes,
        name: str,
        parameters: MeshParameters,
        *,
        on_progress: OnProgress = lambda _share, _step: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> "GeneratedMesh":
        """Make a mesh.

        Args:
            image: a height map that says where it lies.
            name: its name, for messages.
            parameters: what is asked.
            on_progress: called as the work goes on.
            is_cancelled: not asked: it takes a second or two.

        Raises:
            BadInputError: the image cannot be read, or does not say where it lies.
        """
        # triangulation and raster libraries take a second to load: only when meshes are made
        from trackflow.meshes.generate import generate
        from trackflow.meshes.track_parts import TrackLines

        del is_cancelled
        lonlats = [np.column_stack([line.lon, line.lat]) for line in self.lines]
        tracks = TrackLines(lonlats, is_groove=self.is_groove)
        return generate(image, name, parameters, on_progress, tracks)

    def close(self) -> None:
        """Nothing to end."""


def make_draped_terrain(
    context: Context,
    image: bytes,
    name: str,
    lines: Sequence[TrackLine],
    parameters: Mapping[str, Any],
) -> Mesh:
    """Make and store the terrain of an image with lines on it; returns its mesh.

    Args:
        context: the store.
        image: a height map that says where it lies.
        name: of the image, for people.
        lines: of tracks.
        parameters: of the mesh, as JSON.

    Raises:
        BadInputError: the parameters make no sense.
    """
    request = MeshRequest(image=image, name=name, parameters=parameters, wants_notice=False)
    mesh = request_mesh(context, request)
    run_due_meshes(context, DrapingGenerator(lines), mesh_id=mesh.mesh_id)
    return read_mesh(context, mesh.mesh_id)
