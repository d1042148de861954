"""Whether the service can store points."""

from trackflow.context import Context
from trackflow.store.probing import WriteProbe

__all__ = ["WriteProbe", "write_probe"]


def write_probe(context: Context) -> WriteProbe:
    """The probe that tries to write to this store, at limited intervals."""
    return WriteProbe(context.store, context.clock)
