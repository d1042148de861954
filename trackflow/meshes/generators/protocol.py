"""What a use case asks of a mesh generator, the same in child processes and over HTTP."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from trackflow.meshes.parameters import MeshParameters
from trackflow.meshes.report import OnProgress

if TYPE_CHECKING:
    # it takes a second to load, and a process that only asks a service needs none of it
    from trackflow.meshes.generate import GeneratedMesh


class MeshGenerator(Protocol):
    """Makes one mesh at a time per call; calls may come from several threads."""

    @property
    def version(self) -> str:
        """Changes whenever the same image and parameters may give another mesh."""

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
            image: a file of any supported format.
            name: its name, for messages.
            parameters: what is asked.
            on_progress: called as the work goes on.
            is_cancelled: asked now and then; true ends the work.

        Raises:
            BadInputError: the image or the parameters make no sense, or are beyond a limit of
                pixels, memory or time: no retry helps.
            MeshServiceUnavailableError: the service is away or too slow: a retry may help.
            MeshServiceError: the service failed: a few retries may help.
            StoppedError: it was cancelled.
        """

    def close(self) -> None:
        """End child processes and connections."""
