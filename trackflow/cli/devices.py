"""The command `device`: settings, presets, points moved in time, the list, other names."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from trackflow.cli.common import Json, check_days, opened_context, print_json, print_line
from trackflow.cli.default import DeviceGroup
from trackflow.errors import SettingsError
from trackflow.geo.periods import day_named

if TYPE_CHECKING:
    from trackflow.context import Context
    from trackflow.usecases.devices.looks import LookChange
    from trackflow.usecases.devices.renaming import MergePreview, MoveReport
    from trackflow.usecases.devices.settings import DeviceSettings
    from trackflow.usecases.devices.shifting import ShiftReport

NO_PRESET = "none"


def add_to(app: typer.Typer) -> None:
    """Give the command to the app."""
    devices = typer.Typer(cls=DeviceGroup, help="Devices: settings, the list, other names.")
    devices.command(
        "set", epilog="Example: trackflow device van-7 --name 'Red van' --set gap_s=300"
    )(device)
    devices.command("list", epilog="Example: trackflow device list --json")(list_)
    devices.command("rename", epilog="Example: trackflow device rename van-7 truck-2")(rename)
    devices.command("merge", epilog="Example: trackflow device merge old-phone anna")(merge)
    app.add_typer(devices, name="device")


def device(
    device_id: Annotated[str | None, typer.Argument(help="The device.", show_default=False)] = None,
    profile: Annotated[str | None, typer.Option(help="car, bicycle or foot.")] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(help="Its own, such as Europe/Helsinki; '' for TRACKFLOW_TIME_ZONE."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="What is tracked: vehicle, phone, asset or sport; none for the defaults."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Its name for people; '' for the id.")] = None,
    colour: Annotated[
        str | None, typer.Option(help="Its colour, such as '#0b6bb5'; '' for one by its place.")
    ] = None,
    icon: Annotated[str | None, typer.Option(help="Its icon, such as van; '' for none.")] = None,
    group: Annotated[str | None, typer.Option(help="Its group; '' for none.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A threshold: NAME=VALUE, or NAME= to take the own one back."),
    ] = None,
    presets: Annotated[
        bool, typer.Option("--presets", help="Show what each preset changes, and why.")
    ] = False,
    shift_weeks: Annotated[
        int | None,
        typer.Option(help="Move points in time: 1024 mends a GPS week that began anew."),
    ] = None,
    first: Annotated[
        dt.date | None,
        typer.Option(
            "--from",
            help="First day to move, such as 2006-07-20.",
            parser=day_named,
            metavar="DAY",
        ),
    ] = None,
    last: Annotated[
        dt.date | None,
        typer.Option("--to", help="Last day to move, included.", parser=day_named, metavar="DAY"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show or change a device's settings; a change marks its days as pending.

    Thresholds are the defaults, changed by the preset, changed by --set. Without an option it shows
    them, what the device looks like by its points, and what needs attention.

    Beside it: `trackflow device list`, `device rename OLD NEW` and `device merge FROM INTO`.
    """
    if presets:
        return _show_presets(as_json)
    if device_id is None:
        raise SettingsError("name a device, or use --presets to see what can be chosen")
    if shift_weeks is None and (first or last):
        raise SettingsError("--from and --to say what --shift-weeks moves")
    from trackflow.usecases.devices.looks import LookChange

    overrides = dict(assignment(text) for text in settings or [])
    with opened_context() as context:
        if shift_weeks is not None:
            return _shift(context, device_id, shift_weeks, (first, last), as_json)
        look = LookChange(name, colour, icon, group)
        found = _changed(context, device_id, profile, time_zone, preset, overrides, look)
    if as_json:
        return print_json(found.as_dict())
    return _show(found)


def list_(as_json: Json = False) -> None:
    """List devices: points, first and last one, preset, profile, and the last report's time."""
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.queries.devices import summarize_devices

    with opened_context() as context:
        found = summarize_devices(context)
    if as_json:
        return print_json([dict(row) for row in found])
    for row in found:
        parts = [counted(row["points"], "point")]
        if row["points"]:
            parts.append(f"{row['first']:%Y-%m-%d %H:%M} to {row['last']:%Y-%m-%d %H:%M} UTC")
        parts.append(f"preset {row['preset'] or NO_PRESET}, profile {row['profile']}")
        if row["last_report"]:
            parts.append(f"last report {row['last_report']:%Y-%m-%d %H:%M} UTC")
        print_line(f"{row['device_id']}: {', '.join(parts)}")
    if not found:
        print_line("There are no devices yet.")
    return None


Old = Annotated[str, typer.Argument(help="The device that goes.", show_default=False)]


