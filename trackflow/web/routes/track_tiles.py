"""Tracks as vector tiles: what maps of long times show."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.queries.track_tiles import TileContent, TileSelection, TrackTiles
from trackflow.web.answers.sending import REVALIDATE, answer, answer_bytes
from trackflow.web.answers.service import MVT
from trackflow.web.answers.track_tiles import EXTENT, TILE, extent_answer
from trackflow.web.dependencies import guarded_router
from trackflow.web.parameters import AnyTime, DeviceIds
from trackflow.web.security.access import open_to

router = guarded_router()

type Shown = Annotated[
    TileContent,
    Query(description="What tiles tell of tracks beside their device; `often`: how many."),
]

KEPT = "private, max-age=3600"
"""A tile with a version is never older than that, and another version has another address."""


@router.get(
    "/tiles/tracks/{zoom}/{x}/{y}.mvt",
    tags=["map"],
    summary="Tracks as a vector tile",
    response_class=Response,
    responses=TILE,
)
@open_to(Scope.READ)
def track_tile(
    request: Request,
    zoom: Annotated[int, Path(ge=0, le=30)],
    x: Annotated[int, Path(ge=0)],
    y: Annotated[int, Path(ge=0)],
    device: DeviceIds,
    when: AnyTime,
    show: Shown = TileContent.DEVICE,
    version: Annotated[
        str,
        Query(
            description="`version` of `/api/v1/tracks/extent`: the tile may be kept for an hour.",
            max_length=100,
        ),
    ] = "",
) -> Response:
    """A Mapbox vector tile of the tracks that overlap the time, for zooms 0 to 14.

    The layer `tracks` has lines with `track_id` and `device_id`, and `travel_mode` or `category` if
    asked; the newest lie above the others. Where a tile has more than 1,000 tracks, those that are
    wholly below others are left out. With `show=often` the layer is `often` instead: points with
    `n`, the number of tracks that cross a square of four pixels. Lines are off by a pixel at most,
    except where more than 20,000 tracks come near a tile of zoom 13 or 14: then by 12 m.
    """
    tiles: TrackTiles = request.app.state.track_tiles
    selection = TileSelection(device, when)
    made = tiles.tile(selection, zoom, x, y, show, version)
    return answer_bytes(request, made, MVT, KEPT if version else REVALIDATE)


@router.get(
    "/api/v1/tracks/extent",
    tags=["tracks"],
    summary="How many tracks there are, and where",
    responses=EXTENT,
)
@open_to(Scope.READ)
def extent(
    request: Request, device: DeviceIds, when: AnyTime, show: Shown = TileContent.DEVICE
) -> Response:
    """The number of tracks that overlap the time, the box around them, and their version.

    Whenever one of them comes, goes or changes, the version is another one: tiles with the former
    one are out of date. With `show=mode` or `category` so it is if that of any track changes.
    """
    tiles: TrackTiles = request.app.state.track_tiles
    return answer(request, extent_answer(tiles.extent(TileSelection(device, when), show)))
