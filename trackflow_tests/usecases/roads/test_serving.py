"""`trackflow network serve`: the real command serves the network in use, and follows a new one."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from trackflow.concurrency.http import HttpClient
from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.matching.engines.http import HttpEngine
from trackflow.matching.networks import DESCRIPTION, RoadNetwork, load_network
from trackflow.settings import Settings
from trackflow.usecases.roads.serving import NetworkAddress, serve_network
from trackflow_tests.helpers.http_servers import free_port
from trackflow_tests.helpers.roads import use
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def served(settings: Settings, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address and the process of the command, which has no network yet."""
    port = free_port()
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "trackflow", "network", "serve", "--port", str(port)],
            env=os.environ | {"TRACKFLOW_HOME": str(settings.home)},
            stdout=output,
            stderr=output,
        )
    yield f"http://127.0.0.1:{port}", process
    process.kill()
    process.wait()


def until(ask: Callable[[], object], tmp_path: Path) -> None:
    wait_until(ask, (tmp_path / "output").read_text, pause_s=0.1)


def version_at(url: str) -> str | None:
    try:
        answer = httpx.get(f"{url}/nearest/v1/car/0,0", trust_env=False, timeout=PATIENCE_S)
    except httpx.TransportError:
        return None
    return answer.json().get("data_version")


def test_the_network_in_use_is_served_and_a_new_one_takes_its_place(
    helsinki_network: RoadNetwork,
    settings: Settings,
    served: tuple[str, subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    url, process = served
    until(lambda: "Waiting" in (tmp_path / "output").read_text(), tmp_path)
    with Context.open(settings) as context:
        use(context, helsinki_network)
        until(lambda: version_at(url) == helsinki_network.version, tmp_path)
        engine = HttpEngine(url, "car", client=HttpClient())
        many = np.tile([24.9463, 24.9489], 150), np.tile([60.1689, 60.1766], 150)
        assert engine.route(*many) is not None, "more places than OSRM takes by itself"
        engine.close()

        first = pids_of_osrm(process.pid)
        use(context, under_another_name(helsinki_network, tmp_path / "other"))
        until(lambda: pids_of_osrm(process.pid) not in ([], first), tmp_path)
        until(lambda: version_at(url), tmp_path)
    assert (tmp_path / "output").read_text().count("Serving the car network") == 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert version_at(url) is None


def test_osrm_ends_with_a_command_that_is_killed(
    helsinki_network: RoadNetwork,
    settings: Settings,
    served: tuple[str, subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    url, process = served
    with Context.open(settings) as context:
        use(context, helsinki_network)
    until(lambda: version_at(url), tmp_path)
    process.kill()
    process.wait()
    until(lambda: version_at(url) is None, tmp_path)


def test_a_server_that_has_ended_ends_the_command(
    helsinki_network: RoadNetwork,
    settings: Settings,
    served: tuple[str, subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    url, process = served
    with Context.open(settings) as context:
        use(context, helsinki_network)
    until(lambda: version_at(url), tmp_path)
    (pid,) = pids_of_osrm(process.pid)
    os.kill(pid, signal.SIGKILL)
    assert process.wait(PATIENCE_S) == 1
    assert "trackflow: osrm-routed has ended with -9" in (tmp_path / "output").read_text()


def test_a_profile_that_there_is_not_is_named(settings: Settings) -> None:
    with (
        Context.open(settings) as context,
        pytest.raises(SettingsError, match="'boat'; there are car, bicycle, foot"),
    ):
        serve_network(context, "boat", None, NetworkAddress("127.0.0.1", 5000, 1), print)


def pids_of_osrm(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children]


def under_another_name(network: RoadNetwork, folder: Path) -> RoadNetwork:
    """The same roads as a network of another version."""
    shutil.copytree(network.folder, folder)
    file = folder / DESCRIPTION
    file.write_text(re.sub(network.version, "0" * 16, file.read_text()))
    return load_network(folder)
