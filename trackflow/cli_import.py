"""The command `import`: positions out of files, and what became of each."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackflow.cli_common import Json, opened_work, print_json, progress_bar, tell

if TYPE_CHECKING:
    from trackflow.pipeline.importing import FileReport, ImportReport
    from trackflow.sources.options import ReadOptions
    from trackflow.store.points import Accepted

PLANNED = {"waypoint", "route point"}
"""What is passed over unless an option says otherwise."""

MOST_DEVICES = 20
"""Devices of files that name none, which are listed one by one."""


def add_to(app: typer.Typer) -> None:
    """Give the command to the app."""
    app.command(
        "import",
        epilog="Example: trackflow import drives.csv ~/gpx-folder tracks.zip --device van-7",
    )(import_)


def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Files, folders or archives; - is the standard input.", show_default=False
        ),
    ],
    device: Annotated[
        str | None, typer.Option("--device", help="The device of all points in these files.")
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(help="Of times that name none, such as Europe/Helsinki or +03:00; else UTC."),
    ] = None,
    dates: Annotated[
        str | None, typer.Option(help="How to read 1/5/2024: day-first or month-first.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="Of tables, counted from 1: time=3,lat=1,lon=2 (also position, device)."),
    ] = None,
    waypoints: Annotated[
        bool, typer.Option("--waypoints", help="Take waypoints and route points with a time too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read positions from files; importing one twice adds nothing.

    GPX, TCX, KML, KMZ, FIT, CSV, Excel, Parquet, GeoJSON, Google Timeline, OwnTracks (.rec, JSON),
    Overland, NMEA, IGC, Home Assistant, Polarsteps, Samsung Health, Arc and photos; - is the
    standard input.
    """
    from trackflow.pipeline.importing import import_paths

    options = _options(time_zone, dates, columns, waypoints=waypoints)
    with opened_work() as work, progress_bar("bytes") as progress:
        report = import_paths(work, paths, device_id=device, options=options, progress=progress)
    if as_json:
        print_json(report.files)
    else:
        _print(report, time_zone)
    if report.has_failed:
        raise typer.Exit(1)


def _options(
    time_zone: str | None, dates: str | None, columns: str | None, *, waypoints: bool
) -> "ReadOptions":
    """What the options say about the files.

    Args:
        time_zone: a zone's name or offset.
        dates: "day-first" or "month-first".
        columns: such as "time=3,lat=1,lon=2".
        waypoints: whether to take them.
    """
    from trackflow.cli_common import choice
    from trackflow.sources import columns as table_columns
    from trackflow.sources.moments import DateOrder
    from trackflow.sources.options import DEFAULTS, ReadOptions
    from trackflow.sources.zones import zone_option

    order = None
    if dates is not None:
        order = DateOrder(choice(dates, [o.value for o in DateOrder], "order of dates"))
    return ReadOptions(
        zone=DEFAULTS.zone if time_zone is None else zone_option(time_zone),
        order=order,
        columns=None if columns is None else table_columns.option(columns),
        waypoints=waypoints,
    )


def _print(report: "ImportReport", time_zone: str | None) -> None:
    from trackflow.pipeline.report import counted

    for file in report.files:
        tell(_file_line(file))
    if len(report.files) > 1:
        tell(f"In all: {counts(report.accepted)}.")
    if not report.files:
        tell("There is no file in it.")
    naive = sum(file.naive for file in report.files)
    if naive:
        zone = time_zone or "UTC"
        hint = "" if time_zone else " (--time-zone says another)"
        tell(f"{counted(naive, 'time')} without a zone {_were(naive)} read as {zone}{hint}.")
    passed_over = sum((file.passed_over for file in report.files), Counter[str]())
    for what, count in passed_over.most_common():
        hint = " with a time" if what in PLANNED else ""
        option = " (--waypoints takes them)" if what in PLANNED else ""
        tell(f"{counted(count, what)}{hint} {_were(count)} passed over{option}.")
    _print_devices(report)


def _print_devices(report: "ImportReport") -> None:
    """Which devices were given to files that name none."""
    from trackflow.pipeline.report import counted

    found = Counter((f.device, f.device_by) for f in report.files if f.device)
    if all(by != "its folder" for _, by in found):
        return  # each file is its own device, as its name says
    for (device, by), count in found.most_common(MOST_DEVICES):
        files = counted(count, "file")
        which = "name" if count > 1 else "names"
        tell(f"Device {device}: {files} that {which} none, by {by} (--device says another).")
    if len(found) > MOST_DEVICES:
        tell(f"and {len(found) - MOST_DEVICES:,} devices more.")


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _file_line(file: "FileReport") -> str:
    if file.skipped:
        return f"{file.name}: skipped, {file.skipped}"
    line = f"{file.name}: {counts(file.accepted)}"
    if file.error:
        line = f"{line}. {file.error}" if file.accepted.added else file.error
    if file.reasons:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in file.reasons.most_common())
        examples = "; ".join(dict.fromkeys(file.examples))
        line += f"\n  refused: {reasons}" + (f" (such as {examples})" if examples else "")
    return line


def counts(accepted: "Accepted") -> str:
    """What became of points, in words."""
    from trackflow.pipeline.report import counted

    parts = [f"{counted(accepted.added, 'point')} added"]
    known: list[tuple[Any, str]] = [
        (accepted.repeated, "there already"),
        (accepted.conflicting, "set aside, as a better one has the same time"),
        (accepted.refused, "newly quarantined"),
        (accepted.too_old, "older than what is kept (TRACKFLOW_RETENTION_DAYS)"),
    ]
    parts += [f"{count:,} {what}" for count, what in known if count]
    return ", ".join(parts)
