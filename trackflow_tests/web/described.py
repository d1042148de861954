"""Whether answers of the API are what `/openapi.json` says, field by field.

The description lets later versions add fields. Here a field that it does not name is an error, as
nobody would find it.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from trackflow_tests.docs.http_reference import describe

SUCCESSES = ("200", "202", "204")


@dataclass(frozen=True, slots=True)
class DescribedAnswer:
    """What an operation answers: a schema for each content type, with its example if it has one."""

    method: str
    path: str
    status: str
    contents: dict[str, dict[str, Any]]


@cache
def answers() -> list[DescribedAnswer]:
    """The answers of all operations where all is well."""
    return [
        DescribedAnswer(method.upper(), path, status, answer.get("content", {}))
        for path, operations in describe()["paths"].items()
        for method, operation in operations.items()
        for status, answer in operation["responses"].items()
        if status in SUCCESSES
    ]


@cache
def components() -> dict[str, Any]:
    """The models of the description, closed to fields that they do not name."""
    return closed(describe()["components"]["schemas"])


def closed(schema: Any) -> Any:
    """A schema whose objects have no other fields than those that it names."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(part) for name, part in schema.items()}
    if found.get("type") == "object" and "properties" in found:
        found.setdefault("additionalProperties", False)
    return found


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Checks values against a schema of the description."""
    whole = closed(schema) | {"components": {"schemas": components()}}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def check_answer(response: httpx.Response) -> None:
    """Fail if an answer where all is well is not as it is described; a hook for clients."""
    described = _described(response)
    if described is None or response.status_code in (204, 206):  # empty, or a part
        return
    assert str(response.status_code) == described.status, response.request.url.path
    kind = response.headers.get("content-type", "").partition(";")[0]
    if kind not in described.contents:
        # no content is described where an answer is empty
        assert not (described.contents and response.read()), (response.request.url.path, kind)
        return
    if "json" in kind:
        _validator(described.method, described.path, kind).validate(_json(response))


@cache
def _validator(method: str, path: str, kind: str) -> jsonschema_rs.Draft202012Validator:
    (found,) = (a for a in answers() if (a.method, a.path) == (method, path))
    return validator(found.contents[kind]["schema"])


@cache
def _patterns() -> list[tuple[re.Pattern[str], DescribedAnswer]]:
    # a parameter may hold strokes: the path with the most literal characters is meant
    ordered = sorted(answers(), key=lambda a: -len(re.sub(r"\{[^}]*\}", "", a.path)))
    return [(re.compile(re.sub(r"\{[^}]*\}", ".+", a.path)), a) for a in ordered]


def _described(response: httpx.Response) -> DescribedAnswer | None:
    if not response.is_success:
        return None
    method, path = response.request.method, response.request.url.path
    found = (a for pattern, a in _patterns() if a.method == method and pattern.fullmatch(path))
    return next(found, None)


def _json(response: httpx.Response) -> Any:
    response.read()
    return response.json()
