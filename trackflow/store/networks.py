"""Which road network is in use for each profile."""

import datetime as dt
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.matching.networks import RoadNetwork, load_network
from trackflow.store import batches
from trackflow.store.devices import lock_devices
from trackflow.store.tables import devices, processing_batches, road_networks
from trackflow.store.types import from_us


def use_network(connection: Connection, network: RoadNetwork, now: dt.datetime) -> bool:
    """Use a network for its profile from now on; whether that is another one than before.

    Every day of the profile's devices is marked again: windows that the new network would match
    differently have another input hash, so nothing else has to be invalidated.
    """
    c = road_networks.c
    users = connection.scalars(
        sa.select(devices.c.device_id).where(devices.c.profile == network.profile)
    )
    lock_devices(connection, users.all())
    before = connection.scalar(sa.select(c.version).where(c.profile == network.profile))
    connection.execute(sa.delete(road_networks).where(c.profile == network.profile))
    west, south, east, north = network.extent
    connection.execute(
        sa.insert(road_networks).values(
            profile=network.profile,
            version=network.version,
            folder=str(network.folder),
            source_name=network.source_name,
            west=west,
            south=south,
            east=east,
            north=north,
            size_bytes=network.size_bytes,
            built_at=from_us(network.built_at_us),
        )
    )
    if before == network.version:
        return False
    b, d = processing_batches.c, devices.c
    stale = connection.execute(
        sa.select(b.device_id, b.day)
        .join(devices, b.device_id == d.device_id)
        .where(d.profile == network.profile, b.matched_generation > 0)
    )
    batches.mark_again(connection, [(row.device_id, row.day) for row in stale], now)
    return True


def read_network(connection: Connection, profile: str) -> RoadNetwork | None:
    """The network in use for a profile.

    Raises:
        NetworkBuildError: its files are gone or damaged.
    """
    folder = connection.scalar(
        sa.select(road_networks.c.folder).where(road_networks.c.profile == profile)
    )
    return None if folder is None else load_network(Path(folder))
