"""The road network in use for each profile."""

import datetime as dt
from pathlib import Path, PurePath

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import from_us
from trackflow.matching.networks import RoadNetwork, load_network
from trackflow.store.days import batch_marks
from trackflow.store.devices.settings import lock_devices
from trackflow.store.tables import devices, processing_batches, road_networks


def networks_folder(home: Path) -> Path:
    """The folder of the networks of a home folder."""
    return home / "networks"


def portable_folder(folder: Path, home: Path) -> str:
    """The stored form of a network's folder: relative to the home folder if it lies in there.

    A home folder may be moved, or be mounted under different paths on different machines.
    """
    folder, home = folder.resolve(), home.resolve()
    return (folder.relative_to(home) if folder.is_relative_to(home) else folder).as_posix()


def located(stored: str, profile: str, version: str, home: Path) -> Path:
    """The folder of a network whose stored form is `stored`.

    An older trackflow stored absolute paths. The home folder's own copy takes precedence over such
    a path, which may lie in the home folder from before it was moved or copied.

    Args:
        stored: the folder as the table has it.
        profile: of the network.
        version: of the network.
        home: the present home folder.
    """
    if not PurePath(stored).is_absolute():
        return home / stored
    own = networks_folder(home)
    for folder in (own / profile / version, own / version, own / PurePath(stored).name):
        if folder.is_dir():
            return folder
    return Path(stored)


def use_network(connection: Connection, network: RoadNetwork, home: Path, now: dt.datetime) -> bool:
    """Use a network for its profile from now on; returns whether it differs from the one before.

    Every day of the profile's devices is marked again: windows that the new network would match
    differently have another input hash, so nothing else has to be invalidated.

    Args:
        connection: in a transaction for writing.
        network: the network.
        home: the home folder.
        now: the time, UTC.
    """
    c = road_networks.c
    users = connection.scalars(
        sa.select(devices.c.device_id).where(devices.c.profile == network.profile)
    )
    lock_devices(connection, users.all())
    before = connection.scalar(sa.select(c.version).where(c.profile == network.profile))
    connection.execute(sa.delete(road_networks).where(c.profile == network.profile))
    west, south, east, north = network.bbox
    connection.execute(
        sa.insert(road_networks).values(
            profile=network.profile,
            version=network.version,
            folder=portable_folder(network.folder, home),
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
    batch_marks.mark_again(connection, [(row.device_id, row.day) for row in stale], now)
    return True


def stored_folders(connection: Connection) -> dict[str, str]:
    """The stored folders of the networks in use, by profile."""
    c = road_networks.c
    return {row.profile: row.folder for row in connection.execute(sa.select(c.profile, c.folder))}


def folders_in_use(connection: Connection, home: Path) -> list[Path]:
    """The folders of the networks in use, in order of their profiles; the files may be gone."""
    c = road_networks.c
    query = sa.select(c.folder, c.profile, c.version).order_by(c.profile)
    return [located(*row, home) for row in connection.execute(query)]


def move_folder(connection: Connection, profile: str, folder: str) -> None:
    """Store the new folder of a profile's network, relative to the home folder."""
    c = road_networks.c
    connection.execute(sa.update(road_networks).where(c.profile == profile).values(folder=folder))


def versions(connection: Connection) -> dict[str, str]:
    """The version of the network in use by profile."""
    c = road_networks.c
    return {row.profile: row.version for row in connection.execute(sa.select(c.profile, c.version))}


def summaries(connection: Connection) -> list[dict[str, object]]:
    """Profile, source, version, size and age of the networks in use, for people."""
    c = road_networks.c
    query = sa.select(c.profile, c.source_name, c.version, c.size_bytes, c.built_at)
    return [dict(row) for row in connection.execute(query.order_by(c.profile)).mappings()]


def read_network(connection: Connection, profile: str, home: Path) -> RoadNetwork | None:
    """The network in use for a profile.

    Raises:
        NetworkBuildError: its files are gone or damaged.
    """
    c = road_networks.c
    row = connection.execute(
        sa.select(c.folder, c.version).where(c.profile == profile)
    ).one_or_none()
    return None if row is None else load_network(located(row.folder, profile, row.version, home))
