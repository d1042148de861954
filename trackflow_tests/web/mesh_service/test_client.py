"""trackflow as the client of a real mesh service."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trackflow.concurrency.breaker import FAILURES_TO_OPEN
from trackflow.concurrency.connections import HttpClient
from trackflow.context import Context
from trackflow.errors import (
    BadInputError,
    MeshServiceError,
    MeshServiceUnavailableError,
    SettingsError,
    StoppedError,
    SwitchedOffError,
)
from trackflow.meshes.generate import GENERATOR_VERSION, generate
from trackflow.meshes.generators.http import HttpGenerator
from trackflow.meshes.parameters import MeshParameters
from trackflow.store import breakers
from trackflow.usecases.housekeeping.kill_switches import stop_everything
from trackflow.usecases.meshes.control import MeshStatus, read_file, read_mesh
from trackflow.usecases.meshes.generators import service_generator, service_site
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow_tests.helpers.http_servers import answering, free_port, server_that
from trackflow_tests.helpers.mesh_services import SECRET, MeshService
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import open_context
from trackflow_tests.helpers.waiting import PATIENCE_S
from trackflow_tests.meshes.pictures import png

pytestmark = pytest.mark.xdist_group("mesh service")

FINEST = MeshParameters(detail_factor=0.0001)


@pytest.fixture
def generator(service: MeshService) -> Iterator[HttpGenerator]:
    found = HttpGenerator(service.url, HttpClient())
    yield found
    found.close()


def test_a_service_makes_what_the_function_makes(generator: HttpGenerator) -> None:
    image, parameters = png(40, 50, seed=51, smooth=True), MeshParameters(detail_factor=0.03)
    told: list[float] = []
    there = generator.generate(
        image, "hill.png", parameters, on_progress=lambda share, _: told.append(share)
    )
    here = generate(image, "hill.png", parameters)
    assert there.files == here.files
    assert there.report == here.report
    assert there.cost is not None
    assert there.cost.pixels == 40 * 50
    assert told == sorted(told)
    assert generator.version == GENERATOR_VERSION


def test_a_caller_that_was_killed_finds_its_mesh_again(
    service: MeshService, generator: HttpGenerator
) -> None:
    name = f"{uuid.uuid4()}.png"
    image = png(120, 120, seed=52)
    first = generator._submitted(image, name, FINEST)  # killed while it waits
    again = generator._submitted(image, name, FINEST)
    assert again["mesh_id"] == first["mesh_id"]
    assert generator.generate(image, name, FINEST).files
    assert service.state(str(first["mesh_id"]))["tries"] == 0


def test_what_the_service_refuses_no_retry_helps(generator: HttpGenerator) -> None:
    with pytest.raises(BadInputError, match=r"letter\.txt"):
        generator.generate(b"Dear Sir", "letter.txt", MeshParameters())
    with pytest.raises(BadInputError, match="0 bytes"):
        generator.generate(b"", "nothing.png", MeshParameters())


def test_cancelling_reaches_the_service(service: MeshService, generator: HttpGenerator) -> None:
    begun = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(
            generator.generate,
            png(900, 900, seed=53),
            "noise.png",
            FINEST,
            on_progress=lambda *_: begun.set(),
            is_cancelled=begun.is_set,
        )
        with pytest.raises(StoppedError):
            result.result(PATIENCE_S)


def test_a_service_that_is_away_or_no_service_is_told() -> None:
    away = HttpGenerator(f"http://127.0.0.1:{free_port()}", HttpClient())
    with pytest.raises(MeshServiceUnavailableError, match="cannot be reached"):
        away.generate(png(4, 4), "a.png", MeshParameters())
    away.close()
    for answer, error, message in (
        (answering(200, b"<html>"), MeshServiceError, "no JSON"),
        (answering(200, b"{}"), MeshServiceError, "generator_version"),
        (answering(500, b"{}"), MeshServiceUnavailableError, "HTTP 500"),
        (
            answering(503, b'{"error": "full"}', Retry_After="7"),
            MeshServiceUnavailableError,
            "full",
        ),
        (answering(401, b'{"error": "no"}'), MeshServiceUnavailableError, "TRACKFLOW_MESH_TOKEN"),
    ):
        with server_that(answer) as (url, _):
            generator = HttpGenerator(url, HttpClient())
            with pytest.raises(error, match=message):
                generator.generate(png(4, 4), "a.png", MeshParameters())
            generator.close()


@pytest.fixture
def user(service: MeshService, database_url: str, tmp_path: Path) -> Iterator[Context]:
    """A trackflow that uses the service."""
    with open_context(database_url, tmp_path / "user", mesh_url=service.url) as found:
        yield found


def test_a_run_makes_its_meshes_by_the_service(user: Context) -> None:
    image = png(25, 25, seed=54)
    mesh = request_mesh(user, MeshRequest(image=image, parameters={"detail_factor": 0.1}))
    bad = request_mesh(user, MeshRequest(image=b"no image", name="letter.txt"))
    generator = service_generator(user)
    report = run_due_meshes(user, generator)
    generator.close()
    assert (report.completed, report.failed) == (1, 1)
    expected = generate(image, "image", MeshParameters(detail_factor=0.1))
    assert read_file(user, mesh.mesh_id)[1] == expected.files["mesh.glb"]
    assert "letter.txt" in (read_mesh(user, bad.mesh_id).error_message or "")


def test_the_end_arrives_by_callback(service: MeshService, tmp_path: Path) -> None:
    """Polls that would come after the test's end are not needed."""
    from trackflow.meshes.generators.http import ServiceTimes

    settings = {"mesh_url": service.url, "mesh_secret": SECRET}
    with open_context("", tmp_path / "user", **settings) as context, running_api(context) as api:
        address = str(api.base_url).rstrip("/")
        with open_context("", tmp_path / "user", **settings, mesh_callback_url=address) as user:
            generator = service_generator(user)
            generator.times = ServiceTimes(first_poll_s=600, longest_poll_s=600)
            made = generator.generate(png(26, 26, seed=55), "a.png", FINEST)
            generator.close()
    assert made.report.triangle_count > 2


