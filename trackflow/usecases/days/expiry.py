"""Frees abandoned batches: their worker died, was stopped, or hangs.

A worker shows signs of life with every window that it matches (`claims.ClaimKeeper`). Without them
its lease ends, and the next check frees the batch, so that no batch is stuck for longer than twice
its lease. Every run checks when it begins.
"""

from trackflow.context import Context
from trackflow.store.days import batches
from trackflow.store.days.batches import ExpiredBatch
from trackflow.store.devices.settings import lock_devices


def free_expired(context: Context) -> list[ExpiredBatch]:
    """Free all batches whose lease has ended; those with too many tries become failed."""
    with context.store.read() as connection:
        device_ids = batches.with_abandoned(
            connection, context.clock(), lease_s=context.settings.lease_s
        )
    freed = []
    for device_id in device_ids:
        with context.store.write() as connection:
            lock_devices(connection, [device_id])
            freed += batches.free_abandoned(
                connection,
                device_id,
                context.settings.max_tries,
                context.clock(),
                lease_s=context.settings.lease_s,
            )
    return freed
