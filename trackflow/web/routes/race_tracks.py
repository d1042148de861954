"""The race tracks of the catalogue: list, one with its history, files; and the kill switch."""

import io
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request, Response

from trackflow.exports.catalogue import CatalogueFormat, write_race_tracks
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.catalogue import race_tracks, status
from trackflow.usecases.catalogue.sources import source_named
from trackflow.usecases.housekeeping.kill_switches import allow_again, stop_everything
from trackflow.web.answers import catalogue as answers
from trackflow.web.answers.sending import CSV, GEOJSON, answer
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.parameters import Body, text
from trackflow.web.security.access import open_to

router = guarded_router()

MEDIA_TYPES = {CatalogueFormat.CSV: CSV, CatalogueFormat.GEOJSON: GEOJSON}

ACTIVE = {"yes": True, "no": False, "all": None}

Source = Annotated[
    str, Query(description="The source, such as `liverc` or `file`.", max_length=100)
]
NamedSource = Annotated[str, Path(description="The source.", max_length=100)]
Text = Annotated[
    str, Query(description="What slug, name, city or country has to contain.", max_length=200)
]
Country = Annotated[str, Query(description="The country's English name.", max_length=200)]
Active = Annotated[
    Literal["yes", "no", "all"],
    Query(description="Those that the source lists, those that it listed once, or all."),
]


class StopRequest(Body):
    """Why a source is switched off."""

    reason: str = "stopped by hand"


@router.get(
    "/api/v1/catalogue/tracks",
    tags=["catalogue"],
    summary="Race tracks of a source",
    responses=answers.RACE_TRACKS,
)
@open_to(Scope.READ)
def list_tracks(
    request: Request,
    context: ContextDep,
    source: Source = "",
    text: Text = "",
    country: Country = "",
    active: Active = "yes",
    limit: Annotated[
        int, Query(description="Tracks on a page.", ge=1, le=status.MOST_LISTED)
    ] = 100,
    after: Annotated[str, Query(description="The `next` of the page before.", max_length=200)] = "",
) -> Response:
    """Race tracks by slug, and the slug to go on `after`, null on the last page.

    `coordinates_from` names the origin of the coordinates: the source, or a geocoder.
    """
    name = source_named(context.settings, source).source
    rows = status.list_tracks(
        context,
        name,
        active=ACTIVE[active],
        text=_searched(text),
        country=_searched(country),
        limit=limit,
        after=_searched(after),
    )
    following = rows[-1].track.slug if len(rows) == limit else None
    shown = race_tracks.shown_tracks(context, name, rows)
    return answer(request, {"tracks": shown, "next": following})


@router.get(
    "/api/v1/catalogue/tracks/{slug:path}",
    tags=["catalogue"],
    summary="A race track with its history",
    responses=answers.RACE_TRACK,
)
@open_to(Scope.READ)
def show_track(
    request: Request,
    context: ContextDep,
    slug: Annotated[str, Path(description="The key within its source.", max_length=200)],
    source: Source = "",
) -> Response:
    """All that is known of it, and what the last 30 syncs of its source changed of it."""
    return answer(request, race_tracks.read_track(context, source, _searched(slug)))


@router.get(
    "/api/v1/catalogue/export",
    tags=["catalogue"],
    summary="Download race tracks",
    response_class=Response,
    responses=answers.RACE_TRACK_FILES,
)
@open_to(Scope.READ)
def download(
    context: ContextDep,
    source: Source = "",
    text: Text = "",
    country: Country = "",
    active: Active = "yes",
    format_: Annotated[
        CatalogueFormat, Query(alias="format", description="csv or geojson.")
    ] = CatalogueFormat.CSV,
) -> Response:
    """The file of `trackflow catalogue export`, with all fields; the CSV can be a list again."""
    name = source_named(context.settings, source).source
    found = race_tracks.exported_tracks(
        context,
        name,
        active=ACTIVE[active],
        text=_searched(text),
        country=_searched(country),
    )
    file = io.BytesIO()
    write_race_tracks(found, format_, file)
    headers = {
        "Content-Disposition": f'attachment; filename="race-tracks-{name}.{format_}"',
        "Cache-Control": "private, no-store",
    }
    return Response(file.getvalue(), media_type=MEDIA_TYPES[format_], headers=headers)


@router.post(
    "/api/v1/catalogue/sources/{source}/stop",
    tags=["catalogue"],
    summary="Throw the kill switch of a source",
    response_model=None,
    responses=answers.SWITCH,
)
@open_to(Scope.ADMIN)
def stop(
    context: ContextDep, source: NamedSource, wanted: StopRequest | None = None
) -> dict[str, Any]:
    """No process requests anything from the source's site until it is allowed again."""
    site = source_named(context.settings, source).site
    stop_everything(context, site, text((wanted or StopRequest()).reason) or "stopped by hand")
    return _switch(context, source)


@router.post(
    "/api/v1/catalogue/sources/{source}/allow",
    tags=["catalogue"],
    summary="Reset the kill switch of a source",
    response_model=None,
    responses=answers.SWITCH,
)
@open_to(Scope.ADMIN)
def allow(context: ContextDep, source: NamedSource) -> dict[str, Any]:
    """Its site is requested again; all is well if it was not off."""
    allow_again(context, source_named(context.settings, source).site)
    return _switch(context, source)


def _switch(context: ContextDep, source: str) -> dict[str, Any]:
    found = status.status(context, source)
    return {"source": found.source, "site": found.site, "switched_off": found.switched_off}


def _searched(value: str) -> str:
    """A text to look for: PostgreSQL's text cannot hold a NUL, so nothing stored has one."""
    return value.replace("\0", "")