def rename(
    old: Old,
    new: Annotated[str, typer.Argument(help="Its new name.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Rename a device, with its points, settings, tokens and refusals.

    The next run recomputes its tracks, and ids of the old tracks lead to the new ones. A sender
    that keeps the old name makes a new device.
    """
    from trackflow.usecases.devices import renaming

    with opened_context() as context:
        report = renaming.rename(context, old, new)
    return _print_moved(report, as_json)


def merge(
    old: Old,
    into: Annotated[str, typer.Argument(help="The device that gets all.", show_default=False)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be moved.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make one device of two: all points of one are stored under the other's name.

    Of two points of one moment the better one stays, as always. The settings of the device that
    stays hold; tokens and refusals go along. The next run makes the tracks, and ids of the old ones
    lead to them. It cannot be taken back.
    """
    from trackflow.usecases.devices import renaming

    with opened_context() as context:
        if dry_run:
            return _print_preview(renaming.preview_merge(context, old, into), as_json)
        report = renaming.merge(context, old, into)
    return _print_moved(report, as_json)


def _print_preview(preview: "MergePreview", as_json: bool) -> None:
    from trackflow.usecases.days.report import counted

    if as_json:
        return print_json(preview)
    span = f", {preview.first:%Y-%m-%d} to {preview.last:%Y-%m-%d}" if preview.first else ""
    print_line(
        f"{counted(preview.points, 'point')} of {preview.device_id}{span} would be "
        f"{preview.into}'s; of {counted(preview.shared_moments, 'moment')} both have a point, and "
        "the better one would stay. Nothing is moved yet."
    )
    return None


def _print_moved(report: "MoveReport", as_json: bool) -> None:
    from trackflow.usecases.days.report import counted

    if as_json:
        return print_json(report)
    points = counted(report.points, "point")
    print_line(f"{report.device_id} is {report.into} now: {points} moved.")
    if report.points:
        print_line("next: trackflow run")
    return None


def _changed(
    context: "Context",
    device_id: str,
    profile: str | None,
    time_zone: str | None,
    preset: str | None,
    overrides: dict[str, float | None],
    look: "LookChange",
) -> "DeviceSettings":
    """Change the given settings of a device; returns all of them.

    Args:
        context: the store.
        device_id: the device.
        profile: None leaves it as it is.
        time_zone: None leaves it as it is.
        preset: None leaves it as it is, "none" takes it away.
        overrides: thresholds by name.
        look: how it is shown.
    """
    from trackflow.usecases.devices.settings import change_settings

    return change_settings(
        context,
        device_id,
        profile=profile,
        time_zone=time_zone,
        overrides=overrides,
        preset="" if preset == NO_PRESET else preset,
        look=look,
    )


def _show(found: "DeviceSettings") -> None:
    device = found.device
    chosen = f"preset {device.preset}" if device.preset else "no preset"
    print_line(f"profile {device.profile}, time zone {found.time_zone}, {chosen}")
    look = found.look
    shown = {"name": look.name, "colour": look.colour, "icon": look.icon, "group": look.group}
    if any(shown.values()):
        print_line(", ".join(f"{what} {value}" for what, value in shown.items() if value))
    if found.looks_like is not None:
        print_line(f"looks like: {found.looks_like.preset} ({found.looks_like.why})")
    for name, value in device.thresholds.as_dict().items():
        origin = found.origin_of(name)
        print_line(f"  {name} = {value:g}" + ("" if origin == "default" else f" ({origin})"))
    for notice in found.notices:
        print_line(f"{notice}\n  {notice.advice}")


def _show_presets(as_json: bool) -> None:
    from trackflow.usecases.devices.settings import presets_as_dict

    table = presets_as_dict()
    if as_json:
        return print_json(table)
    for name, preset in table.items():
        print_line(f"{name}: {preset['what']}")
        for threshold, change in preset["changes"].items():
            print_line(f"  {threshold} = {change['value']:g}: {change['reason']}")
        if not preset["changes"]:
            print_line("  the defaults")
    return None


def _shift(
    context: "Context",
    device_id: str,
    weeks: int,
    days: tuple[dt.date | None, dt.date | None],
    as_json: bool,
) -> None:
    """Move points in time.

    Args:
        context: the store.
        device_id: the device.
        weeks: how many; negative for back in time.
        days: first and last day.
        as_json: for programs.
    """
    from trackflow.usecases.devices.shifting import DayRange, shift_weeks

    check_days(*days)
    report = shift_weeks(context, device_id, weeks, DayRange(*days))
    if as_json:
        return print_json(report.as_dict())
    for line in _shift_lines(report):
        print_line(line)
    return None


def _shift_lines(report: "ShiftReport") -> list[str]:
    from trackflow.usecases.days.report import counted

    if not report.moved and not report.staying:
        return [f"{report.device_id}: there are no points in these days."]
    what = "moved back" if report.taken_back else "moved"
    line = f"{report.device_id}: {counted(report.moved, 'point')} {what} by {report.weeks:,} weeks"
    if report.first and report.last:
        line += f", to {report.first:%Y-%m-%d} to {report.last:%Y-%m-%d}"
    back = f"--shift-weeks {-report.weeks} takes it back"
    lines = [f"{line}. `trackflow run` works on them; {back}."]
    if report.staying:
        lines.append(f"{report.staying:,} stay: there is another point at their new time.")
    return lines


def assignment(text: str) -> tuple[str, float | None]:
    """A threshold's name and value from NAME=VALUE; None for NAME=.

    Raises:
        SettingsError: it is neither.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise SettingsError(f"{text}: write NAME=VALUE, such as gap_s=300")
    if not value:
        return name, None
    try:
        number = float(value)
    except ValueError:
        raise SettingsError(f"{text}: {value!r} is not a number") from None
    return name, int(number) if number.is_integer() else number
