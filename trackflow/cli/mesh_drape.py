"""The command that puts tracks on a terrain."""

import uuid
from pathlib import Path
from typing import Annotated

import typer

from trackflow.cli.common import (
    FirstDay,
    Json,
    LastDay,
    check_days,
    opened_context,
    print_json,
    print_note,
)
from trackflow.cli.mesh_parameters import ParameterOptions, with_parameter_options
from trackflow.cli.meshes import mesh_app


def add_to(_app: typer.Typer) -> None:
    """Add this command to `trackflow mesh`."""
    example = "Example: trackflow mesh drape area.tif --device van-1 --solid"
    mesh_app.command("drape", epilog=example)(drape)


def _parsed_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no id of a track") from None


@with_parameter_options
def drape(
    image: Annotated[
        Path, typer.Argument(help="A height map that says where it lies.", show_default=False)
    ],
    parameters: ParameterOptions,
    track_ids: Annotated[
        list[uuid.UUID] | None,
        typer.Option("--track", help="A track, by its id.", parser=_parsed_id, metavar="ID"),
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="Tracks of this device.")] = None,
    race_track: Annotated[
        str | None,
        typer.Option("--race-track", help="Tracks of visits to this race track, by its slug."),
    ] = None,
    first: FirstDay = None,
    last: LastDay = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the files; by default, the image's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a terrain with tracks on it, as files."""
    from trackflow.cli.mesh_files import generate_files
    from trackflow.usecases.meshes.draping import with_chosen_tracks
    from trackflow.usecases.meshes.track_choice import TrackChoice

    check_days(first, last)
    choice = TrackChoice(tuple(track_ids or ()), device, first, last, race_track)
    with opened_context() as context:
        wanted = with_chosen_tracks(context, parameters, choice)
    print_note(f"{len(wanted['tracks']):,} tracks")
    (result,), failed = generate_files([image], wanted, out)
    if as_json:
        print_json(result)
    if failed:
        raise typer.Exit(1)
