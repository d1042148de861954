"""Road networks."""

import datetime as dt
from collections.abc import Iterable
from typing import TypedDict

from trackflow.geo.bbox import Bbox
from trackflow.usecases.roads.networks import NetworkState
from trackflow.web.answers.describing import described, shows


@described
class NetworkEntry(TypedDict):
    """A road network in use."""

    profile: str
    """car, bicycle or foot."""
    name: str
    """Of its extract. A profile has each name once."""
    version: str
    """It changes whenever the roads do."""
    source_name: str
    """File name of the extract of OpenStreetMap."""
    extent: list[float]
    """West, south, east and north of the roads, in degrees."""
    area_km2: float | None
    """Of the cells of half a kilometre that hold its roads; null if an older trackflow built it."""
    size_bytes: int
    """Of its files, without the maps beside them."""
    built_at: dt.datetime
    """UTC."""
    days: int
    """How many days of devices have lines on it."""


@described
class NetworksAnswer(TypedDict):
    """The road networks in use."""

    networks: list[NetworkEntry]
    """By profile and name."""


@described
class RemovedNetworksAnswer(TypedDict):
    """Road networks that were removed."""

    removed: list[NetworkEntry]
    """As they were."""


def networks_answer(networks: Iterable[NetworkState]) -> NetworksAnswer:
    """The road networks."""
    return {"networks": [_entry(network) for network in networks]}


def removed_answer(networks: Iterable[NetworkState]) -> RemovedNetworksAnswer:
    """The road networks that are gone."""
    return {"removed": [_entry(network) for network in networks]}


def _entry(network: NetworkState) -> NetworkEntry:
    return {
        "profile": network.profile,
        "name": network.name,
        "version": network.version,
        "source_name": network.source_name,
        "extent": list(network.bbox),
        "area_km2": network.area_km2,
        "size_bytes": network.size_bytes,
        "built_at": network.built_at,
        "days": network.days,
    }


_ROADS = NetworkState(
    "car",
    "helsinki",
    "6f1c0d2e9b7a4835",
    "helsinki.osm.pbf",
    Bbox(24.935, 60.164, 24.953, 60.179),
    2.46,
    1_240_828,
    dt.datetime(2026, 3, 2, 5, 0, 10, tzinfo=dt.UTC),
    412,
)

NETWORKS = shows(NetworksAnswer, networks_answer([_ROADS]))
REMOVED = shows(RemovedNetworksAnswer, removed_answer([_ROADS]))