def test_lost_callbacks_cost_time_only(service: MeshService, tmp_path: Path) -> None:
    lost = f"http://127.0.0.1:{free_port()}"
    settings = {"mesh_url": service.url, "mesh_secret": SECRET, "mesh_callback_url": lost}
    with open_context("", tmp_path / "user", **settings) as user:
        generator = service_generator(user)
        assert generator.generate(png(26, 27, seed=56), "a.png", FINEST).files
        generator.close()


def test_callbacks_need_a_secret(tmp_path: Path) -> None:
    settings = {"mesh_url": "http://a", "mesh_callback_url": "http://b"}
    with (
        open_context("", tmp_path / "user", **settings) as user,
        pytest.raises(SettingsError, match="TRACKFLOW_MESH_SECRET"),
    ):
        service_generator(user)


def test_a_service_that_is_down_is_left_alone_by_all_processes(
    database_url: str, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with open_context(database_url, tmp_path / "user", mesh_url=url) as user:
        first, second = service_generator(user), service_generator(user)
        for _ in range(FAILURES_TO_OPEN):
            with pytest.raises(MeshServiceUnavailableError, match="cannot be reached"):
                first.generate(png(4, 4), "a.png", MeshParameters())
        with pytest.raises(MeshServiceUnavailableError, match="left alone"):
            second.generate(png(4, 4), "a.png", MeshParameters())
        mesh = request_mesh(user, MeshRequest(image=png(4, 4)))
        report = run_due_meshes(user, first)
        assert report.waiting == 1
        assert read_mesh(user, mesh.mesh_id).status is MeshStatus.QUEUED
        with user.store.read() as connection:
            name = f"mesh service {service_site(user.settings)}"
            assert name in breakers.read_breakers(connection)
        first.close()
        second.close()


def test_the_kill_switch_stops_every_request(user: Context) -> None:
    stop_everything(user, service_site(user.settings), "it is being moved")
    generator = service_generator(user)
    with pytest.raises(SwitchedOffError, match="it is being moved"):
        generator.generate(png(4, 4), "a.png", MeshParameters())
    generator.close()
