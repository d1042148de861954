"""Descriptions of answers for OpenAPI."""

import ast
import inspect
import itertools
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType, get_original_bases
from typing import Any

import orjson
from pydantic import ConfigDict, with_config

from trackflow.web.answers.sending import JSON, OPTIONS

type Answers = dict[int | str, dict[str, Any]]
"""Answers by status, as FastAPI's `responses` takes them."""


def _describe_fields(schema: dict[str, Any], model: type) -> None:
    """Write the text below each field of a model, and of those that it extends, into its schema.

    Pydantic's own setting for this leaves out inherited fields.
    """
    for base in get_original_bases(model):
        if hasattr(base, "__required_keys__"):
            _describe_fields(schema, base)
    for field, text in _texts(sys.modules[model.__module__])[model.__name__].items():
        schema["properties"][field]["description"] = text


@cache
def _texts(module: ModuleType) -> dict[str, dict[str, str]]:
    """The text below each field of a module's classes, read at once: parsing it takes a while."""
    return {
        part.name: dict(_below_fields(part))
        for part in ast.parse(inspect.getsource(module)).body
        if isinstance(part, ast.ClassDef)
    }


def _below_fields(definition: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in itertools.pairwise(definition.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=words)):
                yield name, inspect.cleandoc(str(words))


described = with_config(ConfigDict(json_schema_extra=_describe_fields))
"""Decorates a model: the text below each field describes it in OpenAPI."""


def shows(
    model: Any, example: object, *, status: int = 200, media_type: str = JSON, text: str = ""
) -> Answers:
    """An answer by its model. FastAPI only describes it: endpoints send their answers themselves.

    Args:
        model: a described `TypedDict`, or a type made of such.
        example: an answer as the endpoint makes it.
        status: its HTTP status.
        media_type: its content type, that of the route's response class.
        text: what it means, if there is more to say than that all is well.
    """
    plain = orjson.loads(orjson.dumps(example, option=OPTIONS))
    shown: dict[str, Any] = {"model": model, "content": {media_type: {"example": plain}}}
    return {status: shown | ({"description": text} if text else {})}


def sends(media_types: Mapping[str, str] | str, text: str) -> Answers:
    """An answer that is no JSON: content types with their formats ("" for text), its meaning."""
    formats = {media_types: ""} if isinstance(media_types, str) else media_types
    content = {
        media_type: {"schema": {"type": "string"} | ({"format": of} if of else {})}
        for media_type, of in formats.items()
    }
    return {200: {"description": text, "content": content}}
