"""Batches of images in child processes: one worker against two, and the memory that many take.

The whole way is measured: rows, claims, children, files. The images are hills with noise, all
different, of a size like that of a race track's height map. `start_s` is what a child takes until
it is ready, which its first image pays for and the others do not.
"""

import io
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from trackflow.context import Context
from trackflow.meshes.generators.processes import Child
from trackflow.settings import Settings
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.tools import embedded_generator

IMAGES = 200
MANY = 2000
SIDE = 256
SMALL_SIDE = 32
PARAMETERS = {"max_error_m": 2.0}
MB = 1e6


def run() -> dict[str, float]:
    """The figures."""
    one_s, _ = batch(IMAGES, SIDE, workers=1)
    two_s, peak_bytes = batch(IMAGES, SIDE, workers=2)
    many_s, many_bytes = batch(MANY, SMALL_SIDE, workers=2)
    return {
        "start_s": _start_s(),
        f"{IMAGES} images, one worker (s)": one_s,
        f"{IMAGES} images, two workers (s)": two_s,
        "times as fast with two": one_s / two_s,
        f"{IMAGES} images, most memory of all processes (MB)": peak_bytes / MB,
        f"{MANY} small images, two workers (s)": many_s,
        f"{MANY} small images, most memory of all processes (MB)": many_bytes / MB,
    }


def batch(count: int, side: int, *, workers: int) -> tuple[float, int]:
    """Seconds that a batch takes, and the most memory that this process and its children hold."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), mesh_workers=workers)
        with Context.open(settings) as context:
            for number in range(count):
                request_mesh(
                    context,
                    MeshRequest(image=_hill(side, number), parameters=PARAMETERS, name="hill.png"),
                )
            generator = embedded_generator(context)
            try:
                with _MemoryWatch() as watch:
                    began = time.perf_counter()
                    report = run_due_meshes(context, generator)
                    seconds = time.perf_counter() - began
            finally:
                generator.close()
    if report.completed != count:
        raise AssertionError(f"{report.completed} of {count} meshes were made")
    return seconds, watch.peak_bytes


def _start_s() -> float:
    began = time.perf_counter()
    Child.start(500_000_000).end()
    return time.perf_counter() - began


def _hill(side: int, number: int) -> bytes:
    random = np.random.default_rng(number)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    height = 180 * np.exp(-3 * (x**2 + y**2)) + random.normal(20, 3, (side, side))
    file = io.BytesIO()
    Image.fromarray(np.clip(height, 0, 255).astype(np.uint8)).save(file, "png", compress_level=1)
    return file.getvalue()


class _MemoryWatch:
    """The largest sum of resident memory of this process and its children."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            pids = [os.getpid(), *_children(os.getpid())]
            self.peak_bytes = max(self.peak_bytes, sum(map(_resident_bytes, pids)))


def _children(pid: int) -> list[int]:
    paths = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in paths for child in path.read_text().split()]


def _resident_bytes(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):  # it has just ended
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
