"""Small real images, and a generator that fails where it is told to."""

import io
import threading
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from trackflow.meshes.generate import GeneratedMesh
from trackflow.meshes.parameters import MeshParameters
from trackflow.meshes.report import OnProgress
from trackflow_tests.meshes.inline import InlineGenerator

type Trouble = Callable[[], Exception | None]


def hills(seed: int = 0, width: int = 24, height: int = 20) -> bytes:
    """A PNG of a grey landscape; each seed gives another one."""
    phase = np.random.default_rng(seed).uniform(0, 6, 2)
    x = np.cos(np.arange(width) / 5 + phase[0])
    y = np.sin(np.arange(height) / 4 + phase[1])
    out = io.BytesIO()
    Image.fromarray((y[:, None] * x * 100 + 120).astype(np.uint8)).save(out, "png")
    return out.getvalue()


class TroubledGenerator(InlineGenerator):
    """The real generator, with errors for some images by name; it counts the calls."""

    def __init__(
        self, troubles: Mapping[str, Trouble] | None = None, version: str | None = None
    ) -> None:
        self.troubles = dict(troubles or {})
        self.calls: Counter[str] = Counter()
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._version = version

    @property
    def version(self) -> str:
        return self._version or super().version

    def generate(
        self,
        image: bytes,
        name: str,
        parameters: MeshParameters,
        *,
        on_progress: OnProgress = lambda _share, _step: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> GeneratedMesh:
        with self._lock:
            self.calls[name] += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            error = self.troubles.get(name, lambda: None)()
            if error is not None:
                raise error
            return super().generate(
                image, name, parameters, on_progress=on_progress, is_cancelled=is_cancelled
            )
        finally:
            with self._lock:
                self._at_once -= 1
