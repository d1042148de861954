"""Checks parameters, and compares them by a hash."""

import hashlib
import json
import sys
from collections.abc import Mapping
from typing import Any

from trackflow.errors import BadInputError
from trackflow.geo import polylines
from trackflow.meshes.json_values import parameter_values, parameters_from
from trackflow.meshes.parameters import MeshKind, MeshParameters

BOUNDS: dict[str, tuple[float, float]] = {
    "max_error_m": (0.0, 1e5),
    "detail_factor": (0.0, 1.0),
    "width_m": (1e-3, 1e8),
    "low_m": (-1e5, 1e5),
    "high_m": (-1e5, 1e5),
    "vertical_scale": (1e-6, 1e6),
    "extrusion_m": (1e-6, 1e6),
    "threshold": (0.0, 1.0),
    "base_mm": (1e-6, 1e4),
    "base_height_m": (-1e6, 1e6),
    "print_width_mm": (1e-3, 1e6),
    "levels": (1, 16),
}
"""Smallest and largest values of the numbers; beyond them no image makes sense."""

MOST_TRACK_CHARACTERS = 2_000_000
"""Of all lines of a mesh: about half a million positions. They are kept with the request."""


def checked_parameters(given: Mapping[str, Any]) -> MeshParameters:
    """Parameters from JSON values, each within its bounds; null stands for the default.

    Raises:
        BadInputError: there is no such parameter, or its value makes no sense.
    """
    found = parameters_from({name: value for name, value in given.items() if value is not None})
    check_bounds(found)
    return found


def check_bounds(parameters: MeshParameters) -> None:
    """Check that the numbers lie within their bounds.

    Raises:
        BadInputError: one does not.
    """
    for name, (low, high) in BOUNDS.items():
        value = getattr(parameters, name)
        if value is not None and not low <= value <= high:
            shown = f"{value:g}" if abs(value) <= sys.float_info.max else "such a number"
            raise BadInputError(
                f"{name} makes no sense as {shown}; it lies between {low:g} and {high:g}"
            )
    if parameters.low_m > parameters.high_m:
        raise BadInputError(
            f"low_m is {parameters.low_m:g}, above high_m, which is {parameters.high_m:g}"
        )
    _check_tracks(parameters)


def _check_tracks(parameters: MeshParameters) -> None:
    if sum(map(len, parameters.tracks)) > MOST_TRACK_CHARACTERS:
        raise BadInputError(
            f"tracks have more than {MOST_TRACK_CHARACTERS:,} characters: choose fewer ones"
        )
    for line in parameters.tracks:
        try:
            lon, lat = polylines.decode(line)
        except ValueError:
            raise BadInputError("tracks holds something else than an encoded polyline") from None
        if not ((abs(lon) <= 180) & (abs(lat) <= 90)).all():
            raise BadInputError("tracks holds a position outside of the world")
    if parameters.tracks and parameters.kind == MeshKind.OUTLINE:
        raise BadInputError("tracks lie on a terrain, and an outline was asked for")


def hash_of(parameters: MeshParameters) -> str:
    """Equal for equal parameters, whatever their order was and however numbers were written.

    Only values that differ from their defaults count: a parameter that a later version adds does
    not make every stored mesh stale.
    """
    values = {
        # 0 equals -0 and 1 equals 1.0, but they are different texts
        name: float(value) + 0.0 if isinstance(value, int | float) else value
        for name, value in parameter_values(parameters).items()
    }
    text = json.dumps(values, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
