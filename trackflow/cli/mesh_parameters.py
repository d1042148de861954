"""The options of a mesh's parameters, made from the parameters themselves and their descriptions.

So a new parameter is an option of the command at once, with the help that its own page has.
"""

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import Field, fields
from enum import StrEnum
from types import NoneType
from typing import Annotated, Any, get_args, get_type_hints

import typer

from trackflow.cli.common import one_of
from trackflow.meshes.parameters import MeshParameters

type ParameterOptions = dict[str, Any]
"""The parameters that were given as options."""

ARGUMENT = "parameters"

NO_OPTIONS = ("tracks",)
"""Too long to type: `trackflow mesh drape` finds them."""


def with_parameter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Replace a command's argument `parameters` by an option for each parameter."""
    names = [field.name for field in _typed_fields()]

    @functools.wraps(command)
    def called(**given: Any) -> None:
        wanted = {name: given.pop(name) for name in names}
        command(**given, **{ARGUMENT: {k: v for k, v in wanted.items() if v is not None}})

    own = inspect.signature(command, eval_str=True).parameters.values()
    kept = [p.replace(kind=p.KEYWORD_ONLY) for p in own if p.name != ARGUMENT]
    called.__signature__ = inspect.Signature([*kept, *_options()])  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in (*kept, *_options())}
    return called


def _typed_fields() -> "list[Field[Any]]":
    return [field for field in fields(MeshParameters) if field.name not in NO_OPTIONS]


def _options() -> list[inspect.Parameter]:
    """An option per parameter; None where it is not given."""
    hints, helps = get_type_hints(MeshParameters), _descriptions()
    found = []
    for field in _typed_fields():
        kinds = get_args(hints[field.name]) or (hints[field.name],)
        kind = next(one for one in kinds if one is not NoneType)
        flag = f"--{field.name.replace('_', '-')}"
        flags = f"{flag}/--no-{flag[2:]}" if kind is bool else flag
        more: dict[str, Any] = {"help": helps[field.name], "show_default": False}
        if issubclass(kind, StrEnum):
            more |= one_of(kind, field.name)
        option = typer.Option(flags, **more)
        found.append(
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[kind | None, option],
            )
        )
    return found


def _descriptions() -> dict[str, str]:
    """The description of each parameter, from the docstring of `MeshParameters`."""
    text = inspect.cleandoc(MeshParameters.__doc__ or "").split("Attributes:")[1]
    found: dict[str, str] = {}
    for names, words in re.findall(r"^ {4}(\w[\w, ]*): (.+(?:\n {8}.+)*)", text, re.MULTILINE):
        plain = " ".join(words.split())
        for name in names.split(", "):
            found[name] = plain[0].upper() + plain[1:]
    return found
