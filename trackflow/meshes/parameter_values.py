"""Parameters as JSON: read from requests and files, stored in tables, compared by a hash.

Only values that differ from their defaults are written. So a parameter that a later version adds
does not make every stored mesh stale.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from types import NoneType
from typing import Any, get_args, get_type_hints

from trackflow.errors import BadInputError
from trackflow.meshes.parameters import MeshParameters

_BOUNDS: dict[str, tuple[float, float]] = {
    "max_error_m": (0.0, 1e5),
    "detail_factor": (0.0, 1.0),
    "width_m": (1e-3, 1e8),
    "low_m": (-1e5, 1e5),
    "high_m": (-1e5, 1e5),
    "vertical_scale": (1e-6, 1e6),
    "extrusion_m": (1e-6, 1e6),
    "threshold": (0.0, 1.0),
    "base_mm": (0.0, 1e4),
    "base_height_m": (-1e6, 1e6),
    "print_width_mm": (1e-3, 1e6),
    "levels": (1, 16),
}
"""Smallest and largest values of the numbers; beyond them no image makes sense."""

_ANY_NUMBER = (-1e9, 1e9)
MOST_CHARACTERS = 200

_DEFAULTS = MeshParameters()


def parameter_types() -> dict[str, type]:
    """The type of each parameter that is not None: a StrEnum, bool, int, float or str."""
    found = {}
    for name, hint in get_type_hints(MeshParameters).items():
        kinds = [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
        found[name] = kinds[0]
    return found


def parameters_of(given: Mapping[str, Any]) -> MeshParameters:
    """Parameters from JSON; what is missing or null has its default.

    Raises:
        BadInputError: there is no such parameter, or its value makes no sense.
    """
    known = parameter_types()
    if unknown := sorted(set(map(str, given)) - set(known)):
        raise BadInputError(
            f"there is no parameter {unknown[0]!r} of a mesh; there are {', '.join(sorted(known))}"
        )
    values = {name: _read(name, value, known[name]) for name, value in given.items() if value is not None}
    found = MeshParameters(**values)
    if found.low_m > found.high_m:
        raise BadInputError(f"low_m is {found.low_m:g}, above high_m, which is {found.high_m:g}")
    return found


def as_json(parameters: MeshParameters) -> dict[str, Any]:
    """The parameters that differ from their defaults."""
    found = {}
    for field in fields(MeshParameters):
        value = getattr(parameters, field.name)
        if value != getattr(_DEFAULTS, field.name):
            found[field.name] = value.value if isinstance(value, StrEnum) else value
    return found


def hash_of(parameters: MeshParameters) -> str:
    """Equal for equal parameters, whatever their order and however their numbers were written."""
    text = json.dumps(as_json(parameters), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _read(name: str, value: Any, kind: type) -> Any:
    if issubclass(kind, StrEnum):
        return _word(name, value, kind)
    if kind is bool:
        if not isinstance(value, bool):
            raise BadInputError(f"{name} is {value!r}; it is true or false")
        return value
    if kind is str:
        if not isinstance(value, str) or len(value) > MOST_CHARACTERS:
            raise BadInputError(f"{name} is a text of at most {MOST_CHARACTERS} characters")
        return value
    low, high = _BOUNDS.get(name, _ANY_NUMBER)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and low <= value <= high):
        raise BadInputError(f"{name} is {value!r}; it is a number from {low:g} to {high:g}")
    if kind(value) != value:
        raise BadInputError(f"{name} is {value!r}; it is a whole number")
    return kind(value) + 0  # a negative zero equals zero, but would be written as another text


def _word(name: str, value: Any, words: type[StrEnum]) -> StrEnum:
    try:
        return words(value)
    except ValueError:
        known = ", ".join(word.value for word in words)
        raise BadInputError(f"{name} is {value!r}; it is one of {known}") from None
