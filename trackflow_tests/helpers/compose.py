"""Reads docker/compose.yaml and docker/Dockerfile as Docker does, as far as they go."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE = DOCKER / "compose.yaml"
DOCKERFILE = DOCKER / "Dockerfile"

VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|\{(?P<name>\w+)(?:(?P<kind>:-|-|:\?|\?)(?P<text>[^}]*))?\})"
)


class MissingVariableError(Exception):
    """A variable that compose.yaml requires is unset or empty."""


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """A value of compose.yaml with `${…}` replaced in all of its texts.

    Raises:
        MissingVariableError: one is required and not there.
    """
    if isinstance(value, dict):
        return {key: interpolated(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item, variables) for item in value]
    if not isinstance(value, str):
        return value

    def replace(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "$"
        given, kind = variables.get(found["name"]), found["kind"] or ""
        if given is None or (given == "" and kind.startswith(":")):
            if "?" in kind:
                raise MissingVariableError(f"{found['name']}: {found['text']}")
            return found["text"] or ""
        return given

    return VARIABLE.sub(replace, value)


def compose_file() -> dict[str, Any]:
    """docker/compose.yaml, its anchors resolved."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


@dataclass(frozen=True)
class Mount:
    """A named volume or a file of docker/ in a container."""

    source: str
    target: str
    is_read_only: bool

    @property
    def is_file(self) -> bool:
        return self.source.startswith("./")


@dataclass(frozen=True)
class Service:
    """A service with everything that a process needs."""

    name: str
    image: str
    command: list[str]
    environment: dict[str, str]
    mounts: list[Mount]
    tmpfs: list[str]
    depends_on: dict[str, str]
    check: list[str] | None
    restart: str
    reads_settings: bool = field(default=False)


def services(variables: Mapping[str, str]) -> dict[str, Service]:
    """All services, with these variables of docker/.env."""
    whole = interpolated(compose_file(), variables)
    return {name: _service(name, entry) for name, entry in whole["services"].items()}


def _service(name: str, entry: dict[str, Any]) -> Service:
    test = entry.get("healthcheck", {}).get("test")
    assert test is None or test[0] == "CMD"
    return Service(
        name=name,
        image=entry["image"],
        command=[str(word) for word in entry["command"]],
        environment={key: str(value) for key, value in entry.get("environment", {}).items()},
        mounts=[_mount(text) for text in entry.get("volumes", [])],
        tmpfs=[text.partition(":")[0] for text in entry.get("tmpfs", [])],
        depends_on={k: v["condition"] for k, v in entry.get("depends_on", {}).items()},
        check=test and [str(word) for word in test[1:]],
        restart=entry["restart"],
        reads_settings="env_file" in entry,
    )


def _mount(text: str) -> Mount:
    source, target, *options = text.split(":")
    return Mount(source, target, options == ["ro"])


def in_order(found: Mapping[str, Service], wanted: Iterable[str]) -> list[str]:
    """Names of services and of those that they wait for, which come first."""
    done: list[str] = []

    def add(name: str) -> None:
        for before in found[name].depends_on:
            add(before)
        if name not in done:
            done.append(name)

    for name in wanted:
        add(name)
    return done


@dataclass(frozen=True)
class Stage:
    """A stage of the Dockerfile."""

    name: str
    base: str
    instructions: list[tuple[str, str]]

    def all_of(self, word: str) -> list[str]:
        return [rest for found, rest in self.instructions if found == word]


def dockerfile() -> dict[str, Stage]:
    """The stages of docker/Dockerfile by their names."""
    stages: dict[str, Stage] = {}
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    current: Stage | None = None
    for line in text.replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            current = stages[name] = Stage(name, base, [])
        elif word:
            assert current is not None
            current.instructions.append((word, " ".join(rest.split())))
    return stages


def variables_of(stage: Stage) -> dict[str, str]:
    """The environment that an image gives its processes."""
    pairs = [pair for line in stage.all_of("ENV") for pair in line.split()]
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def copies(stage: Stage) -> Iterator[tuple[list[str], str]]:
    """Sources and target of each COPY from the project."""
    for line in stage.all_of("COPY"):
        *sources, target = line.split()
        if not sources[0].startswith("--from="):
            yield sources, target
