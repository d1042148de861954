"""`docs/reference/http.md`, out of the application's OpenAPI description."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.web.answers.problems import PROBLEMS
from trackflow.web.app import DESCRIPTION, ROUTERS, create_app
from trackflow.web.security.access import GuardedRoute
from trackflow_tests.docs.markdown import GENERATED, page, table

OPEN = "everybody, without a token"


def http_reference() -> str:
    """The page."""
    description = describe()
    problems = table(
        ("status", "meaning"), ((str(k), v["description"]) for k, v in PROBLEMS.items())
    )
    introduction = [
        "# HTTP",
        "",
        GENERATED,
        "",
        *DESCRIPTION.splitlines(),
        "",
        "`/openapi.json` describes the same for programs. A token of scope `admin` opens every",
        'route. Errors are JSON, `{"error": "…"}`, with one of these:',
        "",
        *problems,
    ]
    return page(introduction, *_routes(description), *_models(description))


@cache
def describe() -> dict[str, Any]:
    """OpenAPI of the application on an empty store; not to be changed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Context.open(Settings(home=Path(folder), engine_url="none")) as context,
    ):
        return create_app(context).openapi()


def scopes() -> dict[tuple[str, str], str]:
    """Whose token opens a route, by method and path."""
    found = {}
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, GuardedRoute)
            whom = OPEN if route.scope is None else f"`{route.scope}`"
            for method in route.methods:
                found[method, route.path_format] = whom
    return found


def _routes(description: dict[str, Any]) -> list[list[str]]:
    open_to = scopes()
    return [
        _route(method.upper(), path, of, open_to[method.upper(), path])
        for path, methods in description["paths"].items()
        for method, of in methods.items()
    ]


def _route(method: str, path: str, of: dict[str, Any], scope: str) -> list[str]:
    lines = [f"## `{method} {path}`", "", f"**{of['summary']}.** {of.get('description', '')}"]
    lines += ["", f"Scope: {scope}."]
    if parameters := of.get("parameters"):
        rows = [
            (f"`{p['name']}`", p["in"], _type(p["schema"]), p.get("description", ""))
            for p in parameters
        ]
        lines += ["", *table(("parameter", "in", "type", "meaning"), rows)]
    for kind, content in of.get("requestBody", {}).get("content", {}).items():
        lines += ["", f"Body: `{kind}`, {_type(content.get('schema', {}))}."]
    answers = [
        (status, ", ".join(f"`{kind}`" for kind in answer.get("content", {})), _answer(answer))
        for status, answer in sorted(of["responses"].items())
        if answer != _problem(status)
    ]
    lines += ["", *table(("answer", "type", "meaning"), answers)]
    return [*lines, *_examples("Body", of.get("requestBody", {})), *_answer_examples(of)]


def _answer_examples(of: dict[str, Any]) -> list[str]:
    return [
        line
        for status in sorted(of["responses"])
        for line in _examples(f"Answer {status}", of["responses"][status])
    ]


def _examples(what: str, of: dict[str, Any]) -> list[str]:
    """Examples that a description has, as blocks of code."""
    lines = []
    for kind, content in of.get("content", {}).items():
        if "json" in kind and "example" in content:
            shown = json.dumps(content["example"], indent=2, ensure_ascii=False)
            lines += ["", f"{what}, for example:", "", "```json", *shown.splitlines(), "```"]
    return lines


def _problem(status: str) -> Any:
    return PROBLEMS.get(int(status))


def _answer(answer: dict[str, Any]) -> str:
    models = {
        shown
        for content in answer.get("content", {}).values()
        if (shown := _type(content.get("schema", {}))).startswith("[")
    }
    text = str(answer["description"]).replace("Successful Response", "Done.")
    return " ".join([text, *sorted(models)]).strip()


def _models(description: dict[str, Any]) -> list[list[str]]:
    models = description.get("components", {}).get("schemas", {})
    if not models:
        return []
    return [["## Models"], *(_model(name, models[name]) for name in sorted(models))]


def _model(name: str, of: dict[str, Any]) -> list[str]:
    lines = [f"### {name}", "", of.get("description", "")]
    if values := of.get("enum"):
        return [*lines, "", "One of " + ", ".join(f"`{value}`" for value in values) + "."]
    rows = [
        (f"`{field}`", _type(schema), schema.get("description", ""))
        for field, schema in of.get("properties", {}).items()
    ]
    return [*lines, "", *table(("field", "type", "meaning"), rows)]


def _values(schema: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of an object's values, if its fields have no names of their own."""
    values = schema.get("additionalProperties")
    return values if isinstance(values, dict) else None


def _type(schema: dict[str, Any]) -> str:
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(option) for option in options)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if values := _values(schema):
        return f"object of {_type(values)} by name"
    if "const" in schema:
        return f"`{schema['const']}`"
    if values := schema.get("enum"):
        return " or ".join(f"`{value}`" for value in values)
    form = f" ({schema['format']})" if "format" in schema else ""
    return f"{schema.get('type', 'JSON')}{form}"
