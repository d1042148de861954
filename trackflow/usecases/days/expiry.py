"""Frees what nobody works on any more: batches whose worker died, was stopped, or hangs.

A worker shows signs of life with every window that it matches (`claims.Held`). Without them its
lease ends, and with the next look the batch is free, so that nothing is stuck for longer than twice
the lease as long as somebody looks once in a while. Every run does when it begins.
"""

from trackflow.context import Context
from trackflow.store.days import batches
from trackflow.store.days.batches import ExpiredBatch
from trackflow.store.devices.settings import lock_devices


def free_expired(context: Context) -> list[ExpiredBatch]:
    """Free all batches whose lease has ended; those that did so too often are failed now."""
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
