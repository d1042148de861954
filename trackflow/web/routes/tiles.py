"""The base map: vector tiles of the extract, and roads as the engine has them."""

import gzip
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import Path, Query, Request, Response
from fastapi.responses import FileResponse

from trackflow.errors import NotFoundError
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.roads.base_maps import BaseMaps
from trackflow.usecases.roads.road_tiles import RoadTiles
from trackflow.web.answers.sending import answer_bytes, takes_gzip
from trackflow.web.answers.service import BASE_MAP, MVT, PARTS, PMTILES, PMTILES_TYPE, ROADS
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.parameters import NO_NUL
from trackflow.web.security.access import open_to

router = guarded_router()

KEPT = "private, max-age=600"
"""Roads change when another network is built: a map may show old ones for minutes."""


LONG = "private, max-age=604800"
"""An address with the version of the tiles never gets others."""

EMPTY = gzip.compress(b"", mtime=0)


@router.get(
    "/tiles/base/{zoom}/{x}/{y}.mvt",
    tags=["map"],
    summary="The base map as a vector tile",
    response_class=Response,
    responses=BASE_MAP,
)
@open_to(Scope.READ)
def base_map(
    request: Request,
    zoom: Annotated[int, Path(ge=0, le=30)],
    x: Annotated[int, Path(ge=0)],
    y: Annotated[int, Path(ge=0)],
    version: Annotated[
        str, Query(description="`base_map` of `/api/v1/page`: the tile may be kept long.")
    ] = "",
) -> Response:
    """A Mapbox vector tile with layers of the schema Shortbread, and `covered`: the known area.

    Tiles have zooms 0 to 14; a map library shows those of 14 larger. Where no network has
    anything the tile is empty. `network build` makes the tiles.
    """
    maps: BaseMaps = request.app.state.base_maps
    packed = maps.tile(zoom, x, y) or EMPTY
    is_packed = takes_gzip(request)
    kept = LONG if version and version == maps.version() else KEPT
    answer = answer_bytes(request, packed if is_packed else gzip.decompress(packed), MVT, kept)
    if is_packed and answer.status_code == 200:
        answer.headers["Content-Encoding"] = "gzip"
    return answer


ARCHIVE = "/tiles/archive.pmtiles"


def is_file(tiles_url: str) -> bool:
    """Whether the tiles of `TRACKFLOW_TILES_URL` are a file of this machine."""
    return tiles_url.startswith("/")


@router.get(
    ARCHIVE,
    tags=["map"],
    summary="The PMTiles file of the settings",
    response_class=Response,
    responses={**PMTILES, **PARTS},
)
@open_to(Scope.READ)
def archive(context: ContextDep) -> Response:
    """The file that `TRACKFLOW_TILES_URL` names, by ranges of bytes; 404 if it names none."""
    path = context.settings.tiles_url
    if not is_file(path) or not FilePath(path).is_file():
        raise NotFoundError("TRACKFLOW_TILES_URL names no PMTiles file that is there")
    return FileResponse(path, media_type=PMTILES_TYPE, headers={"Cache-Control": KEPT})


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
        str | None,
        Query(
            description="Whose network: car, bicycle or foot; the first one without.",
            max_length=100,
            pattern=NO_NUL,
        ),
    ] = None,
) -> Response:
    """A Mapbox vector tile with one layer, `speeds`: lines with `speed`, `is_small` and `name`.

    There are tiles for zooms 12 to 16 where there are roads; all others are empty. At higher zooms
    a map library shows those of 16 larger (`minzoom` and `maxzoom` of its source).
    """
    tiles: RoadTiles = request.app.state.road_tiles
    return answer_bytes(request, tiles.tile(profile, zoom, x, y), MVT, KEPT)
