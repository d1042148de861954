"""Who may use the mesh service."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.meshes.generators.embedded import EmbeddedGenerator
from trackflow.settings import Settings
from trackflow.usecases.access.tokens import Scope, give_token, read_access, revoke_token
from trackflow.web.mesh_service.app import create_mesh_service
from trackflow.web.mesh_service.server import serve_meshes
from trackflow.web.server import config_of
from trackflow_tests.helpers.running_api import bearer, plain_client, token_for
from trackflow_tests.helpers.stores import open_context
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until
from trackflow_tests.meshes.pictures import png

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    home = tmp_path_factory.mktemp("guarded") / "home"
    with open_context("", home, public_url="https://meshes.example") as found:
        yield found


@pytest.fixture(scope="module")
def client(context: Context) -> Iterator[httpx.Client]:
    """A client without a token, of a service in a thread."""
    app = create_mesh_service(context, EmbeddedGenerator(), listens_locally=True)
    server = uvicorn.Server(config_of(app, "127.0.0.1", 0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, "the service", pause_s=0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with plain_client(f"http://127.0.0.1:{port}", is_api=False) as found:
        yield found
    server.should_exit = True
    thread.join(PATIENCE_S)


def test_once_there_is_a_token_it_takes_one(context: Context, client: httpx.Client) -> None:
    admin = bearer(token_for(context, Scope.ADMIN))
    reader = bearer(token_for(context, Scope.READ))
    image = {"image": ("a.png", png(4, 4))}
    assert client.get("/health").status_code == 200
    for method, path in (
        ("POST", "/meshes"),
        ("GET", "/meshes/a"),
        ("DELETE", "/meshes/a"),
        ("GET", "/meshes/a/files/mesh.glb"),
        ("GET", "/queue"),
        ("GET", "/openapi.json"),
    ):
        assert client.request(method, path).status_code == 401, path
        assert client.request(method, path, **bearer("wrong")).status_code == 401, path
    assert client.post("/meshes", files=image, **reader).status_code == 403
    assert client.delete("/meshes/a", **reader).status_code == 403
    assert client.get("/queue", **reader).status_code == 200
    made = client.post("/meshes", files=image, **admin)
    assert made.status_code == 202
    assert client.get(f"/meshes/{made.json()['mesh_id']}", **reader).status_code == 200


def test_a_body_is_not_read_before_its_sender_is_known(
    context: Context, client: httpx.Client
) -> None:
    token_for(context, Scope.ADMIN)  # until there is one, this machine's own programs need none
    reply = client.post("/meshes", content=b"\0" * 10_000_000)
    assert reply.status_code == 401


def test_results_have_the_address_that_is_set(context: Context, client: httpx.Client) -> None:
    admin = bearer(token_for(context, Scope.ADMIN))
    mesh_id = client.post("/meshes", files={"image": ("a.png", png(5, 5))}, **admin).json()[
        "mesh_id"
    ]
    result_url = wait_until(
        lambda: client.get(f"/meshes/{mesh_id}", **admin).json()["result_url"],
        lambda: client.get(f"/meshes/{mesh_id}", **admin).json(),
    )
    assert result_url == f"https://meshes.example/meshes/{mesh_id}/files/mesh.glb"


@pytest.mark.slow
def test_the_service_does_what_it_says(context: Context, client: httpx.Client) -> None:
    """Schemathesis: any request that its description allows, answered as it describes."""
    admin = bearer(token_for(context, Scope.ADMIN))
    schema = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json", **admin)
    seen = []

    def check(case: schemathesis.Case) -> None:
        response = case.call(base_url=str(client.base_url), **admin)
        seen.append((case.operation.path, response.status_code))
        case.validate_response(response, checks=CHECKS)

    for result in schema.get_all_operations():
        tried = given(case=result.ok().as_strategy())(check)
        examples = (
            80 if result.ok().path == "/meshes" else 12
        )  # few requests are complete by chance
        limits = settings(
            max_examples=examples, suppress_health_check=list(HealthCheck), deadline=None
        )
        limits(tried)()
    assert len({path for path, _ in seen}) == 5
    assert ("/meshes", 202) in seen


def test_other_machines_are_not_let_in_without_a_token(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="token create"):
        serve_meshes(Settings(home=tmp_path / "home"), "0.0.0.0", 0)


def test_a_token_of_the_settings_is_let_in_unless_it_was_revoked(
    context: Context, client: httpx.Client
) -> None:
    token_for(context, Scope.READ)  # no-token mode is off
    secret = "both sides know it from their settings"
    assert client.get("/queue", **bearer(secret)).status_code == 401
    for _ in range(2):  # at each start
        give_token(context, "TRACKFLOW_MESH_TOKEN", Scope.ADMIN, secret)
    assert client.get("/queue", **bearer(secret)).status_code == 200
    (given,) = [t for t in read_access(context).tokens if t.name == "TRACKFLOW_MESH_TOKEN"]
    revoke_token(context, given.token_id)
    give_token(context, "TRACKFLOW_MESH_TOKEN", Scope.ADMIN, secret)
    assert client.get("/queue", **bearer(secret)).status_code == 401
    with pytest.raises(SettingsError, match="TRACKFLOW_MESH_TOKEN needs 32 characters"):
        give_token(context, "TRACKFLOW_MESH_TOKEN", Scope.ADMIN, "a" * 31)
