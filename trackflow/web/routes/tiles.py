"""The base map: roads as vector tiles."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.roads.road_tiles import RoadTiles
from trackflow.web.answers.sending import answer_bytes
from trackflow.web.answers.service import MVT, ROADS
from trackflow.web.dependencies import guarded_router
from trackflow.web.security.access import open_to

router = guarded_router()

KEPT = "private, max-age=600"
"""Roads change when another network is built: a map may show old ones for minutes."""


@router.get(
    "/tiles/roads/{zoom}/{x}/{y}.mvt",
    tags=["map"],
    summary="Roads as a vector tile",
    response_class=Response,
    responses=ROADS,
)
@open_to(Scope.READ)
def roads(
    request: Request,
    zoom: Annotated[int, Path(ge=0, le=30)],
    x: Annotated[int, Path(ge=0)],
    y: Annotated[int, Path(ge=0)],
    profile: Annotated[
        str | None, Query(description="Whose network: car, bicycle or foot; the first one without.")
    ] = None,
) -> Response:
    """A Mapbox vector tile with one layer, `speeds`: lines with `speed`, `is_small` and `name`.

    There are tiles for zooms 12 to 16 where there are roads; all others are empty. At higher zooms
    a map library shows those of 16 larger (`minzoom` and `maxzoom` of its source).
    """
    tiles: RoadTiles = request.app.state.road_tiles
    return answer_bytes(request, tiles.tile(profile, zoom, x, y), MVT, KEPT)
