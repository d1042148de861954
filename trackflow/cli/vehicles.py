"""The commands of vehicles and rates."""

import datetime as dt
import uuid
from pathlib import Path
from typing import Annotated

import typer

from trackflow.cli.common import (
    By,
    Json,
    Moment,
    decider,
    opened_context,
    parse_moment,
    plain,
    print_json,
    print_line,
    print_note,
)
from trackflow.cli.rules_lines import missing_lines
from trackflow.words import last_for_shell

vehicles_app = typer.Typer(
    help="Vehicles of the logbook: devices, drivers, odometers.", no_args_is_help=True
)
MOST_SHOWN = 100_000_000
"""An odometer that shows more was read wrongly, and no database would hold its metres."""

rates_app = typer.Typer(help="What is paid per kilometre or mile.", no_args_is_help=True)

VehicleId = Annotated[str, typer.Argument(help="Id of the vehicle.", show_default=False)]
From = Annotated[
    dt.datetime | None,
    typer.Option("--from", parser=parse_moment, metavar="TIME", help="From when; else always."),
]
Until = Annotated[
    dt.datetime | None,
    typer.Option("--until", parser=parse_moment, metavar="TIME", help="Until when; else for ever."),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.add_typer(vehicles_app, name="vehicles")
    app.add_typer(rates_app, name="rates")


@vehicles_app.command("add", epilog="Example: trackflow vehicles add van --plate ABC-123")
def add(
    vehicle: VehicleId,
    plate: Annotated[str | None, typer.Option(help='Number plate; "" for none.')] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="car (a new one by default), van, lorry, motorcycle, bicycle or other."),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option("--time-zone", help='Of its book; "" for that of the settings.'),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a vehicle, or change one; what is not given stays as it is."""
    from trackflow.usecases.mileage.fleet import save_vehicle

    with opened_context() as context:
        found = save_vehicle(context, vehicle, kind=kind, plate=plate, time_zone=time_zone)
    if as_json:
        print_json(found)
    else:
        print_line(f"next: trackflow vehicles device {last_for_shell(found.vehicle_id)} DEVICE")


@vehicles_app.command("list", epilog="Example: trackflow vehicles list")
def list_(as_json: Json = False) -> None:
    """Show vehicles."""
    from trackflow.usecases.mileage.fleet import list_vehicles

    with opened_context() as context:
        found = list_vehicles(context)
    if as_json:
        print_json(found)
        return
    for one in found:
        until = "no book yet" if one.closed_until is None else f"closed until {one.closed_until:%F}"
        print_line(f"{one.vehicle_id} {one.plate or '-'} {one.kind} {until}")
    if not found:
        print_line("There is no vehicle: trackflow vehicles add ID --plate PLATE")


@vehicles_app.command("device", epilog="Example: trackflow vehicles device van van-7")
def device(
    vehicle: VehicleId,
    device_id: Annotated[str, typer.Argument(help="The device.", show_default=False)],
    from_time: From = None,
    until: Until = None,
) -> None:
    """Say which device is in a vehicle; its trips are in the vehicle's book."""
    from trackflow.usecases.mileage.fleet import put_device

    with opened_context() as context:
        put_device(context, vehicle, device_id, from_time, until)
    print_line("next: trackflow categorize")


@vehicles_app.command("driver", epilog="Example: trackflow vehicles driver van 'Ada Lovelace'")
def driver(
    vehicle: VehicleId,
    name: Annotated[str, typer.Argument(help="Name of the driver.", show_default=False)],
    from_time: From = None,
    until: Until = None,
) -> None:
    """Say who drives a vehicle."""
    from trackflow.usecases.mileage.fleet import put_driver

    with opened_context() as context:
        put_driver(context, vehicle, name, from_time, until)
    print_line("next: trackflow categorize")


@vehicles_app.command("assignments", epilog="Example: trackflow vehicles assignments van")
def assignments(
    vehicle: Annotated[str | None, typer.Argument(help="Of this vehicle only.")] = None,
    as_json: Json = False,
) -> None:
    """Show which devices are in vehicles and who drives them, from when until when."""
    from trackflow.usecases.mileage.fleet import list_devices, list_drivers

    with opened_context() as context:
        found = {
            "devices": list_devices(context, vehicle),
            "drivers": list_drivers(context, vehicle),
        }
    if as_json:
        print_json(found)
        return
    for kind, rows in found.items():
        for one in rows:
            start = "always" if one.from_time is None else one.from_time.isoformat()
            end = "" if one.until_time is None else f" until {one.until_time.isoformat()}"
            line = f"{one.vehicle_id} {kind.removesuffix('s')} {one.name} from {start}{end}"
            print_line(plain(line))


@vehicles_app.command("undo-device", epilog="Example: trackflow vehicles undo-device van van-7")
def undo_device(
    vehicle: VehicleId,
    device_id: Annotated[str, typer.Argument(help="The device.", show_default=False)],
    from_time: From = None,
) -> None:
    """Take back that a device is in a vehicle, said with the same --from."""
    from trackflow.usecases.mileage import fleet

    with opened_context() as context:
        fleet.undo_device(context, vehicle, device_id, from_time)
    print_line("next: trackflow categorize")


@vehicles_app.command("undo-driver", epilog="Example: trackflow vehicles undo-driver van")
def undo_driver(vehicle: VehicleId, from_time: From = None) -> None:
    """Take back who drives a vehicle, said with the same --from."""
    from trackflow.usecases.mileage import fleet

    with opened_context() as context:
        fleet.undo_driver(context, vehicle, from_time)
    print_line("next: trackflow categorize")


@vehicles_app.command(
    "odometer", epilog="Example: trackflow vehicles odometer van 2026-03-01T07:00:00Z 48210.5"
)
def odometer(
    vehicle: VehicleId,
    time: Moment,
    shown: Annotated[
        float, typer.Argument(help="What it shows.", min=0, max=MOST_SHOWN, show_default=False)
    ],
    unit: Annotated[str, typer.Option(help="What it counts: km or mi.")] = "km",
    replaced: Annotated[
        bool,
        typer.Option(
            "--replaced", help="It is another one; first note what the old one showed at last."
        ),
    ] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Note what an odometer shows."""
    from trackflow.exports.mileage.lengths import unit_named
    from trackflow.usecases.mileage.fleet import add_reading

    odometer_m = unit_named(unit).metres(shown)
    with opened_context() as context:
        reading_id = add_reading(
            context, vehicle, time, odometer_m, recorded_by=decider(by), is_replaced=replaced
        )
    if as_json:
        print_json({"reading_id": reading_id})
    else:
        print_line(f"undo: trackflow vehicles undo-odometer {reading_id}")


@vehicles_app.command("readings", epilog="Example: trackflow vehicles readings")
def readings(
    vehicle: Annotated[str | None, typer.Argument(help="Of this vehicle only.")] = None,
    as_json: Json = False,
) -> None:
    """Show what odometers were read."""
    from trackflow.usecases.mileage.fleet import list_readings

    with opened_context() as context:
        found = list_readings(context, vehicle)
    if as_json:
        print_json(found)
        return
    for one in found:
        print_line(
            f"{one['reading_id']} {one['vehicle_id']} {one['read_at']:%Y-%m-%d %H:%M} UTC "
            f"{one['odometer_m'] / 1000:,.1f} km by {one['recorded_by']}"
        )


@vehicles_app.command(
    "undo-odometer",
    epilog="Example: trackflow vehicles undo-odometer 8f14e45f-ceea-467d-9d5e-0a1b2c3d4e5f",
)
def undo_odometer(
    reading: Annotated[uuid.UUID, typer.Argument(help="As listed.", show_default=False)],
) -> None:
    """Take a reading back."""
    from trackflow.usecases.mileage.fleet import undo_reading

    with opened_context() as context:
        undo_reading(context, reading)
    print_line("It counts no more.")


@rates_app.command("import", epilog="Example: trackflow rates import rates.toml")
def import_(
    file: Annotated[Path, typer.Argument(help="A TOML file with [[rate]] parts.")],
    as_json: Json = False,
) -> None:
    """Replace the table of rates; closed entries keep the amounts that they were closed with."""
    from trackflow.usecases.categories.rule_versions import missing_rates
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.mileage.rate_table import import_rates

    with opened_context() as context:
        found = import_rates(context, file)
        missing = missing_rates(context)
    if as_json:
        print_json(found)
    else:
        print_line(counted(len(found), "rate"))
    for line in missing_lines(missing):
        print_note(line)


@rates_app.command("list", epilog="Example: trackflow rates list")
def rates(as_json: Json = False) -> None:
    """Show the table of rates."""
    from trackflow.usecases.categories.rule_versions import missing_rates
    from trackflow.usecases.mileage.rate_table import list_rates

    with opened_context() as context:
        found = list_rates(context)
        missing = missing_rates(context)
    if as_json:
        print_json(found)
        return
    for one in found:
        until = one.valid_until or "…"
        tiers = ", ".join(
            f"{tier.amount}" + (f" up to {tier.up_to}" if tier.up_to is not None else "")
            for tier in one.tiers
        )
        line = f"{one.rate_id} {one.valid_from} to {until}: {tiers} {one.currency} per {one.unit}"
        line += ", counted per driver" if one.per == "driver" else ""
        print_line(plain(line))
    if not found:
        print_line("There is no rate: trackflow rates import FILE")
    for text in missing_lines(missing):
        print_line(text)
