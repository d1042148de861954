"""Serves a road network in use over HTTP, by OSRM's own server, and follows a new network."""

import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import sleep

from trackflow.concurrency.children import END_WITH_PARENT
from trackflow.context import Context
from trackflow.errors import RetryableError, SettingsError, TrackflowError
from trackflow.matching.networks import PROFILES, RoadNetwork
from trackflow.matching.osrm_programs import osrm_home
from trackflow.usecases.roads.networks import network_in_use

POLL_S = 5.0
"""Between two looks for a new network."""

STOP_GRACE_S = 10.0

MOST_POINTS = 10_000
"""Of a request; OSRM's default of 100 is for strangers."""

type Print = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class NetworkAddress:
    """Where a server listens, and how many requests it answers at once."""

    host: str
    port: int
    threads: int


def serve_network(
    context: Context, profile: str, name: str | None, place: NetworkAddress, note: Print
) -> None:
    """Serve a network of a profile until interrupted; waits while there is none.

    OSRM's server holds one data set.

    Args:
        context: the store, which names the networks in use.
        profile: car, bicycle or foot.
        name: of the network; None for the largest.
        place: where to listen.
        note: called with a line on each change.

    Raises:
        SettingsError: there is no such profile.
        TrackflowError: OSRM's server has ended by itself.
    """
    if profile not in PROFILES:
        raise SettingsError(f"there is no profile {profile!r}; there are {', '.join(PROFILES)}")
    network = network_in_use(context, profile, name)
    if network is None:
        note(f"Waiting for a road network: `trackflow network build FILE --profile {profile}`")
    while True:
        while network is None:
            sleep(POLL_S)
            network = _in_use(context, profile, name, network)
        network = _serve_until_changed(context, network, name, place, note)


def _serve_until_changed(
    context: Context, network: RoadNetwork, name: str | None, place: NetworkAddress, note: Print
) -> RoadNetwork:
    process = _start(network, place)
    note(
        f"Serving the {network.profile} network {network.version} of {network.source_name} on "
        f"http://{place.host}:{place.port}"
    )
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(POLL_S)
                raise TrackflowError(f"osrm-routed has ended with {code}; its output says why")
            new = _in_use(context, network.profile, name, network)
            if new is not None and new.version != network.version:
                return new
    finally:
        _stop(process)


def _in_use(
    context: Context, profile: str, name: str | None, known: RoadNetwork | None
) -> RoadNetwork | None:
    """The network in use now; the known one while the database is away."""
    try:
        return network_in_use(context, profile, name)
    except RetryableError:
        return known


def _start(network: RoadNetwork, place: NetworkAddress) -> subprocess.Popen[bytes]:
    most = str(MOST_POINTS)
    return subprocess.Popen(
        [
            str(osrm_home() / "bin" / "osrm-routed"),
            *("--algorithm", "mld", "--ip", place.host, "--port", str(place.port)),
            *("--threads", str(place.threads), "--verbosity", "WARNING"),
            *("--max-matching-size", most, "--max-viaroute-size", most),
            str(network.dataset),
        ],
        stdin=subprocess.DEVNULL,
        preexec_fn=END_WITH_PARENT,
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
