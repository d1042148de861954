"""The commands of hidden points: hide, restore, list."""

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from trackflow.cli.common import (
    By,
    Device,
    Json,
    decider,
    opened_context,
    parse_moment,
    print_json,
    print_line,
)
from trackflow.errors import SettingsError
from trackflow.geo.time import ONE_DAY

if TYPE_CHECKING:
    from trackflow.geo.bbox import Bbox
    from trackflow.usecases.intake.hiding import HidingReport, StoredHiding

points_app = typer.Typer(
    help="Points that people leave out: hide, restore, list.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.add_typer(points_app, name="points")


def parse_end(text: str) -> dt.datetime:
    """Parse the end of a time; a day alone counts to its end.

    Raises:
        SettingsError: it is neither a time nor a day.
    """
    moment = parse_moment(text)
    return moment + ONE_DAY if len(text) == len("2026-01-31") else moment


def parse_area(text: str) -> "Bbox":
    """Parse an area from an option.

    Raises:
        SettingsError: it is none.
    """
    from trackflow.geo.bbox import Bbox

    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise SettingsError(f"{text!r} is no area; write WEST,SOUTH,EAST,NORTH") from None
    return Bbox(west, south, east, north)


Start = Annotated[
    dt.datetime | None,
    typer.Option(
        "--from",
        help="From when, such as 2026-01-31 or 2026-01-31T08:15:00Z.",
        parser=parse_moment,
        metavar="TIME",
    ),
]
End = Annotated[
    dt.datetime | None,
    typer.Option("--to", help="Until when; a day to its end.", parser=parse_end, metavar="TIME"),
]


@points_app.command(
    "hide",
    epilog="Example: trackflow points hide van-7 --from 2026-03-02T08:00:00Z "
    "--to 2026-03-02T08:40:00Z",
)
def hide(
    device: Annotated[str, typer.Argument(help="The device.", show_default=False)],
    start: Start = None,
    end: End = None,
    area: Annotated[
        str | None,
        typer.Option(help="Only there: west,south,east,north in degrees.", metavar="W,S,E,N"),
    ] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Hide points of a device by time and area: tracks, exports and the map leave them out.

    Points that arrive later are hidden as well. The next run makes the days anew.
    """
    from trackflow.usecases.intake.hiding import hide_points

    box = None if area is None else parse_area(area)
    with opened_context() as context:
        report = hide_points(context, device, start, end, box, hidden_by=decider(by))
    if as_json:
        print_json(report)
        return
    print_line(f"{_counts(report)} hidden; restore: trackflow points restore {_id(report)}")
    if report.days:
        print_line("next: trackflow run")


@points_app.command(
    "restore", epilog="Example: trackflow points restore 0b7c2a3e-9a5d-4c0e-8a54-1f2d3c4b5a69"
)
def restore(
    hiding: Annotated[uuid.UUID, typer.Argument(help="As listed.", show_default=False)],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Restore the points of a hiding. The next run makes their days anew."""
    from trackflow.usecases.intake.hiding import restore_points

    with opened_context() as context:
        report = restore_points(context, hiding, restored_by=decider(by))
    if as_json:
        print_json(report)
        return
    print_line(f"{_counts(report)} restored.")
    if report.days:
        print_line("next: trackflow run")


@points_app.command("list", epilog="Example: trackflow points list --device van-7")
def list_(
    device: Device = None,
    with_restored: Annotated[
        bool, typer.Option("--restored", help="Those that count no more as well.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List what is hidden: the device, the time, the area, who hid it and when."""
    from trackflow.usecases.intake.hiding import list_hidings

    with opened_context() as context:
        found = list_hidings(context, device, with_restored=with_restored)
    if as_json:
        print_json(found)
        return
    for one in found:
        print_line(_line(one))
    if not found:
        print_line("No points are hidden.")


def _id(report: "HidingReport") -> uuid.UUID:
    return report.hiding.hiding_id


def _counts(report: "HidingReport") -> str:
    from trackflow.usecases.days.report import counted

    return f"{counted(report.points, 'point')} on {counted(report.days, 'day')}"


def _line(one: "StoredHiding") -> str:
    start = "the beginning" if one.start_time is None else f"{one.start_time:%Y-%m-%d %H:%M:%S} UTC"
    end = "now on" if one.end_time is None else f"{one.end_time:%Y-%m-%d %H:%M:%S} UTC"
    where = "" if one.area is None else " in " + ",".join(f"{edge:g}" for edge in one.area)
    line = f"{one.hiding_id} {one.device_id} from {start} to {end}{where} by {one.hidden_by}"
    if one.restored_at is None:
        return line
    return f"{line}, restored by {one.restored_by} at {one.restored_at:%Y-%m-%d %H:%M} UTC"
