"""The commands `places`: what was learned from stays, and what people say about it."""

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackflow.cli.common import (
    By,
    Device,
    Json,
    decider,
    opened_context,
    print_json,
    print_line,
)
from trackflow.errors import SettingsError

if TYPE_CHECKING:
    from trackflow.usecases.places.reading import PlaceRow

places_app = typer.Typer(
    help="Places: home, work, customers; learned from stays, or named by you.",
    no_args_is_help=True,
)

PlaceId = Annotated[str, typer.Argument(help="As listed; its first characters do.")]
Kind = Annotated[
    str | None, typer.Option(help="home, work, customer, race_track or other.", metavar="KIND")
]
Radius = Annotated[float | None, typer.Option(help="Metres.")]
Longitude = Annotated[float | None, typer.Option("--lon", help="Degrees east.")]
Latitude = Annotated[float | None, typer.Option("--lat", help="Degrees north.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.add_typer(places_app, name="places")


@places_app.command("list", epilog="Example: trackflow places list --device van-7 --json")
def list_(
    device: Device = None,
    with_rejected: Annotated[
        bool, typer.Option("--all", help="Rejected and merged ones as well.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List places: kind, name, position, radius, and how sure it is."""
    from trackflow.usecases.places.reading import list_places

    with opened_context() as context:
        found = list_places(context, device, with_rejected=with_rejected)
    if as_json:
        return print_json([row.as_json() for row in found])
    for row in found:
        print_line(_line(row))
    if not found:
        print_line("There are no places yet: `trackflow run` learns them from stays.")
    return None


@places_app.command("confirm", epilog="Example: trackflow places confirm 3f2a")
def confirm(place: PlaceId, by: By = None, as_json: Json = False) -> None:
    """Say that a place is right: learning does not touch it from now on."""
    from trackflow.usecases.places import editing

    with opened_context() as context:
        row = editing.confirm_place(context, _found(context, place), decider(by))
    _print(row, as_json)


@places_app.command("rename", epilog="Example: trackflow places rename 3f2a 'Depot North'")
def rename(
    place: PlaceId,
    name: Annotated[str | None, typer.Argument(help="Its new name.")] = None,
    kind: Kind = None,
    radius_m: Radius = None,
    longitude: Longitude = None,
    latitude: Latitude = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Change name, kind, radius or position of a place, and so confirm it.

    Visits follow at once; categories and the logbook follow with the next run.
    """
    from trackflow.usecases.places import editing

    change = editing.PlaceChange(name, kind, longitude, latitude, radius_m)
    if change == editing.PlaceChange():
        raise SettingsError("say what to change: a name, --kind, --radius-m, or --lon and --lat")
    with opened_context() as context:
        row = editing.change_place(context, _found(context, place), change, decider(by))
    _print(row, as_json)


@places_app.command("merge", epilog="Example: trackflow places merge 3f2a 91cc")
def merge(
    place: PlaceId,
    into: Annotated[str, typer.Argument(help="The place that its visits belong to.")],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Let visits of a place belong to another one."""
    from trackflow.usecases.places import editing

    with opened_context() as context:
        target = _found(context, into)
        row = editing.merge_place(context, _found(context, place), target, decider(by))
    _print(row, as_json)


@places_app.command("reject", epilog="Example: trackflow places reject 3f2a")
def reject(place: PlaceId, by: By = None, as_json: Json = False) -> None:
    """Say that there is no place: none is learned at this spot again."""
    from trackflow.usecases.places import editing

    with opened_context() as context:
        row = editing.reject_place(context, _found(context, place), decider(by))
    _print(row, as_json)


@places_app.command(
    "add", epilog="Example: trackflow places add 'Depot' --lon 24.94 --lat 60.17 --kind work"
)
def add(
    name: Annotated[str, typer.Argument(help="Its name.")],
    longitude: Annotated[float, typer.Option("--lon", help="Degrees east.")],
    latitude: Annotated[float, typer.Option("--lat", help="Degrees north.")],
    kind: Kind = "other",
    radius_m: Radius = 100.0,
    device: Annotated[
        str | None, typer.Option("--device", help="Only for this device; without it, for all.")
    ] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Add a place by hand."""
    from trackflow.usecases.places import editing

    draft = editing.PlaceDraft(
        name, kind or "other", longitude, latitude, radius_m or 100.0, device
    )
    with opened_context() as context:
        row = editing.add_place(context, draft, decider(by))
    _print(row, as_json)


@places_app.command("undo", epilog="Example: trackflow places undo 3f2a")
def undo(place: PlaceId, as_json: Json = False) -> None:
    """Undo the newest decision about a place."""
    from trackflow.usecases.places import editing

    with opened_context() as context:
        row = editing.undo_place(context, _found(context, place))
    if row is not None:
        return _print(row, as_json)
    if as_json:
        return print_json(None)
    return print_line("The place is gone.")


@places_app.command("learn", epilog="Example: trackflow places learn --shared")
def learn(
    device: Device = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Places that several devices come back to.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Learn places from stays now. `trackflow run` does it by itself, but for shared ones."""
    from trackflow.usecases.places import learning

    with opened_context() as context:
        reports = (
            {"": learning.learn_shared_places(context)}
            if shared
            else learning.learn_all(context, device)
        )
    if as_json:
        return print_json(reports)
    for name, report in reports.items():
        who = f"{name}: " if name else ""
        print_line(
            f"{who}{report.places:,} places learned from {report.stays:,} stays, "
            f"{report.changed:,} changed"
        )
    return None


@places_app.command("address", epilog="Example: trackflow places address")
def address(
    queue: Annotated[
        bool, typer.Option("--queue", help="Leave the work to a running service.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask the geocoder for the addresses of all stays, as a job."""
    from trackflow.cli.jobs import print_job, run_to_end
    from trackflow.usecases.jobs.kinds import queue_job
    from trackflow.usecases.places.address_jobs import KIND

    with opened_context() as context:
        job = queue_job(context, KIND, {})
        if queue:
            return print_job(job, as_json)
        return run_to_end(context, job, as_json, "addresses")


@places_app.command("export", epilog="Example: trackflow places export > places.csv")
def export(
    device: Device = None,
    with_learned: Annotated[
        bool, typer.Option("--learned", help="With places that nobody has confirmed.")
    ] = False,
) -> None:
    """Print places as CSV: name, kind, longitude, latitude, radius_m, device_id."""
    from trackflow.usecases.places.files import export_places

    with opened_context() as context:
        typer.echo(export_places(context, device, with_learned=with_learned), nl=False)


@places_app.command("import", epilog="Example: trackflow places import places.csv")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with name, longitude and latitude.")],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Add the places of a CSV file, all or none; the same file again changes nothing."""
    from trackflow.usecases.places.files import import_places, read_file

    with opened_context() as context:
        report = import_places(context, read_file(file), decider(by))
    if as_json:
        return print_json(report)
    return print_line(f"{report.places:,} places, {report.changed:,} new or different")


def _found(context: Any, text: str) -> uuid.UUID:
    """The id of the place whose id begins so.

    Raises:
        SettingsError: there is none, or more than one.
    """
    from trackflow.usecases.places.reading import list_places

    wanted = text.strip().lower()
    ids = [row.place_id for row in list_places(context, with_rejected=True)]
    found = [one for one in ids if str(one).startswith(wanted)] if wanted else []
    if len(found) != 1:
        many = "several places" if found else "no place"
        raise SettingsError(f"there is {many} {text!r}; see `trackflow places list --all`")
    return found[0]


def _print(row: "PlaceRow", as_json: bool) -> None:
    if as_json:
        return print_json(row.as_json())
    return print_line(_line(row))


def _line(row: "PlaceRow") -> str:
    sure = "" if row.confidence is None else f" {row.confidence:.0%}"
    owner = row.device_id or "all devices"
    where = f"{row.longitude:.5f} {row.latitude:.5f}, {row.radius_m:.0f} m"
    merged = f" into {str(row.merged_into)[:8]}" if row.merged_into else ""
    return (
        f"{str(row.place_id)[:8]}  {owner}: {row.name} ({row.kind}), {where}, "
        f"{row.status}{merged}{sure}"
    )
