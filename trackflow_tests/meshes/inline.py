"""Makes meshes in the test's own process: faster than child processes, and nothing limits it."""

from collections.abc import Callable

from trackflow.errors import StoppedError
from trackflow.meshes.generate import GENERATOR_VERSION, GeneratedMesh, generate
from trackflow.meshes.parameters import MeshParameters
from trackflow.meshes.report import OnProgress


class InlineGenerator:
    """The generator itself, without child processes; it stops only between its steps."""

    @property
    def version(self) -> str:
        """Changes whenever the same image and parameters may give another mesh."""
        return GENERATOR_VERSION

    def generate(
        self,
        image: bytes,
        name: str,
        parameters: MeshParameters,
        *,
        on_progress: OnProgress = lambda _share, _step: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> GeneratedMesh:
        """Make a mesh.

        Args:
            image: a file of any supported format.
            name: its name, for messages.
            parameters: what is asked.
            on_progress: called as the work goes on.
            is_cancelled: asked before each step; true ends the work.

        Raises:
            BadInputError: the image or the parameters make no sense.
            StoppedError: it was cancelled.
        """

        def step(share: float, begins: str) -> None:
            if is_cancelled():
                raise StoppedError(f"the mesh of {name} was cancelled")
            on_progress(share, begins)

        return generate(image, name, parameters, step)

    def close(self) -> None:
        """There is nothing to close."""
