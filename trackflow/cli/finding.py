"""The commands `find` and `tracks`: search by name or date, and by where tracks went."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackflow.cli.common import Json, opened_context, print_json, print_line
from trackflow.cli.points import End, Start
from trackflow.errors import SettingsError

if TYPE_CHECKING:
    from trackflow.usecases.queries.passing import Passing

GROUPS = {
    "device": "Devices",
    "place": "Places",
    "track": "Tracks",
    "street": "Streets",
    "town": "Towns",
    "day": "Days",
    "position": "Positions",
}

ALL_TRACKS = 1000
"""Tracks of one page, which the command reads one after another."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.command("find", epilog="Example: trackflow find Mannerheimintie")(find_)
    app.command("tracks", epilog="Example: trackflow tracks --near 24.9384,60.1699 --radius-m 200")(
        tracks
    )


Near = Annotated[
    str | None, typer.Option("--near", help="Near here, in degrees.", metavar="LON,LAT")
]


def find_(
    text: Annotated[str, typer.Argument(help="Part of a name, a date, or a position.")],
    near: Near = None,
    limit: Annotated[int, typer.Option(help="Of each group.", min=1, max=1000)] = 8,
    as_json: Json = False,
) -> None:
    """Search devices, places, named tracks, streets, towns, days and positions.

    Case and accents do not count. No service is asked: streets come from the road networks'
    extracts, towns from GeoNames.
    """
    from trackflow.geo.crossing import read_circle
    from trackflow.usecases.queries.finding import find
    from trackflow.web.answers.finding import find_answer

    here = None
    if near is not None:
        at = read_circle(near, 1.0)
        here = (at.longitude, at.latitude)
    with opened_context() as context:
        found = find(context, text, here, limit)
    if as_json:
        return print_json(find_answer(found))
    for group, some in found.items():
        print_line(GROUPS[group])
        for one in some:
            where = "" if one.position is None else f"{one.position[1]:.5f}, {one.position[0]:.5f}"
            parts = [one.name, one.about, where, one.id if group in ("place", "track") else None]
            print_line("  " + "  ".join(part for part in parts if part))
    if not found:
        print_line("Nothing has such a name.")
    return None


def tracks(
    through: Annotated[
        str | None,
        typer.Option("--through", help="Only tracks through this box.", metavar="W,S,E,N"),
    ] = None,
    near: Near = None,
    radius_m: Annotated[float, typer.Option(help="Metres around --near.")] = 100.0,
    device: Annotated[
        list[str] | None, typer.Option("--device", help="Only this device; may be repeated.")
    ] = None,
    start: Start = None,
    end: End = None,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1)] = 100,
    as_json: Json = False,
) -> None:
    """List tracks, the newest first, with their times and from where to where they went.

    With --through or --near only those whose line passes there, between points
    too, and from when to when they were there.
    """
    from trackflow.geo.bbox import Bbox, read_box
    from trackflow.geo.crossing import read_circle
    from trackflow.geo.time import EARLIEST, LATEST
    from trackflow.usecases.queries.lines import TimeRange
    from trackflow.usecases.queries.passing import PassingQuery, read_passing
    from trackflow.web.answers.finding import passing_answer

    if through is not None and near is not None:
        raise SettingsError("give either --through or --near")
    area: Any = Bbox(-180.0, -90.0, 180.0, 90.0)
    if through is not None:
        area = read_box(through)
    elif near is not None:
        area = read_circle(near, radius_m)
    devices = tuple(device) if device else None
    when = TimeRange(start or EARLIEST, end or LATEST)
    found: list[Passing] = []
    after, is_last = None, False
    with opened_context() as context:
        while len(found) < limit and not is_last:
            wanted = PassingQuery(
                area, devices, when, limit=min(ALL_TRACKS, limit - len(found)), after=after
            )
            page = read_passing(context, wanted)
            found += page.tracks
            after, is_last = page.following, page.following is None
    if as_json:
        return print_json([passing_answer(one) for one in found])
    is_anywhere = through is None and near is None
    for one in found:
        there = "" if is_anywhere else f"there {_span(one.first_there, one.last_there)}"
        parts = [
            f"{one.track_id}",
            one.device_id,
            _span(one.start_time, one.end_time),
            f"{one.distance_m / 1000:,.1f} km",
            one.name,
            one.ends.words,
            there,
        ]
        print_line("  ".join(part for part in parts if part))
    if not found:
        print_line("There are no such tracks.")
    elif not is_last:
        print_line(f"… and more: --limit shows more than {limit:,}")
    return None


def _span(start: dt.datetime, end: dt.datetime) -> str:
    last = f"{end:%H:%M:%S}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
    return f"{start:%Y-%m-%d %H:%M:%S} to {last} UTC"
