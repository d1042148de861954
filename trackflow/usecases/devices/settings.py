"""A device's settings with help to choose them: the presets, its guessed kind, its notices."""

from dataclasses import dataclass
from typing import Any

from trackflow.context import Context
from trackflow.errors import NotFoundError
from trackflow.sources.admission import fit_device
from trackflow.store.database import Connection
from trackflow.store.devices import settings
from trackflow.store.devices.looks import DeviceLook, read_look
from trackflow.store.devices.settings import Device
from trackflow.tracks.notices import Notice
from trackflow.tracks.presets import PRESETS, PresetGuess, preset_thresholds
from trackflow.usecases.days.notices import read_guess, read_notices
from trackflow.usecases.devices.looks import NO_CHANGE, LookChange, apply_look
from trackflow.usecases.places.learning import learn_in


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """Settings of a device, its guessed kind, and its notices.

    Attributes:
        device: its own settings.
        time_zone: the zone of its days: its own, or that of the settings.
        looks_like: its guessed kind; None if its points are too few.
        notices: findings that need a person's attention.
        look: how it is shown.
    """

    device: Device
    time_zone: str
    looks_like: PresetGuess | None
    notices: list[Notice]
    look: DeviceLook

    def origin_of(self, threshold: str) -> str:
        """The origin of a threshold's value: own, preset or default."""
        if threshold in self.device.overrides:
            return "own"
        preset = PRESETS.get(self.device.preset or "")
        return "preset" if preset and threshold in preset.changes else "default"

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        device = self.device
        return {
            "device_id": device.device_id,
            "profile": device.profile,
            "time_zone": self.time_zone,
            "preset": device.preset,
            "overrides": device.overrides,
            "thresholds": device.thresholds.as_dict(),
            "looks_like": guess_as_dict(self.looks_like),
            "notices": [notice_as_dict(notice) for notice in self.notices],
            **self.look.as_dict(),
        }


def check_device(context: Context, device_id: str) -> None:
    """Check that there is a device.

    Raises:
        NotFoundError: there is not.
    """
    with context.store.read() as connection:
        _check_known(connection, device_id)


def _check_known(connection: Connection, device_id: str) -> None:
    # what no device can be called is not asked for: PostgreSQL refuses some of it, such as NUL
    if not fit_device(device_id) or not settings.device_ids(connection, [device_id]):
        raise NotFoundError(f"there is no device {device_id!r}; see `trackflow device list`")


def read_settings(context: Context, device_id: str) -> DeviceSettings:
    """The settings of a device.

    Raises:
        NotFoundError: there is no such device.
        SettingsError: its stored thresholds make no sense.
    """
    with context.store.read() as connection:
        _check_known(connection, device_id)
        device = settings.read_device(connection, device_id)
        look = read_look(connection, device_id)
    zone = device.time_zone or context.settings.time_zone
    guess, notices = read_guess(context, device_id), read_notices(context, (device_id,))
    return DeviceSettings(device, zone, guess, notices, look)


def change_settings(
    context: Context,
    device_id: str,
    *,
    profile: str | None = None,
    time_zone: str | None = None,
    overrides: dict[str, float | None] | None = None,
    preset: str | None = None,
    look: LookChange = NO_CHANGE,
) -> DeviceSettings:
    """Change settings of a device; its days become pending if the change affects them.

    Args:
        context: the store.
        device_id: the device.
        profile: car, bicycle or foot; None leaves it as it is.
        time_zone: its name; "" takes that of the settings, None leaves it as it is.
        overrides: own thresholds by name; None as a value takes the preset's or default one again.
        preset: name of a preset; "" takes the defaults again, None leaves it as it is.
        look: how it is shown.

    Raises:
        SettingsError: the device, the profile, the time zone, the preset or a threshold makes no
            sense.
    """
    with context.store.write() as connection:
        settings.change_device(
            connection,
            device_id,
            context.clock(),
            profile=profile,
            time_zone=time_zone,
            overrides=overrides,
            preset=preset,
        )
        apply_look(connection, device_id, look)
        if time_zone is not None:
            # its nights and working hours are others now
            learn_in(context, connection, device_id)
    return read_settings(context, device_id)


def notice_as_dict(notice: Notice) -> dict[str, Any]:
    """A notice for programs."""
    return {
        "device_id": notice.device_id or None,
        "kind": notice.kind.value,
        "first_day": notice.first_day,
        "last_day": notice.last_day,
        "days": notice.days,
        "points": notice.points,
        "of_points": notice.of_points,
        "text": notice.text,
        "advice": notice.advice,
    }


def guess_as_dict(guess: PresetGuess | None) -> dict[str, Any] | None:
    """A guess for programs; None stays None."""
    if guess is None:
        return None
    return {
        "preset": guess.preset,
        "why": guess.why,
        "interval_s": round(guess.interval_s, 3),
        "vague_share": round(guess.vague_share, 4),
        "fast_kmh": round(guess.fast_kmh, 1),
        "moving_share": round(guess.moving_share, 4),
        "watched_share": round(guess.watched_share, 4),
    }


def presets_as_dict() -> dict[str, Any]:
    """The table of presets for programs: the purpose of each, its changes and their reasons."""
    return {
        name: {
            "what": preset.what,
            "thresholds": preset_thresholds(name).as_dict(),
            "changes": {
                threshold: {"value": change.value, "reason": change.reason}
                for threshold, change in preset.changes.items()
            },
        }
        for name, preset in PRESETS.items()
    }
