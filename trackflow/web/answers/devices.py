"""Devices: their states and settings, presets and notices."""

import datetime as dt
from collections.abc import Iterable
from typing import Any, Literal, TypedDict

from trackflow.tracks.notices import Notice, NoticeKind
from trackflow.tracks.presets import PresetGuess
from trackflow.usecases.days.notices import DeviceGuess
from trackflow.usecases.devices.looks import DeviceLook
from trackflow.usecases.devices.renaming import MergePreview, MoveReport
from trackflow.usecases.devices.settings import guess_as_dict, notice_as_dict, presets_as_dict
from trackflow.usecases.queries.devices import DeviceState
from trackflow.web.answers.describing import described, shows


@described
class LastPosition(TypedDict):
    """The last reported position of a device."""

    longitude: float
    """Degrees (WGS 84)."""
    latitude: float
    """Degrees (WGS 84)."""
    recorded_at: dt.datetime
    """UTC."""


@described
class LookEntry(TypedDict):
    """How a device is shown."""

    name: str | None
    """Null where its id is shown."""
    colour: str | None
    """Such as #0b6bb5; null where its ordinal decides."""
    icon: str | None
    """Such as van; null without one."""
    group: str | None
    """Null without one."""
    ordinal: int
    """Its number among the devices by the time at which they became known, from 0."""


@described
class DeviceEntry(LookEntry):
    """A device, and where it was last."""

    device_id: str
    profile: str
    """The roads that it uses: car, bicycle or foot."""
    time_zone: str
    """The zone of its days, such as Europe/Helsinki."""
    first_time: dt.datetime | None
    """Of its first point, UTC; null if it has none."""
    last_time: dt.datetime | None
    """Of its last point, UTC; null if it has none."""
    last_position: LastPosition | None


@described
class DevicesAnswer(TypedDict):
    """All devices."""

    devices: list[DeviceEntry]
    """By id."""


@described
class ThresholdValues(TypedDict):
    """The limits of the rules that cut tracks."""

    gap_s: float
    """A longer time without points is a silence; its ends decide what it was."""
    silence_s: float
    """A longer silence always cuts the track."""
    max_speed_kmh: float
    """A faster step is impossible."""
    noise_m: float
    """A step may be off by so much before its speed means anything."""
    max_accuracy_m: float
    """Points that claim to be less accurate are dropped."""
    spike_s: float
    """Spikes lie between points at most this far apart in time."""
    spike_points: int
    """The longest run of points that can be a spike."""
    dwell_s: float
    """A stay lasts so long at least."""
    dwell_radius_m: float
    """A stay fits into a box whose diagonal is twice this."""
    min_track_m: float
    """A shorter track is dropped."""
    min_track_points: int
    """A track of fewer points is dropped."""


@described
class GuessEntry(TypedDict):
    """What a device looks like, by what it has sent."""

    preset: str
    """The preset that fits: vehicle, phone, asset or sport."""
    why: str
    """The evidence, with figures."""
    interval_s: float
    """Median time between two points."""
    vague_share: float
    """Share of points that claim a poor accuracy, 0 to 1."""
    fast_kmh: float
    """95 % of the moving time it was slower; 0 if it never moved."""
    moving_share: float
    """Share of the time with points in which it moved, 0 to 1."""
    watched_share: float
    """Share of the whole time that has a point every ten minutes, 0 to 1."""


@described
class DeviceGuessEntry(GuessEntry):
    """The guessed kind of a device without a preset."""

    device_id: str


@described
class NoticeEntry(TypedDict):
    """Something that needs a person's attention."""

    device_id: str | None
    """Null for input that names no device."""
    kind: NoticeKind
    first_day: dt.date | None
    """The first day concerned (UTC); null if it is not a matter of days."""
    last_day: dt.date | None
    """The last day concerned (UTC)."""
    days: int
    """Number of days."""
    points: int
    """Number of points concerned."""
    of_points: int
    """Number of all points of these days."""
    text: str
    """What was found."""
    advice: str
    """What to do about it."""


@described
class NoticesAnswer(TypedDict):
    """What needs a person's attention."""

    notices: list[NoticeEntry]
    """The most points first."""
    looks_like: list[DeviceGuessEntry]
    """The guessed kind of devices without a preset, of the first twenty."""


@described
class PresetChange(TypedDict):
    """A threshold that a preset changes."""

    value: float
    """In the unit of the threshold's name."""
    reason: str


@described
class PresetEntry(TypedDict):
    """Thresholds for one kind of device."""

    what: str
    """The devices that it is for."""
    thresholds: ThresholdValues
    """All of them, changed or not."""
    changes: dict[str, PresetChange]
    """Those that differ from the defaults, by name."""


@described
class PresetsAnswer(TypedDict):
    """The presets."""

    presets: dict[str, PresetEntry]
    """By name."""


