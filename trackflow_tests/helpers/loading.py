"""How a test process loads all tests: without looking for garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage() -> Iterator[None]:
    """Look for no garbage meanwhile, and never among what is there in the end.

    Modules and tests are millions of objects that last until the end of the process.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
