"""The deployment of docker/compose.yaml, started, used, killed part by part, and restored.

Every command, path and variable of the file is executed (see `helpers.topology`). The tests go on
from one another.
"""

import datetime as dt
import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from trackflow.demo.extract import helsinki_extract
from trackflow.geo.points import Floats
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.networks import RoadNetwork
from trackflow_tests.helpers.compose import ROOT, in_order
from trackflow_tests.helpers.drives import a_tour, driven
from trackflow_tests.helpers.topology import DOMAIN, LONG_S, Topology, topology
from trackflow_tests.helpers.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("topology"),
    pytest.mark.timeout(1800),  # the first one starts all services
]

PAGE = ROOT / "docs" / "operations" / "containers.md"
EVERY_S = 5
POINTS = 120


@dataclass
class Deployment:
    """A running topology, and a road that everybody drives along."""

    topology: Topology
    secret: str
    lon: Floats
    lat: Floats
    devices: list[str] = field(default_factory=list)

    def report(self, client: httpx.Client, name: str) -> None:
        """Ten minutes of a device on the road, which ended a moment ago."""
        now = dt.datetime.now(dt.UTC).timestamp()
        points = driven(self.lon, self.lat, every_s=EVERY_S, seed=len(self.devices))
        messages = [
            {
                "_type": "location",
                "lat": float(points.lat[k]),
                "lon": float(points.lon[k]),
                "tst": int(now) - (POINTS - k) * EVERY_S,
                "acc": 8,
            }
            for k in range(POINTS)
        ]
        answer: list[httpx.Response] = []

        def accepted() -> bool:
            """As a phone does: an error is no end."""
            given = {"u": "town", "d": name}
            answer[:] = [client.post("/ingest/owntracks", params=given, json=messages)]
            assert answer[0].status_code in (200, 502, 503), answer[0].text
            return answer[0].status_code == 200

        wait(accepted, lambda: answer[0].text)
        self.devices.append(f"town/{name}")

    def tracks(self, client: httpx.Client) -> dict[str, Any]:
        """All tracks by their ids."""
        answer = client.get("/api/v1/tracks", params={"limit": 1000})
        assert answer.status_code == 200, answer.text
        return {track["id"]: track for track in answer.json()["features"]}

    def wait_for_tracks(self, client: httpx.Client) -> dict[str, Any]:
        """All tracks, once each device has one on roads."""
        found: dict[str, Any] = {}

        def all_there() -> bool:
            nonlocal found
            found = self.tracks(client)
            on_roads = {
                track["properties"]["device_id"]
                for track in found.values()
                if (track["properties"]["matched_share"] or 0) > 0.5
            }
            return on_roads == set(self.devices)

        wait(all_there, lambda: self.topology.tail("code"))
        return found


def wait(ask: Callable[[], Any], why: Callable[[], str], timeout_s: float = LONG_S) -> None:
    wait_until(ask, why, pause_s=1, patience_s=timeout_s)


def secrets_by_the_page(folder: Path) -> dict[str, str]:
    """What the first commands of docs/operations/containers.md write to docker/.env."""
    (folder / "docker").mkdir()
    (commands,) = re.findall(r"```sh\n(\(\numask.*?)```", PAGE.read_text(), re.DOTALL)
    subprocess.run(["sh", "-ec", commands], cwd=folder, check=True)
    file = folder / "docker" / ".env"
    assert file.stat().st_mode & 0o077 == 0
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


