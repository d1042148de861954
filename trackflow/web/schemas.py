"""Schemas of request bodies for routes that read them by themselves."""

from typing import Any

from pydantic import TypeAdapter


def schema_of(kind: Any) -> dict[str, Any]:
    """The JSON schema of a type without references: in a route they would lead nowhere."""
    schema = TypeAdapter(kind).json_schema()
    definitions = schema.pop("$defs", {})
    found = _without_references(schema, definitions)
    assert isinstance(found, dict)
    return found


def _without_references(value: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_without_references(one, definitions) for one in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        target = definitions[value["$ref"].rpartition("/")[2]]
        others = {key: one for key, one in value.items() if key != "$ref"}
        return _without_references(target | others, definitions)
    return {key: _without_references(one, definitions) for key, one in value.items()}
