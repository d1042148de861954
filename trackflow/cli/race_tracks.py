"""Commands for the race tracks of the catalogue: list, show one, export."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from trackflow.cli.common import (
    Json,
    one_of,
    opened_context,
    out,
    print_json,
    print_line,
    print_note,
)
from trackflow.exports.choices import CatalogueFormat

if TYPE_CHECKING:
    from trackflow.context import Context

Source = Annotated[
    str | None,
    typer.Option(
        "--source", help="Such as liverc or file. By default the one that is set up, else liverc."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to `trackflow catalogue`."""
    app.command(
        "list", epilog="Example: trackflow catalogue list --text finland --limit 20 --json"
    )(list_tracks)
    app.command(epilog="Example: trackflow catalogue show northtown")(show)
    app.command(
        epilog="Example: trackflow catalogue export --format geojson -o race-tracks.geojson"
    )(export)


def list_tracks(
    source: Source = None,
    text: Annotated[
        str, typer.Option("--text", help="Only if slug, name, city or country has this.")
    ] = "",
    inactive: Annotated[
        bool, typer.Option("--inactive", help="Those that are not listed any more.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", help="So many at most.", min=1)] = 100,
    after: Annotated[str, typer.Option("--after", help="Go on after this slug.")] = "",
    as_json: Json = False,
) -> None:
    """Show tracks of the catalogue, by slug."""
    from trackflow.usecases.catalogue import status as catalogue_status

    with opened_context() as context:
        found = catalogue_status.list_tracks(
            context,
            name_of(context, source),
            active=not inactive,
            text=text,
            limit=limit,
            after=after,
        )
    if as_json:
        print_json([catalogue_status.as_dict(row) for row in found])
        return
    if not found:
        print_line("There are no such tracks.")
        return
    table = Table("slug", "name", "city", "country", box=None)
    for row in found:
        track = row.track
        table.add_row(*map(_plain, (track.slug, track.name, track.city, track.country)))
    out.print(table)


def show(
    slug: Annotated[str, typer.Argument(help="Of the race track.", show_default=False)],
    source: Source = None,
    as_json: Json = False,
) -> None:
    """Show all that is known of a race track, and what the last syncs changed of it."""
    from trackflow.usecases.catalogue.race_tracks import read_track

    with opened_context() as context:
        found = read_track(context, name_of(context, source), slug)
    if as_json:
        print_json(found)
        return
    history = found.pop("history")
    for name, value in found.items():
        if value is not None:
            print_line(f"{name}: {' / '.join(str(value).splitlines())}")
    for entry in history:
        undone = ", undone since" if entry["undone_at"] else ""
        changed = ", ".join(
            f"{one['field']} {one['before']!r} -> {one['after']!r}" for one in entry["fields"]
        )
        print_line(f"{entry['at']:%Y-%m-%d %H:%M} UTC {entry['kind']}{undone} {changed}".rstrip())


def export(
    source: Source = None,
    text: Annotated[
        str, typer.Option("--text", help="Only if slug, name, city or country has this.")
    ] = "",
    country: Annotated[str, typer.Option("--country", help="Only of this country.")] = "",
    inactive: Annotated[
        bool, typer.Option("--inactive", help="Those that are not listed any more.")
    ] = False,
    file_format: Annotated[
        CatalogueFormat, typer.Option("--format", **one_of(CatalogueFormat, "format"))
    ] = CatalogueFormat.CSV,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file instead of the terminal.")
    ] = None,
) -> None:
    """Write race tracks with all their fields as CSV or GeoJSON."""
    from trackflow.exports.catalogue import write_race_tracks
    from trackflow.files import chosen_file
    from trackflow.usecases.catalogue.race_tracks import exported_tracks

    with opened_context() as context:
        found = exported_tracks(
            context, name_of(context, source), active=not inactive, text=text, country=country
        )
        if output is None:
            write_race_tracks(found, file_format, sys.stdout.buffer)
            return
        with chosen_file(output) as file:
            count = write_race_tracks(found, file_format, file)
    print_note(f"{count:,} race tracks in {output}")


def name_of(context: "Context", source: str | None) -> str:
    """The source's name; that of the first one by default."""
    from trackflow.usecases.catalogue.sources import source_named

    return source_named(context.settings, source).source


def _plain(text: Any) -> str:
    """Text from elsewhere for a terminal, with its markup escaped."""
    from rich.markup import escape

    return "" if text is None else escape(str(text))
