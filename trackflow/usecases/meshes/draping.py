"""Lines of tracks as a parameter of meshes: they lie on the terrain of an image."""

from collections.abc import Mapping, Sequence
from typing import Any

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.usecases.meshes.track_choice import TrackChoice, chosen_lines
from trackflow.usecases.queries.track_lines import TrackLine


def with_lines(parameters: Mapping[str, Any], lines: Sequence[TrackLine]) -> dict[str, Any]:
    """Parameters of a mesh, as JSON, with these lines on it.

    The lines themselves are kept, not the ids of their tracks: so a mesh can be made by a service
    that knows no tracks, and another line makes another mesh.
    """
    return {**parameters, "tracks": [polylines.encode(line.lon, line.lat) for line in lines]}


def with_chosen_tracks(
    context: Context, parameters: Mapping[str, Any], choice: TrackChoice
) -> dict[str, Any]:
    """Parameters of a mesh, as JSON, with the matched lines of the chosen tracks on it.

    Raises:
        BadInputError: nothing is chosen.
        NotFoundError: there is no such track, or none is left.
    """
    return with_lines(parameters, chosen_lines(context, choice))