@described
class DeviceSettingsAnswer(LookEntry):
    """The settings of a device, with help to choose them."""

    device_id: str
    profile: Literal["car", "bicycle", "foot"]
    """The roads that it uses."""
    time_zone: str
    """The zone of its days, such as Europe/Helsinki."""
    preset: str | None
    """Null for the defaults."""
    overrides: dict[str, float]
    """Own thresholds by name; they take precedence over those of the preset."""
    thresholds: ThresholdValues
    """The resulting ones."""
    looks_like: GuessEntry | None
    """Null if its points are too few."""
    notices: list[NoticeEntry]


@described
class MovedAnswer(TypedDict):
    """A device whose points are stored under another id."""

    device_id: str
    """The id that is no more."""
    into: str
    """The id under which all is stored now."""
    points: int
    """Number of points that were moved."""


@described
class MergePreviewAnswer(TypedDict):
    """What a merge would do."""

    device_id: str
    """The device whose points would move."""
    into: str
    """The device that would get them."""
    points: int
    """Number of points that would move."""
    first_time: dt.datetime | None
    """Of the first of them, UTC; null if there are none."""
    last_time: dt.datetime | None
    """Of the last of them, UTC."""
    shared_moments: int
    """Number of moments of which both have a point; the better one would stay."""


def moved_answer(report: MoveReport) -> MovedAnswer:
    """A device whose points are stored under another id."""
    return {"device_id": report.device_id, "into": report.into, "points": report.points}


def preview_answer(preview: MergePreview) -> MergePreviewAnswer:
    """What a merge would do."""
    return {
        "device_id": preview.device_id,
        "into": preview.into,
        "points": preview.points,
        "first_time": preview.first,
        "last_time": preview.last,
        "shared_moments": preview.shared_moments,
    }


def devices_answer(devices: Iterable[DeviceState]) -> DevicesAnswer:
    """All devices."""
    return {"devices": [_device(device) for device in devices]}


def notices_answer(notices: Iterable[Notice], guesses: Iterable[DeviceGuess]) -> dict[str, Any]:
    """Notices and guesses, as `NoticesAnswer`."""
    return {
        "notices": [notice_as_dict(notice) for notice in notices],
        "looks_like": [
            {"device_id": one.device_id} | (guess_as_dict(one.guess) or {}) for one in guesses
        ],
    }


def presets_answer() -> dict[str, Any]:
    """The presets, as `PresetsAnswer`."""
    return {"presets": presets_as_dict()}


def _device(device: DeviceState) -> DeviceEntry:
    position: LastPosition | None = None
    if not (device.last_time is None or device.longitude is None or device.latitude is None):
        position = {
            "longitude": device.longitude,
            "latitude": device.latitude,
            "recorded_at": device.last_time,
        }
    return {
        "device_id": device.device_id,
        "profile": device.profile,
        "time_zone": device.time_zone,
        "first_time": device.first_time,
        "last_time": device.last_time,
        "last_position": position,
        "name": device.look.name,
        "colour": device.look.colour,
        "icon": device.look.icon,
        "group": device.look.group,
        "ordinal": device.look.ordinal,
    }


_DAY = dt.date(2026, 9, 21)
_FIRST = dt.datetime(2026, 3, 2, 5, 0, 10, tzinfo=dt.UTC)
_LAST = dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC)
_LOOK = DeviceLook("Bus to the harbour", "#0b6bb5", "bus", "Buses", 3)
_BUS = DeviceState("bus-7", "car", "Europe/Helsinki", _FIRST, _LAST, 24.9384, 60.1699, _LOOK)
_NOTICE = Notice(
    "bus-7",
    NoticeKind.INACCURATE,
    _DAY,
    _DAY,
    1,
    412,
    1_280,
    "412 of 1,280 points claim to be less accurate than 500 m",
    "a larger max_accuracy_m keeps them",
)
_GUESS = PresetGuess("vehicle", "a point every 5 s while it moves", 5.0, 0.0, 52.1, 0.4, 0.6)
_NOTICES = notices_answer([_NOTICE], [DeviceGuess("bus-7", _GUESS)])
_PHONE = presets_as_dict()["phone"]
_SETTINGS = {
    "device_id": "bus-7",
    "profile": "car",
    "time_zone": "Europe/Helsinki",
    "preset": None,
    "overrides": {"gap_s": 900},
    "thresholds": presets_as_dict()["vehicle"]["thresholds"] | {"gap_s": 900},
    "looks_like": guess_as_dict(_GUESS),
    "notices": _NOTICES["notices"],
    **_LOOK.as_dict(),
}

DEVICES = shows(DevicesAnswer, devices_answer([_BUS]))
NOTICES = shows(NoticesAnswer, _NOTICES)
PRESETS = shows(PresetsAnswer, {"presets": {"phone": _PHONE}})
SETTINGS = shows(DeviceSettingsAnswer, _SETTINGS)
MOVED = shows(MovedAnswer, moved_answer(MoveReport("old-phone", "anna", 182_204)))
MERGED = shows(
    MovedAnswer | MergePreviewAnswer,
    preview_answer(MergePreview("old-phone", "anna", 182_204, _FIRST, _LAST, 12)),
)
