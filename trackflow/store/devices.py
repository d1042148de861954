"""Devices and the settings that override the defaults for one of them."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import SettingsError
from trackflow.matching.networks import PROFILES
from trackflow.store import batches
from trackflow.store.tables import devices, processing_batches
from trackflow.tracks.presets import preset_thresholds
from trackflow.tracks.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Device:
    """A device's own settings; whatever it does not set is the default.

    Attributes:
        device_id: the device.
        profile: the roads that it uses.
        time_zone: in which its days are told.
        overrides: its own thresholds; they go before those of the preset.
        preset: what is tracked, one of `PRESETS`; None for the defaults.
    """

    device_id: str
    profile: str = "car"
    time_zone: str = "UTC"
    overrides: dict[str, float] = field(default_factory=dict)
    preset: str | None = None

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds that hold for this device: defaults, then preset, then its own.

        Raises:
            SettingsError: the preset or a threshold makes no sense.
        """
        return preset_thresholds(self.preset).override(self.overrides)


def read_device(connection: Connection, device_id: str) -> Device:
    """A device's settings; the defaults for one that is not known."""
    c = devices.c
    row = connection.execute(
        sa.select(c.device_id, c.profile, c.time_zone, c.thresholds, c.preset).where(
            c.device_id == device_id
        )
    ).one_or_none()
    return Device(device_id) if row is None else Device(*row)


def device_ids(connection: Connection) -> list[str]:
    """All known devices, in order."""
    return list(connection.scalars(sa.select(devices.c.device_id).order_by(devices.c.device_id)))


def known(device_id: str, ids: Sequence[str]) -> str:
    """The device, if it is one of `ids`.

    Raises:
        SettingsError: it is not; the message names some that are.
    """
    if device_id in ids:
        return device_id
    examples = ", ".join(ids[:5]) + (" …" if len(ids) > 5 else "")
    raise SettingsError(f"there is no device {device_id!r}; there are {examples or 'none yet'}")


def lock_devices(connection: Connection, ids: Iterable[str]) -> None:
    """Let nobody else change batches or publish tracks of these devices until the transaction ends.

    Whoever changes several rows of a device takes this first: two that took them in different
    orders would wait for each other. On SQLite there is only one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(
            sa.select(devices.c.device_id)
            .where(devices.c.device_id.in_(list(ids)))
            .order_by(devices.c.device_id)
            .with_for_update(key_share=True)
        )


def change_device(
    connection: Connection,
    device_id: str,
    now: dt.datetime,
    *,
    profile: str | None = None,
    time_zone: str | None = None,
    overrides: dict[str, float | None] | None = None,
    preset: str | None = None,
) -> Device:
    """Change settings of a device and mark all its days to be worked on again.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        now: the time.
        profile: car, bicycle or foot; None leaves it as it is.
        time_zone: its name; None leaves it as it is.
        overrides: own thresholds by name; None as a value takes the preset's or default one again.
        preset: what is tracked; "" takes the defaults again, None leaves it as it is.

    Raises:
        SettingsError: the device, the profile, the time zone, the preset or a threshold makes no
            sense.
    """
    lock_devices(connection, [device_id])
    old = read_device(connection, device_id)
    known(device_id, device_ids(connection))
    if profile is not None and profile not in PROFILES:
        raise SettingsError(f"there is no profile {profile!r}; there are {', '.join(PROFILES)}")
    if time_zone is not None:
        try:
            ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise SettingsError(
                f"{time_zone!r} is no time zone; use a name such as Europe/Helsinki"
            ) from None
    merged = {**old.overrides, **(overrides or {})}
    kept = {name: value for name, value in merged.items() if value is not None}
    chosen = old.preset if preset is None else preset or None
    new = Device(device_id, profile or old.profile, time_zone or old.time_zone, kept, chosen)
    new.thresholds  # noqa: B018  refused now, not when the next run fails
    connection.execute(
        sa.update(devices)
        .where(devices.c.device_id == device_id)
        .values(
            profile=new.profile,
            time_zone=new.time_zone,
            thresholds=new.overrides,
            preset=new.preset,
        )
    )
    if (new.profile, new.overrides, new.preset) != (old.profile, old.overrides, old.preset):
        days = connection.scalars(
            sa.select(processing_batches.c.day).where(processing_batches.c.device_id == device_id)
        ).all()
        batches.mark_again(connection, [(device_id, day) for day in days], now)
    return new
