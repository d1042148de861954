"""Vehicles of the logbook: their devices, drivers and odometers, and rates."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import Field

from trackflow.geo.time import within_calendars
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.categories.rule_versions import missing_rates
from trackflow.usecases.mileage import fleet
from trackflow.usecases.mileage.rate_table import list_rates, save_rates
from trackflow.web.answers import vehicles as answers
from trackflow.web.answers.logbook import DONE, DoneAnswer
from trackflow.web.answers.sending import answer
from trackflow.web.dependencies import CallerDep, ContextDep, guarded_router
from trackflow.web.parameters import Body, moment, text
from trackflow.web.security.access import decider, open_to

router = guarded_router()

LONGEST_TOML = 100_000

VehicleId = Annotated[str, Path(description="The vehicle, as listed.", max_length=200)]
OneVehicle = Annotated[str | None, Query(description="Of this vehicle only.", max_length=200)]


class VehicleBody(Body):
    """A vehicle; a value that is left out stays."""

    kind: str = Field(
        "car", description=f"{', '.join(fleet.KINDS)}. Of a new one, car by default.", max_length=20
    )
    plate: str | None = Field(None, description="Number plate; null for none.", max_length=50)
    time_zone: str | None = Field(
        None, description="Of its book; null for that of the settings.", max_length=100
    )


class TimesBody(Body):
    """From when until when something holds."""

    from_time: dt.datetime | None = Field(None, description="Null for the beginning.")
    until_time: dt.datetime | None = Field(None, description="Null for ever.")


class DeviceBody(TimesBody):
    """A device in a vehicle."""

    device_id: str = Field(description="The device.", max_length=200)


class DriverBody(TimesBody):
    """A driver of a vehicle."""

    driver: str = Field(description="Name of the driver.", max_length=200)


class UndoBody(Body):
    """From when on it was said to hold."""

    from_time: dt.datetime | None = Field(None, description="As listed; null for the beginning.")


class UndoDeviceBody(UndoBody):
    """The device."""

    device_id: str = Field(description="The device.", max_length=200)


class UndoDriverBody(UndoBody):
    """The driver."""

    driver: str | None = Field(
        None, description="Who that was, as listed: 404 if it is somebody else.", max_length=200
    )


class RatesBody(Body):
    """A table of rates."""

    toml: str = Field(description="As in a file: parts `[[rate]]`.", max_length=LONGEST_TOML)
    made_from: str | None = Field(
        None,
        description="The table that was changed: 409 if there is another one by now.",
        max_length=LONGEST_TOML,
    )


class OdometerBody(Body):
    """What an odometer shows."""

    time: dt.datetime = Field(description="When it was read; UTC if no offset.")
    odometer_km: float = Field(description="What it shows.", ge=0, le=100_000_000)
    replaced: bool = Field(
        False, description="It is another one; first note what the old one showed at last."
    )


@router.get("/api/v1/vehicles", tags=["logbook"], summary="Vehicles", responses=answers.VEHICLES)
@open_to(Scope.READ)
def vehicles(request: Request, context: ContextDep) -> Response:
    """Vehicles that have a logbook."""
    return answer(request, answers.vehicles_answer(fleet.list_vehicles(context)))


@router.put(
    "/api/v1/vehicles/{vehicle_id:path}",
    tags=["logbook"],
    summary="Add or change a vehicle",
    response_model=None,
    responses=answers.VEHICLE,
)
@open_to(Scope.ADMIN)
def put_vehicle(
    context: ContextDep, vehicle_id: VehicleId, wanted: VehicleBody
) -> answers.VehicleAnswer:
    """Closed entries keep the plate that they were closed with."""
    for value in (vehicle_id, wanted.plate, wanted.time_zone):
        text(value)
    given = {name: value or "" for name, value in wanted.model_dump(exclude_unset=True).items()}
    found = fleet.save_vehicle(context, vehicle_id, **given)
    return answers.vehicle_answer(found)


@router.post(
    "/api/v1/vehicles/{vehicle_id:path}/device",
    tags=["logbook"],
    summary="Say which device is in a vehicle",
    response_model=None,
    responses=DONE,
)
@open_to(Scope.ADMIN)
def put_device(context: ContextDep, vehicle_id: VehicleId, wanted: DeviceBody) -> DoneAnswer:
    """Its trips are in the vehicle's book, which follows at once.

    Said again with another end it has that end. 400 where the same moment has another vehicle.
    """
    from_time, until_time = _times(wanted)
    fleet.put_device(context, str(text(vehicle_id)), wanted.device_id, from_time, until_time)
    follow_tracks(context, device_id=wanted.device_id)
    return {"done": True}


@router.post(
    "/api/v1/vehicles/{vehicle_id:path}/driver",
    tags=["logbook"],
    summary="Say who drives a vehicle",
    response_model=None,
    responses=DONE,
)
@open_to(Scope.ADMIN)
def put_driver(context: ContextDep, vehicle_id: VehicleId, wanted: DriverBody) -> DoneAnswer:
    """Open entries follow at once; closed ones are amended.

    Said again with another end it has that end. 400 where the same moment has another driver.
    """
    from_time, until_time = _times(wanted)
    text(wanted.driver)
    fleet.put_driver(context, str(text(vehicle_id)), wanted.driver, from_time, until_time)
    follow_tracks(context)
    return {"done": True}


@router.post(
    "/api/v1/vehicles/{vehicle_id:path}/odometer",
    tags=["logbook"],
    summary="Note what an odometer shows",
    status_code=201,
    response_model=None,
    responses=answers.READING,
)
@open_to(Scope.ADMIN)
def add_reading(
    context: ContextDep, caller: CallerDep, vehicle_id: VehicleId, wanted: OdometerBody
) -> answers.ReadingAnswer:
    """400 if it shows less than before and was not replaced, or more than after."""
    read_at = within_calendars(wanted.time)
    odometer_m = round(wanted.odometer_km * 1000)
    reading_id = fleet.add_reading(
        context,
        str(text(vehicle_id)),
        read_at,
        odometer_m,
        recorded_by=decider(caller),
        is_replaced=wanted.replaced,
    )
    return {"reading_id": reading_id, "odometer_m": odometer_m, "read_at": read_at}


@router.get(
    "/api/v1/vehicle-assignments",
    tags=["logbook"],
    summary="Devices and drivers of vehicles",
    responses=answers.ASSIGNMENTS,
)
@open_to(Scope.READ)
def assignments(request: Request, context: ContextDep, vehicle: OneVehicle = None) -> Response:
    """What people said, from when until when."""
    devices = fleet.list_devices(context, text(vehicle))
    drivers = fleet.list_drivers(context, text(vehicle))
    return answer(request, answers.assignments_answer(devices, drivers))


@router.post(
    "/api/v1/vehicles/{vehicle_id:path}/device/undo",
    tags=["logbook"],
    summary="Take back that a device is in a vehicle",
    response_model=None,
    responses=DONE,
)
@open_to(Scope.ADMIN)
def undo_device(context: ContextDep, vehicle_id: VehicleId, wanted: UndoDeviceBody) -> DoneAnswer:
    """Open entries follow at once; closed ones are amended. 404 if nobody said so."""
    fleet.undo_device(
        context, str(text(vehicle_id)), str(text(wanted.device_id)), moment(wanted.from_time)
    )
    follow_tracks(context, device_id=wanted.device_id)
    return {"done": True}


@router.post(
    "/api/v1/vehicles/{vehicle_id:path}/driver/undo",
    tags=["logbook"],
    summary="Take back who drives a vehicle",
    response_model=None,
    responses=DONE,
)
@open_to(Scope.ADMIN)
def undo_driver(context: ContextDep, vehicle_id: VehicleId, wanted: UndoDriverBody) -> DoneAnswer:
    """Open entries follow at once; closed ones are amended. 404 if nobody said so."""
    driver = text(wanted.driver)
    fleet.undo_driver(context, str(text(vehicle_id)), moment(wanted.from_time), driver)
    follow_tracks(context)
    return {"done": True}


@router.get(
    "/api/v1/odometer-readings",
    tags=["logbook"],
    summary="Readings of odometers",
    responses=answers.READINGS,
)
@open_to(Scope.READ)
def readings(request: Request, context: ContextDep, vehicle: OneVehicle = None) -> Response:
    """What people read, until it is undone."""
    return answer(request, answers.odometers_answer(fleet.list_readings(context, text(vehicle))))


@router.post(
    "/api/v1/odometer-readings/{reading_id}/undo",
    tags=["logbook"],
    summary="Take a reading back",
    response_model=None,
    responses=DONE,
)
@open_to(Scope.ADMIN)
def undo_reading(
    context: ContextDep, reading_id: Annotated[uuid.UUID, Path(description="As listed.")]
) -> DoneAnswer:
    """It counts no more. 404 if there is no such reading that counts."""
    fleet.undo_reading(context, reading_id)
    return {"done": True}


@router.get("/api/v1/rates", tags=["logbook"], summary="Rates", responses=answers.RATES)
@open_to(Scope.READ)
def rates(request: Request, context: ContextDep) -> Response:
    """The table of what is paid per kilometre or mile."""
    return answer(request, answers.rates_answer(list_rates(context), missing_rates(context)))


@router.put(
    "/api/v1/rates",
    tags=["logbook"],
    summary="Replace the rates",
    response_model=None,
    responses=answers.RATES,
)
@open_to(Scope.ADMIN)
def put_rates(context: ContextDep, wanted: RatesBody) -> answers.RatesAnswer:
    """The whole table. Closed entries keep the amounts that they were closed with."""
    found = save_rates(context, str(text(wanted.toml)), text(wanted.made_from))
    return answers.rates_answer(found, missing_rates(context))


def _times(wanted: TimesBody) -> tuple[dt.datetime | None, dt.datetime | None]:
    return moment(wanted.from_time), moment(wanted.until_time)
