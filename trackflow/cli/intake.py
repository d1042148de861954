"""The command `import`: imports positions from files, and reports on each file."""

import re
import stat
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackflow.cli.common import Json, opened_context, plain, print_json, print_line, progress_bar
from trackflow.cli.default import ImportGroup
from trackflow.settings import DATABASE_NAME, Settings

if TYPE_CHECKING:
    import datetime as dt

    from trackflow.sources.options import ReadOptions
    from trackflow.usecases.intake.importing import FileReport, ImportReport
    from trackflow.usecases.intake.receiving import DeliveryCounts

PLANNED = {"waypoint", "route point"}
"""Skipped unless an option asks for it."""

FEW_DEVICES = 3
"""Names that are given one by one."""

MOST_DEVICES = 20
"""Devices given to files that name none: so many are listed one by one."""


KB_OF_MB = 1_000


def add_to(app: typer.Typer) -> None:
    """Give the command to the app."""
    imports = typer.Typer(cls=ImportGroup, help="Read positions from files; undo imports.")
    imports.command(
        "files",
        epilog="Example: trackflow import drives.csv ~/gpx-folder tracks.zip --device van-7",
    )(import_)
    imports.command("list", epilog="Example: trackflow import list --json")(list_)
    imports.command("undo", epilog="Example: trackflow import undo 3f2a91c0")(undo)
    app.add_typer(imports, name="import")


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
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Report what would be imported, and store nothing. It is a whole import, rolled "
            "back: other writers wait meanwhile.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Read positions from files; importing one twice adds nothing.

    GPX, TCX, KML, KMZ, FIT, CSV, Excel, ODS, Parquet, GeoJSON, Google Timeline, OwnTracks (.rec,
    JSON), Overland, NMEA, IGC, PLT, VBO, Home Assistant, Polarsteps, Samsung Health, Arc, photos
    and the SQLite files of apps; - is the standard input.

    Each import gets an id: `trackflow import list` shows them, `trackflow import undo ID` takes one
    back. A file that is called list or undo is ./list or ./undo.
    """
    if not as_json:
        _print_reading(paths, dry_run=dry_run)  # at once: what reads takes half a second to load
    from trackflow.sources.parsing.arrow_start import start_without_pandas

    start_without_pandas()
    from trackflow.usecases.intake.importing import import_paths, new_id, rehearse

    options = _options(time_zone, dates, columns, waypoints=waypoints)
    with opened_context() as context, progress_bar("bytes") as progress:
        if dry_run:
            report = rehearse(context, paths, device_id=device, options=options, progress=progress)
        else:
            report = import_paths(
                context,
                paths,
                device_id=device,
                options=options,
                progress=progress,
                import_id=new_id(),
            )
    if as_json:
        zone = time_zone or "UTC"
        more = {"import_id": report.import_id or None, "zone": zone, "dry_run": dry_run}
        print_json([plain(file) | {"hint": file.hint} | more for file in report.files])
    else:
        _print(report, time_zone)
        _print_next(report, dry_run=dry_run)
    if report.has_failed:
        raise typer.Exit(1)


def _print_reading(paths: list[Path], *, dry_run: bool) -> None:
    """Print what is about to be read, how large it is, and the file of the store it goes into."""
    found = [_of_path(path) for path in paths]
    files = [size for is_folder, size in found if not is_folder and size is not None]
    folders = sum(is_folder for is_folder, _ in found)
    if not files and not folders:
        return  # what is not there is told as an error
    size_kb = sum(files) / 1e3
    size = f"{size_kb:,.1f} kB" if size_kb < KB_OF_MB else f"{size_kb / 1e3:,.1f} MB"
    kinds = (_number(len(files), "file"), _number(folders, "folder"))
    what = paths[0].resolve().name if len(paths) == 1 else " and ".join(filter(None, kinds))
    settings = Settings.from_env()
    is_file = not (settings.database_url or dry_run)
    store = f" into {settings.home / DATABASE_NAME}" if is_file else ""
    print_line(f"Reading {what}{f' ({size})' if files else ''}{store}")


def _of_path(path: Path) -> tuple[bool, int | None]:
    """Whether a path is a folder, and its size in bytes; None for what is not there."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return False, None
    return stat.S_ISDIR(found.st_mode), found.st_size


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}" if count else ""


def _options(
    time_zone: str | None, dates: str | None, columns: str | None, *, waypoints: bool
) -> "ReadOptions":
    """Make import options from the command's options.

    Args:
        time_zone: a zone's name or offset.
        dates: "day-first" or "month-first".
        columns: such as "time=3,lat=1,lon=2".
        waypoints: whether to take them.
    """
    from trackflow.cli.common import choice
    from trackflow.sources.options import DEFAULTS, ReadOptions
    from trackflow.sources.values import columns as table_columns
    from trackflow.sources.values.moments import DateOrder
    from trackflow.sources.values.zones import zone_option

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
    from trackflow.usecases.days.report import counted

    for file in report.files:
        print_line(_file_line(file))
    if len(report.files) > 1:
        print_line(f"In all: {counts(report.accepted)}{_span(report.first, report.last)}.")
    if not report.files:
        print_line("There is no file in it.")
    naive = sum(file.naive for file in report.files)
    if naive:
        zone = time_zone or "UTC"
        hint = "" if time_zone else " (--time-zone says another)"
        print_line(f"{counted(naive, 'time')} without a zone {_were(naive)} read as {zone}{hint}.")
    passed_over = sum((file.passed_over for file in report.files), Counter[str]())
    for what, count in passed_over.most_common():
        hint = " with a time" if what in PLANNED else ""
        option = " (--waypoints takes them)" if what in PLANNED else ""
        print_line(f"{counted(count, what, _many(what))}{hint} {_were(count)} passed over{option}.")
    _print_devices(report)


