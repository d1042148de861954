"""Fewer rounds of the garbage collector while files are read.

A chunk of a file is tens of thousands of small objects without cycles. Each few hundred of them,
Python looks through all that are new for cycles, which takes longer than to read them.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS_PER_ROUND = 200_000
_lock = threading.Lock()
_readers = 0
_before = gc.get_threshold()


@contextmanager
def collected_less() -> Iterator[None]:
    """While any thread is inside, cycles are looked for after far more new objects."""
    global _before, _readers
    with _lock:
        if not _readers and gc.get_threshold()[0]:  # 0: another has switched it off
            _before = gc.get_threshold()
            gc.set_threshold(max(_OBJECTS_PER_ROUND, _before[0]), *_before[1:])
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if not _readers and gc.get_threshold()[0]:
                gc.set_threshold(*_before)
