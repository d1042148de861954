"""Parameters and reports as JSON values, for programs, rows and child processes."""

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from trackflow.errors import BadInputError
from trackflow.meshes.parameters import MeshParameters
from trackflow.meshes.report import MeshReport


def parameters_from(values: Mapping[str, Any]) -> MeshParameters:
    """Parameters from their JSON values; those that are left out have their defaults.

    Raises:
        BadInputError: one is unknown, or its value makes no sense.
    """
    known = [field.name for field in fields(MeshParameters)]
    unknown = [name for name in values if name not in known]
    if unknown:
        raise BadInputError(f"there is no parameter {unknown[0]!r}; there are {', '.join(known)}")
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise BadInputError(f"parameter {name} is not a finite number")
    try:
        return _parameters().validate_python(dict(values))
    except ValidationError as error:
        raise BadInputError(f"parameter {_problem(error)}") from None


def parameter_values(parameters: MeshParameters) -> dict[str, Any]:
    """The JSON values of the parameters that differ from their defaults."""
    defaults = asdict(MeshParameters())
    return {name: value for name, value in asdict(parameters).items() if value != defaults[name]}


def report_from(values: Mapping[str, Any]) -> MeshReport:
    """A report from its JSON values.

    Raises:
        BadInputError: they are not those of a report.
    """
    try:
        return _report().validate_python(dict(values))
    except ValidationError as error:
        raise BadInputError(f"this is no report of a mesh: {_problem(error)}") from None


def report_values(report: MeshReport) -> dict[str, Any]:
    """The JSON values of a report."""
    return asdict(report)


@cache
def _parameters() -> TypeAdapter[MeshParameters]:
    return TypeAdapter(MeshParameters)


@cache
def _report() -> TypeAdapter[MeshReport]:
    return TypeAdapter(MeshReport)


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