def _print_devices(report: "ImportReport") -> None:
    """Print the devices that were given to files that name none."""
    from trackflow.usecases.days.report import counted

    found = Counter((f.device, f.device_by) for f in report.files if f.device)
    if all(by != "its folder" for _, by in found):
        return  # each file is its own device, named after the file
    for (device, by), count in found.most_common(MOST_DEVICES):
        files = counted(count, "file")
        which = "name" if count > 1 else "names"
        print_line(f"Device {device}: {files} that {which} none, by {by} (--device says another).")
    if len(found) > MOST_DEVICES:
        print_line(f"and {len(found) - MOST_DEVICES:,} devices more.")


def _many(what: str) -> str:
    """The plural of what was passed over: its noun stands before "without" and "of"."""
    return re.sub(r"^.*?(?= without | of |$)", r"\g<0>s", what, count=1)


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _file_line(file: "FileReport") -> str:
    if file.skipped:
        return f"{file.name}: skipped, {file.skipped}"
    line = f"{file.name}: {counts(file.accepted)}"
    if file.error:
        line = f"{line}. {file.error}" if file.accepted.added else file.error
    if file.devices:
        line += f"\n  {_described(file)}"
    if file.reasons:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in file.reasons.most_common())
        examples = "; ".join(dict.fromkeys(file.examples))
        line += f"\n  refused: {reasons}" + (f" (such as {examples})" if examples else "")
    if file.hint:
        line += f"\n  {file.hint}"
    return line


def _described(file: "FileReport") -> str:
    """Format, devices and how they were found, first and last time."""
    from trackflow.usecases.days.report import counted

    few = sorted(file.devices) if len(file.devices) <= FEW_DEVICES else []
    devices = ", ".join(few) or counted(len(file.devices), "device")
    by = f"by {file.device_by}" if file.device in file.devices else "as the file says"
    return f"{file.format} of {devices}, {by}{_span(file.first, file.last)}"


def _span(first: "dt.datetime | None", last: "dt.datetime | None") -> str:
    if first is None or last is None:
        return ""
    return f", {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC"


def _print_next(report: "ImportReport", *, dry_run: bool) -> None:
    accepted = report.accepted
    if dry_run:
        return print_line("Nothing was stored (--dry-run).")
    if report.import_id and (accepted.added or accepted.conflicting or accepted.refused):
        print_line(f"undo: trackflow import undo {report.import_id}")
    if accepted.refused:
        print_line("refused: trackflow quarantine list --sender files")
    if accepted.added:
        print_line("next: trackflow run")
    return None


def list_(as_json: Json = False) -> None:
    """List imports, the newest first: id, when, files, points, devices."""
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.intake.undoing import past_imports

    with opened_context() as context:
        found = past_imports(context)
    if as_json:
        return print_json(found)
    for past in found:
        state = ", undone" if past.undone_at else ""
        files = _first_of(past.files, "file") or "no file with points"
        devices = _first_of(past.devices, "device")
        of = f" of {devices}" if devices else ""
        print_line(
            f"{past.import_id}  {past.imported_at:%Y-%m-%d %H:%M:%S} UTC  "
            f"{counted(past.points_added, 'point')}{of} from {files}{state}"
        )
    if not found:
        print_line("There are no imports yet.")
    return None


def _first_of(names: "list[str]", what: str) -> str:
    if len(names) <= FEW_DEVICES:
        return ", ".join(names)
    return f"{', '.join(names[:FEW_DEVICES])} and {len(names) - FEW_DEVICES:,} more {what}s"


def undo(
    import_id: Annotated[
        str, typer.Argument(help="As `trackflow import list` shows it.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Take an import back: the store is as if it had never been imported.

    Its points are deleted. Points that it replaced, or that also arrived with another import or
    report, are stored again. Rows that only this import has put in quarantine are deleted too.
    Points that were moved in time (--shift-weeks) go as well; what they replaced at their old time
    does not come back.
    """
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.intake.undoing import undo_import

    with opened_context() as context:
        report = undo_import(context, import_id)
    if as_json:
        return print_json(report)
    if report.is_repeat:
        when = f"{report.undone_at:%Y-%m-%d %H:%M:%S}"
        return print_line(f"Import {report.import_id} is undone already, since {when} UTC.")
    line = f"Import {report.import_id} is undone: {counted(report.removed, 'point')} removed"
    if report.restored:
        line += f", {report.restored:,} stored still or again, as others brought them"
    print_line(f"{line}.")
    if report.dropped:
        names = _first_of(list(report.dropped), "device")
        print_line(f"Nothing else is known of {names}: gone from all lists.")
    if report.removed or report.restored:
        print_line("next: trackflow run")
    return None


def counts(accepted: "DeliveryCounts") -> str:
    """The counts of an import, in words."""
    from trackflow.usecases.days.report import counted

    parts = [f"{counted(accepted.added, 'point')} added"]
    known: list[tuple[Any, str]] = [
        (accepted.repeated, "there already"),
        (accepted.conflicting, "set aside, as a better one has the same time"),
        (accepted.refused, "newly quarantined"),
        (accepted.too_old, "older than what is kept (TRACKFLOW_RETENTION_DAYS)"),
    ]
    parts += [f"{count:,} {what}" for count, what in known if count]
    return ", ".join(parts)
