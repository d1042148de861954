"""The road networks in use for each profile."""

import datetime as dt
import math
from collections import Counter
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.bbox import Bbox
from trackflow.geo.time import from_us
from trackflow.matching.coverage import CELL_DEGREES, Candidate, Coverage
from trackflow.matching.networks import RoadNetwork, network_name
from trackflow.store.days import batch_marks
from trackflow.store.devices.settings import lock_devices
from trackflow.store.tables import devices, processing_batches, road_networks

BESIDE_DEGREES = 2 * CELL_DEGREES
"""A network knows points in a cell beside one with roads; twice as far, and no rounding matters."""

n = road_networks.c


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


@dataclass(frozen=True, slots=True)
class StoredNetwork:
    """A road network in use.

    Attributes:
        bbox: of its roads.
        profile: car, bicycle or foot.
        name: of its extract; unique within the profile.
        version: changes whenever its roads do.
        folder: where its files are, as the table has it.
        source_name: file name of its extract.
        size_bytes: of its files.
        built_at: UTC.
        area_km2: of the cells with roads; None if they are not known.
    """

    bbox: Bbox
    profile: str
    name: str
    version: str
    folder: str
    source_name: str
    size_bytes: int
    built_at: dt.datetime
    area_km2: float | None

    def located(self, home: Path) -> Path:
        """Where its files are on this machine, if they are here."""
        return located(self.folder, self.profile, self.version, home)


def read_networks(connection: Connection, profile: str | None = None) -> list[StoredNetwork]:
    """The road networks in use, of one profile or of all, by profile and name."""
    found = [_stored(row) for row in connection.execute(_select(profile))]
    return sorted(found, key=_order)


def read_candidates(
    connection: Connection, profile: str, known: MutableMapping[tuple[str, str], Coverage]
) -> list[tuple[StoredNetwork, Candidate]]:
    """The networks of a profile with what the choice for a window needs of them, by name.

    Args:
        connection: to the store.
        profile: car, bicycle or foot.
        known: coverages that were read before, by profile and version; others are added. A
            country's takes megabytes, and each day that is matched asks.

    Raises:
        ValueError: a coverage is damaged.
    """
    found = read_networks(connection, profile)
    missing = [one.version for one in found if (profile, one.version) not in known]
    if missing:
        query = sa.select(n.version, n.coverage).where(
            n.profile == profile, n.version.in_(missing), n.coverage.is_not(None)
        )
        for version, coverage in connection.execute(query):
            known[profile, version] = Coverage.from_bytes(coverage)
    return [
        (
            one,
            Candidate(
                one.name,
                known.get((profile, one.version)),
                math.inf if one.area_km2 is None else one.area_km2,
            ),
        )
        for one in found
    ]


def _select(profile: str | None) -> sa.Select[Any]:
    query = sa.select(
        n.profile, n.name, n.version, n.folder, n.source_name, n.size_bytes, n.built_at,
        n.area_km2, n.west, n.south, n.east, n.north,
    )  # fmt: skip
    return query if profile is None else query.where(n.profile == profile)


def _stored(row: Sequence[Any]) -> StoredNetwork:
    *columns, west, south, east, north = row
    return StoredNetwork(Bbox(west, south, east, north), *columns)


def _order(network: StoredNetwork) -> tuple[str, str]:
    return network.profile, network.name


def use_network(
    connection: Connection,
    network: RoadNetwork,
    home: Path,
    now: dt.datetime,
    coverage: Coverage | None = None,
) -> bool:
    """Use a network from now on, in place of one of its name; returns whether its roads are new.

    Days are marked again where windows may get another network by it: the choice reads only points
    that the old or the new one covers. Windows that keep their network have the same input hash, so
    that they are taken from the cache.

    Args:
        connection: in a transaction for writing.
        network: the network.
        home: the home folder.
        now: the time, UTC.
        coverage: where it has roads; None if that is not known.
    """
    _lock_users(connection, network.profile)
    key = (n.profile == network.profile, n.name == network.name)
    before = _named(connection, network.profile, network.name)
    west, south, east, north = network.bbox
    connection.execute(sa.delete(road_networks).where(*key))
    connection.execute(
        sa.insert(road_networks).values(
            profile=network.profile,
            name=network.name,
            version=network.version,
            folder=portable_folder(network.folder, home),
            source_name=network.source_name,
            west=west,
            south=south,
            east=east,
            north=north,
            size_bytes=network.size_bytes,
            built_at=from_us(network.built_at_us),
            coverage=None if coverage is None else coverage.to_bytes(),
            area_km2=None if coverage is None else coverage.area_km2,
        )
    )
    after = _named(connection, network.profile, network.name)
    if _roads(before) != _roads(after):
        _mark(connection, network.profile, [*before, *after], now)
    return [one.version for one in before] != [network.version]


