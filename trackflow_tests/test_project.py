"""Promises of the project as a whole: what it installs, imports, starts and says."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DAGSTER_FREE = ["trackflow", "trackflow.usecases", "trackflow.cli.main"]


def direct_dependencies() -> list[str]:
    project = PYPROJECT["project"]
    return [
        *project["dependencies"],
        *PYPROJECT["dependency-groups"]["dev"],
        *PYPROJECT["build-system"]["requires"],
    ]


def pinned() -> dict[str, str]:
    """Name and version of every requirement of the lock that has at least one hash."""
    pins = re.findall(
        r"^([\w.\-]+)==([\w.+!]+)(?: ;[^\\\n]*)? \\\n    --hash=sha256:", LOCK, re.MULTILINE
    )
    return {canonicalize_name(name): version for name, version in pins}


def repository_files() -> list[Path]:
    """Everything that git holds or would take in."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def yaml_file(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


@pytest.mark.parametrize("text", direct_dependencies())
def test_lock_pins_each_direct_dependency(text: str) -> None:
    requirement = Requirement(text)
    version = pinned().get(canonicalize_name(requirement.name))
    assert version, f"{requirement.name} is not in requirements.lock: run `make lock`"
    assert requirement.specifier.contains(version, prereleases=True)


def test_lock_hashes_everything() -> None:
    names = re.findall(r"^([\w.\-]+)==", LOCK, re.MULTILINE)
    assert len(names) > 100
    assert {canonicalize_name(name) for name in names} == set(pinned())


def test_lock_holds_no_address() -> None:
    for sign in ("://", "--index-url", "--extra-index-url", "--find-links", " @ ", " /", "~"):
        assert sign not in LOCK.replace("~=", "")


def test_no_file_names_a_place_of_its_authors() -> None:
    place = re.compile(rb"/work/|/root/|/opt/(?:pypi|wheels)|\.\./shared")
    found = [
        str(path.relative_to(ROOT))
        for path in repository_files()
        if "trackflow_tests" not in path.parts and place.search(path.read_bytes())
    ]
    assert not found


def test_imports_go_one_way() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", DAGSTER_FREE)
def test_import_is_free_of_dagster(module: str) -> None:
    script = f"import sys, {module}; sys.exit('dagster' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr or f"{module} imports dagster, which takes seconds"


def test_dagster_starts_with_the_projects_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagster import DagsterInstance

    (tmp_path / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with DagsterInstance.get() as instance:
        assert not instance.telemetry_enabled
        assert instance.run_monitoring_enabled
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 6


def test_production_settings_reach_a_real_postgresql(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagster import DagsterInstance
    from sqlalchemy import make_url

    url = make_url(postgres_url)
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as server:
        server.execute("CREATE DATABASE of_dagster_alone")  # both keep a table alembic_version
    text = (ROOT / "docker" / "dagster.yaml").read_text()
    text = text.replace("/var/lib/trackflow", str(tmp_path / "lib"))
    (tmp_path / "dagster.yaml").write_text(text)
    # The driver takes a folder with a socket in place of a host, but only as a query.
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("PGHOST", str(url.query["host"]))
    for name, value in {
        "HOST": "",
        "USER": "postgres",
        "PASSWORD": "",
        "DB": "of_dagster_alone",
    }.items():
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{name}", value)
    with DagsterInstance.get() as instance:
        assert instance.get_runs_count() == 0
        assert "PostgresRunStorage" in type(instance.run_storage).__name__


def test_production_settings_differ_in_storage_only() -> None:
    local, server = yaml_file("dagster.yaml"), yaml_file("docker/dagster.yaml")
    assert {key: server[key] for key in server if key not in ("storage", "compute_logs")} == local


def test_workspace_loads_the_definitions() -> None:
    (entry,) = yaml_file("workspace.yaml")["load_from"]
    assert entry["python_module"]["module_name"] == "trackflow.definitions"
