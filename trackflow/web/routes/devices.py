"""Settings of devices, presets, and notices that need a person's attention."""

import datetime as dt
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from trackflow.errors import BadInputError
from trackflow.tracks.notices import Notice
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.days.notices import DeviceGuess, read_notices
from trackflow.usecases.devices import renaming
from trackflow.usecases.devices.looks import LookChange
from trackflow.usecases.devices.settings import change_settings, check_device, read_settings
from trackflow.usecases.queries.devices import list_devices
from trackflow.web.answers import devices as answers
from trackflow.web.answers.sending import answer
from trackflow.web.cached import CachedValue
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.parameters import DeviceIds
from trackflow.web.security.access import open_to

router = guarded_router()

DeviceId = Annotated[str, Path(description="The device, as listed.", max_length=200)]


class SettingsChange(BaseModel):
    """The changes; a field that is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    preset: str | None = Field(
        None, description="vehicle, phone, asset or sport; empty for the defaults.", max_length=20
    )
    profile: str | None = Field(None, description="car, bicycle or foot.", max_length=20)
    time_zone: str | None = Field(None, description="Such as Europe/Helsinki.", max_length=100)
    name: str | None = Field(
        None, description="Its name for people; empty for the id.", max_length=200
    )
    colour: str | None = Field(
        None, description="Such as #0b6bb5; empty for one by its ordinal.", max_length=20
    )
    icon: str | None = Field(None, description="Such as van; empty for none.", max_length=20)
    group: str | None = Field(None, description="Its group; empty for none.", max_length=200)
    thresholds: dict[str, float | int | None] = Field(
        default_factory=dict,
        description="Own thresholds by name; null takes the own one back.",
        max_length=20,
    )


class Renaming(BaseModel):
    """The new name of a device."""

    model_config = ConfigDict(extra="forbid", strict=True)

    new_id: str = Field(description="1 to 200 visible characters.", max_length=200)


class Merging(BaseModel):
    """The device that gets all points of another one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    into: str = Field(description="The device that stays; its settings hold.", max_length=200)
    dry_run: bool = Field(False, description="Only say what would be moved.")


@router.get(
    "/api/v1/devices",
    tags=["devices"],
    summary="All devices and where they were last",
    responses=answers.DEVICES,
)
@open_to(Scope.READ)
def devices(request: Request, context: ContextDep) -> Response:
    """Each device's profile, time zone, first and last time, and last reported position."""
    return answer(request, answers.devices_answer(list_devices(context)))


@router.get(
    "/api/v1/notices",
    tags=["devices"],
    summary="What needs a person's attention",
    responses=answers.NOTICES,
)
@open_to(Scope.READ)
def notices(
    request: Request,
    context: ContextDep,
    device: DeviceIds,
    from_: Annotated[dt.date | None, Query(alias="from", description="First day (UTC).")] = None,
    to: Annotated[dt.date | None, Query(description="Last day; it is included.")] = None,
) -> Response:
    """Unusual findings about many points of a device's days, each with what to do.

    `kind` is lone, spike, inaccurate, mixed, duplicate, short, excursion, rollover or quarantined;
    `points` of the `of_points` of these `days` are concerned; the most points come first. With
    `from` or `to`, refused input is left out, as most of it has no day. `looks_like` is the guessed
    kind of devices without a preset, of the first twenty. In a large store, both may be some
    seconds old.
    """
    if from_ is not None and to is not None and from_ > to:
        raise BadInputError("`from` must not be later than `to`")
    every: CachedValue[list[Notice]] = request.app.state.notices
    filtered = device is not None or from_ is not None or to is not None
    found = read_notices(context, device, from_, to) if filtered else every.get()
    guesses: CachedValue[list[DeviceGuess]] = request.app.state.guesses
    guessed = [one for one in guesses.get() if device is None or one.device_id in device]
    return answer(request, answers.notices_answer(found, guessed))


@router.get(
    "/api/v1/presets",
    tags=["devices"],
    summary="Thresholds by what is tracked",
    responses=answers.PRESETS,
)
@open_to(Scope.READ)
def presets(request: Request) -> Response:
    """Each preset: its purpose, all its thresholds, and its changes with their reasons."""
    return answer(request, answers.presets_answer())


@router.get(
    "/api/v1/devices/{device_id:path}",
    tags=["devices"],
    summary="Settings of a device",
    responses=answers.SETTINGS,
)
@open_to(Scope.READ)
def settings(request: Request, context: ContextDep, device_id: DeviceId) -> Response:
    """Profile, time zone, preset, own and resulting thresholds, guessed kind, notices.

    Thresholds are the defaults, changed by the preset, changed by the own ones. 404 if there is no
    such device.
    """
    return answer(request, read_settings(context, device_id).as_dict())


@router.patch(
    "/api/v1/devices/{device_id:path}",
    tags=["devices"],
    summary="Change settings of a device",
    response_model=None,
    responses=answers.SETTINGS,
)
@open_to(Scope.ADMIN)
def change(context: ContextDep, device_id: DeviceId, wanted: SettingsChange) -> dict[str, Any]:
    """All days of the device become pending if the change affects them.

    `name`, `colour`, `icon` and `group` are how it is shown; they affect no day.

    400 if a value makes no sense, 404 if there is no such device.
    """
    check_device(context, device_id)  # answer 404 before checking the values
    changed = change_settings(
        context,
        device_id,
        profile=wanted.profile,
        time_zone=wanted.time_zone,
        overrides=dict(wanted.thresholds),
        preset=wanted.preset,
        look=LookChange(wanted.name, wanted.colour, wanted.icon, wanted.group),
    )
    return changed.as_dict()


@router.post(
    "/api/v1/devices/{device_id:path}/rename",
    tags=["devices"],
    summary="Give a device another id",
    response_model=None,
    responses=answers.MOVED,
)
@open_to(Scope.ADMIN)
def rename(context: ContextDep, device_id: DeviceId, wanted: Renaming) -> answers.MovedAnswer:
    """Its points, settings, tokens and refusals go along; its tracks are made anew.

    Ids of its tracks lead to the new ones. A sender that keeps the old id makes a new device.
    400 if the new id is taken or cannot be one, 404 if there is no such device.
    """
    check_device(context, device_id)
    return answers.moved_answer(renaming.rename(context, device_id, wanted.new_id))


@router.post(
    "/api/v1/devices/{device_id:path}/merge",
    tags=["devices"],
    summary="Make one device of two",
    response_model=None,
    responses=answers.MERGED,
)
@open_to(Scope.ADMIN)
def merge(
    context: ContextDep, device_id: DeviceId, wanted: Merging
) -> answers.MovedAnswer | answers.MergePreviewAnswer:
    """All points of the device are stored under the other one's id. It cannot be taken back.

    Of two points of one moment the better one stays. The settings of the other device hold; tokens
    and refusals go along; ids of tracks lead to the new ones. 400 if they cannot be merged, 404 if
    there is no such device.
    """
    check_device(context, device_id)
    if wanted.dry_run:
        return answers.preview_answer(renaming.preview_merge(context, device_id, wanted.into))
    return answers.moved_answer(renaming.merge(context, device_id, wanted.into))
