"""How a test process loads all tests: without looking for garbage, and sharing the compiling.

All processes of a run load the same 800 modules. In the same order, each of them would compile
each module, as none finds what another one is about to keep.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

import pytest


@contextmanager
def without_garbage() -> Iterator[None]:
    """Look for no garbage meanwhile, never among what is there in the end, and seldom later on.

    Modules and tests are millions of objects that last until the end of the process. Looking every
    700 objects takes a twenty-fifth of the tests' processor time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(50_000, *gc.get_threshold()[1:])
        gc.enable()


def load_tests(folder: Path, process: int, processes: int) -> None:
    """Import all tests below a folder, in an order that differs between processes.

    Args:
        folder: of a package.
        process: the number of this process, from 0.
        processes: how many there are.
    """
    paths = sorted(folder.rglob("test_*.py"))
    for path in rotated(paths, process, processes):
        name = ".".join(path.relative_to(folder.parent).with_suffix("").parts)
        # pytest imports it again, and says what is wrong with it
        with suppress(Exception, pytest.skip.Exception):
            import_module(name)


def rotated[T](values: Sequence[T], process: int, processes: int) -> list[T]:
    """All values, from where the share of this process begins."""
    first = len(values) * process // processes
    return [*values[first:], *values[:first]]
