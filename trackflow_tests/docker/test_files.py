"""docker/: what can be told of its files without a container engine."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import compose_spec
import pytest
import yaml

from trackflow_tests.helpers.compose import (
    COMPOSE,
    DOCKER,
    DOCKERFILE,
    ROOT,
    MissingVariableError,
    compose_file,
    copies,
    dockerfile,
    interpolated,
    services,
)

SECRETS = ("POSTGRES_PASSWORD", "TRACKFLOW_MESH_TOKEN", "TRACKFLOW_MESH_SECRET", "TRACKFLOW_DOMAIN")
GIVEN = dict.fromkeys(SECRETS, "given")
KNOWN_FINDINGS = {
    "CL-0019",  # no digests: nobody could tell them here, where no registry of images is
    "CL-0005",  # the proxy is for everybody
}


def program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def test_compose_is_as_its_specification_says() -> None:
    whole = interpolated(compose_file(), GIVEN)
    found = compose_spec.PyCompose.from_json(json.dumps(whole))
    assert set(found.service_names()) == set(whole["services"])
    whole["services"]["daemon"]["memlimit"] = "1g"
    with pytest.raises(ValueError, match="memlimit"):
        compose_spec.PyCompose.from_json(json.dumps(whole))


def test_compose_passes_a_linter_of_security() -> None:
    command = [program("compose-lint"), "check", "--format", "json", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"CL-\d{4}", done.stdout)) <= KNOWN_FINDINGS


def test_the_dockerfile_passes_a_linter() -> None:
    command = [program("hadolint"), str(DOCKERFILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_docker_itself_reads_compose() -> None:
    version = [shutil.which("docker") or "docker", "compose", "version"]
    try:
        subprocess.run(version, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no docker compose")
    command = ["docker", "compose", "--file", str(COMPOSE), "config", "--quiet"]
    done = subprocess.run(
        command, env=os.environ | GIVEN, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", [None, ""])
def test_nothing_starts_without_a_secret(name: str, value: str | None) -> None:
    services(GIVEN)
    given = {key: text for key, text in GIVEN.items() if key != name}
    if value is not None:
        given[name] = value
    with pytest.raises(MissingVariableError, match=name):
        services(given)


def test_no_service_but_the_proxy_is_published() -> None:
    found = compose_file()["services"]
    assert [name for name, entry in found.items() if "ports" in entry] == ["proxy"]
    assert all("network_mode" not in entry for entry in found.values())
    behind = {name for name, entry in found.items() if "front" not in entry["networks"]}
    assert behind == {"postgres", "pgbouncer", "migration", "osrm", "meshes", "code", "daemon"}


def test_every_service_is_confined() -> None:
    for name, entry in compose_file()["services"].items():
        assert entry["read_only"], name
        assert entry["cap_drop"] == ["ALL"], name
        assert entry["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "cpus", "pids_limit"} <= set(entry), name
        assert {"max-size", "max-file"} == set(entry["logging"]["options"]), name
        assert entry.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
        one_shot = name == "migration"
        assert ("healthcheck" in entry) != one_shot, name
        assert entry["restart"] == ("no" if one_shot else "unless-stopped"), name


ADDED = ("compose.monitoring.yaml", "celery/compose.yaml", "celery/worker.yaml")


@pytest.mark.parametrize("name", ADDED)
def test_what_may_be_added_is_confined_too(name: str) -> None:
    found = yaml.safe_load((ROOT / "docker" / name).read_text())["services"]
    own = {service: entry for service, entry in found.items() if "image" in entry}
    assert own
    for service, entry in own.items():
        assert entry["read_only"], service
        assert entry["tmpfs"] == ["/tmp"], service
        assert entry["cap_drop"] == ["ALL"], service
        assert entry["security_opt"] == ["no-new-privileges:true"], service
        assert {"mem_limit", "pids_limit"} <= set(entry), service
        assert {"max-size", "max-file"} == set(entry["logging"]["options"]), service
        assert entry["restart"] == "unless-stopped", service


def test_what_can_wait_gives_way_to_what_people_wait_for() -> None:
    found = compose_file()["services"]
    usual = 1024  # Docker's
    later = {name for name, entry in found.items() if entry.get("cpu_shares", usual) < usual}
    assert later == {"code", "osrm", "meshes"}


def test_there_is_one_daemon() -> None:
    found = compose_file()["services"]
    daemons = [name for name, entry in found.items() if "dagster-daemon" in entry["command"][0]]
    assert daemons == ["daemon"]
    # Docker refuses `--scale` for a service whose container has a name
    assert "container_name" in found["daemon"]


def test_everything_waits_for_the_tables() -> None:
    found = services(GIVEN)

    def waits(name: str) -> bool:
        conditions = found[name].depends_on
        return conditions.get("migration") == "service_completed_successfully" or any(
            waits(before) for before in conditions
        )

    own_store = {"postgres", "pgbouncer", "migration", "meshes"}
    assert {name for name in found if not waits(name)} == own_store


def test_images_bear_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    found = compose_file()["services"]
    own = {entry["image"] for entry in found.values() if entry["image"].startswith("trackflow")}
    elsewhere = [*(ROOT / "docker").glob("celery/*.yaml"), *(ROOT / "docker").glob("k8s/*.yaml")]
    named = [re.findall(r"image: (trackflow\S*)", path.read_text()) for path in elsewhere]
    assert {name for names in named for name in names} == {f"trackflow:{version}"}
    assert own == {
        f"{name}:{version}" for name in ("trackflow", "trackflow-pgbouncer", "trackflow-proxy")
    }
    # each is built once, from a stage of this Dockerfile
    built = {
        entry["image"]: entry["build"]["target"] for entry in found.values() if "build" in entry
    }
    assert set(built) == own
    assert set(built.values()) <= set(dockerfile())


def test_base_images_are_pinned() -> None:
    stages = dockerfile()
    bases = {stage.base for stage in stages.values()} - set(stages)
    bases.add(compose_file()["services"]["postgres"]["image"])
    for base in bases:
        assert re.search(r":\d+\.\d+\.?\d*-[a-z]", base), base


def test_images_run_as_a_user_without_rights() -> None:
    stages = dockerfile()
    for name in ("trackflow", "pgbouncer", "proxy"):
        assert stages[name].all_of("USER")[-1] == "10001:10001"


def test_the_image_gets_what_it_needs_and_no_more() -> None:
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    stages = dockerfile()
    sources = {
        source for stage in stages.values() for found, _ in copies(stage) for source in found
    }
    assert sources == allowed
    assert all((ROOT / source).exists() for source in sources)


def test_the_image_gets_the_scripts_that_fetch_and_make_what_pages_load() -> None:
    """The build of the package runs them."""
    made = runpy.run_path(str(ROOT / "scripts" / "vendor.py"))["MADE"]
    needed = {"vendor.py", "cities.py", *(one.script for one in made)}
    (copied,) = re.findall(r"^COPY (scripts/.*) scripts/$", DOCKERFILE.read_text(), re.MULTILINE)
    assert {Path(name).name for name in copied.split()} == needed
    let_in = (ROOT / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    assert {f"!scripts/{name}" for name in needed} <= set(let_in)


def test_dagster_finds_the_code_location_of_compose() -> None:
    (entry,) = yaml.safe_load((DOCKER / "workspace.yaml").read_text())["load_from"]
    command = compose_file()["services"][entry["grpc_server"]["host"]]["command"]
    assert str(entry["grpc_server"]["port"]) in command
    assert "trackflow.definitions" in command


def test_monitoring_finds_the_services_of_compose() -> None:
    whole = compose_file()
    beside = yaml.safe_load((DOCKER / "compose.monitoring.yaml").read_text())["services"]
    for entry in beside.values():
        assert set(entry["depends_on"]) <= {*whole["services"], *beside}
        assert set(entry["networks"]) <= set(whole["networks"])
    text = (DOCKER / "prometheus" / "prometheus.yml").read_text()
    (job,) = yaml.safe_load(text)["scrape_configs"]
    (targets,) = job["static_configs"]
    asked = {target.partition(":")[0] for target in targets["targets"]}
    assert asked == {name for name in whole["services"] if name.startswith("api-")}