@pytest.fixture(scope="module")
def deployment(
    helsinki_network: RoadNetwork, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    variables = secrets_by_the_page(tmp_path_factory.mktemp("secrets"))
    assert variables["TRACKFLOW_DOMAIN"] == DOMAIN
    variables["TRACKFLOW_TLS"] = "internal"
    # a killed worker's days are free again after seconds, not minutes
    with topology(variables, {"TRACKFLOW_LEASE_S": "10", "TRACKFLOW_WORKERS": "1"}) as made:
        made.up("migration")
        token = made.run("migration", "trackflow", "token", "create", "me", "--scope", "admin")
        assert token.returncode == 0, token.stderr
        _build_network(made, helsinki_network)
        made.up()
        engine = EmbeddedEngine(helsinki_network.dataset, "car", helsinki_network.version)
        lon, lat = a_tour(engine)
        engine.close()
        yield Deployment(made, token.stdout.strip(), lon, lat)


def _build_network(made: Topology, network: RoadNetwork) -> None:
    """By the command, which takes a data set that is there already."""
    folder = made.folder / "volumes" / "data" / "networks" / "car" / network.version
    shutil.copytree(network.folder, folder)
    made.give_away("data")
    extract = str(helsinki_extract())
    done = made.run("code", "trackflow", "network", "build", extract)
    assert done.returncode == 0, done.stderr


def test_points_that_come_through_the_proxy_become_tracks(deployment: Deployment) -> None:
    with deployment.topology.client(deployment.secret) as client:
        deployment.report(client, "first")
        deployment.wait_for_tracks(client)


def test_the_copied_code_runs_and_can_write_to_its_volume_alone(deployment: Deployment) -> None:
    made = deployment.topology
    shown = made.run("code", "python", "-c", "import trackflow; print(trackflow.__file__)")
    assert shown.stdout.startswith(str(made.folder / "image")), shown
    if os.geteuid() != 0:
        pytest.skip("only root gives rights away")
    for path, status in (
        ("/var/lib/trackflow/x", 0),
        ("/opt/trackflow/x", 1),
        ("/opt/dagster/x", 1),
    ):
        assert made.run("code", "touch", path).returncode == status, path


def test_only_admins_get_to_dagster(deployment: Deployment) -> None:
    made = deployment.topology
    done = made.run("migration", "trackflow", "token", "create", "reader", "--scope", "read")
    for secret, status in ((done.stdout.strip(), 403), (deployment.secret, 200)):
        with made.client(secret) as client:
            assert client.get("/api/v1/devices").status_code == 200
            assert client.get("/dagster/server_info").status_code == status
    with made.client() as stranger:
        refused = stranger.get("/dagster/", headers={"Accept": "text/html"})
        assert refused.status_code == 401
        assert "needs a token" in refused.text
        for path in ("/dagster/graphql", "/dagster/report_asset_materialization/tracks"):
            assert stranger.post(path, json={"query": "{ version }"}).status_code == 401


QUERY = {"query": "{ version }"}


def test_no_other_site_gives_dagster_orders(deployment: Deployment) -> None:
    """Whatever a browser sends along, as an old one does that knows no SameSite."""
    with deployment.topology.client() as browser:
        own = {"Origin": f"https://{DOMAIN}", "Sec-Fetch-Site": "same-origin"}
        signed = browser.post("/session", json={"token": deployment.secret}, headers=own)
        assert signed.status_code == 204, signed.text
        cookie = signed.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Secure"} <= set(cookie.split("; "))
        session = {"Cookie": cookie.partition(";")[0]}

        posted = browser.post("/dagster/graphql", json=QUERY, headers=session | own)
        assert posted.status_code == 200, posted.text
        assert posted.json()["data"]["version"]
        page = browser.get("/dagster/", headers=session | {"Sec-Fetch-Site": "none"})
        assert page.status_code == 200
        assert page.headers["X-Frame-Options"] == "DENY"

        for stranger in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": f"http://{DOMAIN}"},
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            socket = {"Upgrade": "websocket", "Connection": "upgrade"}
            for method, path, more in (
                ("POST", "/dagster/graphql", {}),
                ("GET", "/dagster/graphql", {}),
                ("GET", "/dagster/graphql", socket),
                ("GET", "/dagster/", {}),
            ):
                headers = session | stranger | more
                refused = browser.request(method, path, json=QUERY, headers=headers)
                assert refused.status_code == 403, (method, path, headers)
        # a link, in a browser that says nothing of where it was
        for method in ("GET", "HEAD", "PUT"):
            answer = browser.request(method, "/dagster/graphql", params=QUERY, headers=session)
            assert answer.status_code == 405


def test_others_reach_the_proxy_alone_and_by_tls(deployment: Deployment) -> None:
    made = deployment.topology
    plain = httpx.get(
        f"http://{made.addresses['proxy']}:8080/", headers={"Host": DOMAIN}, trust_env=False
    )
    assert plain.status_code == 308
    assert plain.headers["location"].startswith(f"https://{DOMAIN}")
    with made.client() as stranger:
        refused = stranger.get("/api/v1/devices")
        assert refused.status_code == 401
        assert "max-age" in refused.headers["Strict-Transport-Security"]


KILLED = (
    ("postgres",),
    ("pgbouncer", "meshes"),
    ("code", "api-1"),
    ("daemon", "osrm", "api-2"),
    ("webserver", "proxy"),
)
"""Services that are killed at the same time: none of them needs another one of them."""


def test_each_service_is_killed_and_recovers(deployment: Deployment) -> None:
    made = deployment.topology
    lasting = sorted(itertools.chain(*KILLED))
    assert lasting == sorted({*made.services} - {"migration"})
    with made.client(deployment.secret) as client:
        for names in KILLED:
            for name in names:
                assert made.services[name].restart == "unless-stopped"
                assert not {*in_order(made.services, [name])} & {*names} - {name}
                made.kill(name)
            for api in {"api-1", "api-2"} & {*names}:
                deployment.report(client, f"while-{api}-is-away")
            for name in names:
                made.start(name)
            for name in names:
                made.wait_for(name, "service_healthy")
            deployment.report(client, f"after-{names[0]}")
        assert client.get("/dagster/server_info").status_code == 200
        assert all(map(made.is_running, lasting))
        deployment.wait_for_tracks(client)


def test_a_mesh_is_made_by_the_mesh_service(deployment: Deployment) -> None:
    made = deployment.topology
    heights = np.add.outer(np.arange(32), np.arange(32)).astype(np.uint8)
    image = BytesIO()
    Image.fromarray(heights).save(image, "PNG")
    with made.client(deployment.secret) as client:
        asked = client.post("/api/v1/meshes", files={"image": ("hills.png", image.getvalue())})
        assert asked.status_code == 202, asked.text
        path = f"/api/v1/meshes/{asked.json()['mesh_id']}"
        state: dict[str, Any] = {}

        def has_ended() -> bool:
            nonlocal state
            state = client.get(path).json()
            return state["status"] in ("completed", "failed")

        wait(has_ended, lambda: f"{state}\n{made.tail('code')}\n{made.tail('meshes')}")
        assert state["status"] == "completed", state
    assert list((made.folder / "volumes" / "meshes").rglob("*.glb"))


def test_a_wiped_database_comes_back_from_a_backup(deployment: Deployment) -> None:
    """By the very commands of the page, but for `docker compose`."""
    made = deployment.topology
    with made.client(deployment.secret) as client:
        before = deployment.wait_for_tracks(client)
    (writing, restoring) = [
        block
        for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
        if "today.zip" in block
    ]
    for line in (*writing.splitlines(), *restoring.splitlines()):
        _execute(made, line)
    with made.client(deployment.secret) as client:
        after = deployment.tracks(client)
        assert json.dumps(after, sort_keys=True) == json.dumps(before, sort_keys=True)
        deployment.report(client, "after-restore")
        deployment.wait_for_tracks(client)


def _execute(made: Topology, line: str) -> None:
    """A line with `docker compose`, done by the topology."""
    words = line.split()
    assert words[:2] == ["docker", "compose"]
    verb, arguments = words[2], [word for word in words[3:] if word != "--rm"]
    if verb in ("exec", "run"):
        done = made.run(arguments[0], *arguments[1:])
        assert done.returncode == 0, done.stdout + done.stderr
    elif verb == "stop":
        made.stop(*arguments)
    elif verb == "up":
        made.stop("migration")  # Docker runs it again
        made.up()
    else:
        assert verb == "cp"
        name, _, path = arguments[0].partition(":")
        assert Path(made.mapped(path, name)).stat().st_size > 0