def remove_network(
    connection: Connection, profile: str, name: str, now: dt.datetime
) -> StoredNetwork | None:
    """Stop using a network; days that it has matched are marked again. None if there is no such.

    Args:
        connection: in a transaction for writing.
        profile: car, bicycle or foot.
        name: of the network.
        now: the time, UTC.
    """
    _lock_users(connection, profile)
    found = _named(connection, profile, name)
    if not found:
        return None
    connection.execute(sa.delete(road_networks).where(n.profile == profile, n.name == name))
    _mark(connection, profile, found, now)
    return found[0]


def _lock_users(connection: Connection, profile: str) -> None:
    users = connection.scalars(sa.select(devices.c.device_id).where(devices.c.profile == profile))
    lock_devices(connection, users.all())


def _named(connection: Connection, profile: str, name: str) -> list[StoredNetwork]:
    """The network of a name, if there is one."""
    return [one for one in read_networks(connection, profile) if one.name == name]


def _roads(networks: list[StoredNetwork]) -> list[tuple[str, float | None]]:
    """What the lines of days depend on: a version covers what it covers, if that is known."""
    return [(one.version, one.area_km2) for one in networks]


def _mark(
    connection: Connection, profile: str, changed: list[StoredNetwork], now: dt.datetime
) -> None:
    """Mark the days whose windows may be matched on another network than before.

    A day that a worker is matching now may have read the networks before they changed.
    """
    b, d = processing_batches.c, devices.c
    # before several networks there was no note of the area
    touched = [b.seen_west.is_(None), b.status == "processing"]
    for one in changed:
        if one.area_km2 is None or None in one.bbox:
            touched.append(sa.true())
            continue
        west, south, east, north = one.bbox
        touched.append(
            sa.and_(
                b.seen_west <= east + BESIDE_DEGREES,
                b.seen_east >= west - BESIDE_DEGREES,
                b.seen_south <= north + BESIDE_DEGREES,
                b.seen_north >= south - BESIDE_DEGREES,
            )
        )
    stale = connection.execute(
        sa.select(b.device_id, b.day)
        .join(devices, b.device_id == d.device_id)
        .where(
            d.profile == profile,
            sa.or_(b.matched_generation > 0, b.status == "processing"),
            sa.or_(*touched),
        )
    )
    batch_marks.mark_again(connection, [(row.device_id, row.day) for row in stale], now)


def days_matched(connection: Connection) -> Counter[str]:
    """How many days of devices have lines on each version of a network."""
    b = processing_batches.c
    query = sa.select(b.matched_on, sa.func.count()).where(b.matched_on != "")
    found: Counter[str] = Counter()
    for versions_of_day, days in connection.execute(query.group_by(b.matched_on)):
        for version in versions_of_day.split():
            found[version] += days
    return found


def name_networks(connection: Connection) -> None:
    """Name the networks of a backup from before they had names."""
    for profile, source_name in connection.execute(
        sa.select(n.profile, n.source_name).where(n.name == "")
    ).all():
        connection.execute(
            sa.update(road_networks)
            .where(n.profile == profile, n.name == "")
            .values(name=network_name(source_name))
        )


def move_folder(connection: Connection, moved: StoredNetwork, folder: str) -> None:
    """Store the new folder of a network, relative to the home folder."""
    connection.execute(
        sa.update(road_networks)
        .where(n.profile == moved.profile, n.name == moved.name)
        .values(folder=folder)
    )


def versions(connection: Connection) -> dict[str, list[str]]:
    """The versions of the networks in use by profile."""
    found: dict[str, list[str]] = {}
    for profile, version in connection.execute(
        sa.select(n.profile, n.version).order_by(n.profile, n.version)
    ):
        found.setdefault(profile, []).append(version)
    return found


def all_versions(connection: Connection) -> list[str]:
    """The versions of all networks in use, in order."""
    return sorted(set(connection.scalars(sa.select(n.version))))


def summaries(connection: Connection) -> list[dict[str, object]]:
    """Profile, name, source, version, size and age of the networks in use, for people."""
    query = sa.select(n.profile, n.name, n.source_name, n.version, n.size_bytes, n.built_at)
    return [dict(row) for row in connection.execute(query.order_by(n.profile, n.name)).mappings()]
