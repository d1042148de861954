"""The command `track`: what people call a track and say of it."""

import uuid
from typing import Annotated

import typer

from trackflow.cli.common import By, Json, decider, opened_context, print_json, print_line

track_app = typer.Typer(help="One track: its name and its note.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the command to the `trackflow` command."""
    app.add_typer(track_app, name="track")


TrackId = Annotated[
    uuid.UUID,
    typer.Argument(metavar="TRACK", help="Its id; former ids lead to it.", show_default=False),
]


@track_app.command(
    "show", epilog="Example: trackflow track show 7d7e2b86-56d5-5f0e-8f39-0c6f6a3b5a10"
)
def show(track: TrackId, as_json: Json = False) -> None:
    """Show a track: its device, its time, its length, its name and note."""
    from trackflow.usecases.queries.tracks import read_track

    with opened_context() as context:
        found = read_track(context, track).track
    if as_json:
        return print_json(found)
    print_line(f"{found.name or 'without a name'}")
    print_line(
        f"{found.device_id}, {found.start_time:%Y-%m-%d %H:%M:%S} to "
        f"{found.end_time:%Y-%m-%d %H:%M:%S} UTC, {found.distance_m / 1000:,.1f} km"
    )
    if found.note:
        print_line(found.note)
    return None


@track_app.command(
    "name",
    epilog="Example: trackflow track name 7d7e2b86-56d5-5f0e-8f39-0c6f6a3b5a10 --name 'To the sea'",
)
def name_(
    track: TrackId,
    name: Annotated[str, typer.Option(help="One line; without it, none.")] = "",
    note: Annotated[str, typer.Option(help="Any text; without it, none.")] = "",
    by: By = None,
    as_json: Json = False,
) -> None:
    """Give a track a name and a note, in place of those that it has.

    They survive every recompute: they belong to the track that holds the middle of this one's time.
    """
    from trackflow.usecases.days.naming import name_track

    with opened_context() as context:
        one = name_track(context, track, name=name, note=note, decided_by=decider(by))
    if as_json:
        return print_json(one)
    print_line(f"named: {one.name}" if one.name else "without a name")
    return None
