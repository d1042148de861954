"""What happens when a person ends a run in the UI: the work is cancelled, not left behind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dagster._core.errors import DagsterExecutionInterruptedError


@contextmanager
def cancelling_on_interrupt(cancel: Callable[[], object]) -> Iterator[None]:
    """Cancel the work of the block if the run is ended from outside.

    Without this, the meshes would wait again, and the next tick of a sensor would start them.
    """
    try:
        yield
    except (DagsterExecutionInterruptedError, KeyboardInterrupt):
        cancel()
        raise
