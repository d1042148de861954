"""Devices and the settings that override the defaults for one of them."""

import datetime as dt
import functools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import SettingsError
from trackflow.geo.time import DAY_US
from trackflow.matching.networks import PROFILES
from trackflow.settings import zone_named
from trackflow.store.days import batch_marks
from trackflow.store.dialects import insert_of, is_among, listed, texts_as_table
from trackflow.store.tables import devices, processing_batches
from trackflow.store.types import UtcTime
from trackflow.tracks.presets import preset_thresholds
from trackflow.tracks.thresholds import Thresholds

LONGEST_BUFFER_US = DAY_US
"""A day is read with its two neighbours and marks no others, so no rule may look further."""


@dataclass(frozen=True, slots=True)
class AdmissionRules:
    """The rules by which a device's points are admitted and mark days.

    Attributes:
        kept_from: points of earlier days are refused; None if there is no such day.
        buffer_us: a point changes decisions of another day if it is this close to it.
    """

    kept_from: dt.date | None
    buffer_us: int


@dataclass(frozen=True, slots=True)
class Device:
    """A device's own settings; an unset one is the default, or TRACKFLOW_TIME_ZONE.

    Attributes:
        device_id: the device.
        profile: the roads that it uses: car, bicycle or foot.
        time_zone: of its days; None for that of the settings.
        overrides: its own thresholds by name; they take precedence over those of the preset.
        preset: the kind of moving object, one of `PRESETS`; None for the defaults.
    """

    device_id: str
    profile: str = "car"
    time_zone: str | None = None
    overrides: dict[str, float] = field(default_factory=dict)
    preset: str | None = None

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds of this device: defaults, then preset, then its own.

        Raises:
            SettingsError: the preset or a threshold makes no sense.
        """
        return preset_thresholds(self.preset).override(self.overrides)

    def changed(self, overrides: Mapping[str, float | None], preset: str | None) -> "Device":
        """The device with other thresholds.

        Args:
            overrides: own thresholds by name; the value None restores the preset's or the default.
            preset: one of `PRESETS`; "" restores the defaults, None leaves it as it is.
        """
        merged = {**self.overrides, **overrides}
        kept = {name: value for name, value in merged.items() if value is not None}
        return replace(
            self, overrides=kept, preset=self.preset if preset is None else preset or None
        )


SETTINGS = (
    devices.c.device_id,
    devices.c.profile,
    devices.c.time_zone,
    devices.c.thresholds,
    devices.c.preset,
)
"""The columns of a `Device`, in its order."""


def read_device(connection: Connection, device_id: str) -> Device:
    """A device's settings; the defaults for one that is not known."""
    return read_devices(connection, [device_id])[device_id]


def read_devices(connection: Connection, ids: Sequence[str]) -> dict[str, Device]:
    """Devices' settings, by device; the defaults for those that are not known."""
    rows = connection.execute(_devices_among(connection.dialect.name), listed(connection, ids))
    return {device_id: Device(device_id) for device_id in ids} | {
        row.device_id: Device(*row) for row in rows
    }


@functools.cache
def _devices_among(dialect: str) -> sa.Select[Any]:
    return sa.select(*SETTINGS).where(is_among(dialect, devices.c.device_id))


def buffer_us(thresholds: Thresholds) -> int:
    """How far into its neighbours a day is read, in microseconds: just beyond its rules' reach.

    It follows from the thresholds alone. If it were a setting, processes with different values
    would not recompute every day that a late point has changed.

    Raises:
        SettingsError: the rules reach further than the neighbouring days.
    """
    needed = math.ceil(thresholds.reach_s * 1e6) + 1
    if needed > LONGEST_BUFFER_US:
        raise SettingsError(
            f"these thresholds look {thresholds.reach_s / 3600:.1f} h around a point, but no more "
            "than 24 h are possible: lower the longest times among them (those that end in _s)"
        )
    return needed


def admission_rules(
    connection: Connection, ids: Sequence[str], *, lock: bool = False
) -> dict[str, AdmissionRules]:
    """The rules of those devices that are known, by device.

    Args:
        connection: to the store.
        ids: the devices.
        lock: whether to lock the devices as `lock_devices` does, in the same query.
    """
    query = _rules_of_devices(connection.dialect.name, lock)
    found: dict[str, AdmissionRules] = {}
    for device_id, thresholds, preset, kept_from in connection.execute(
        query, listed(connection, ids)
    ):
        found[device_id] = AdmissionRules(kept_from, _marking_us(thresholds, preset))
    return found


@functools.cache
def _rules_of_devices(dialect: str, lock: bool) -> sa.Select[Any]:
    d = devices.c
    query = sa.select(d.device_id, sa.cast(d.thresholds, sa.Text), d.preset, d.kept_from).where(
        is_among(dialect, d.device_id)
    )
    if lock and dialect == "postgresql":
        return query.order_by(devices.c.device_id).with_for_update(key_share=True)
    return query


@functools.lru_cache(maxsize=1024)
def _marking_us(thresholds: str, preset: str | None) -> int:
    """How far from a day a point marks it: as far as the device's thresholds or the defaults reach.

    Points are never refused for invalid thresholds; they mark as far as is possible. Results are
    cached by the thresholds' stored JSON, as every report needs one and most devices have the same.
    """
    try:
        overrides: object = json.loads(thresholds)
        if not isinstance(overrides, dict):
            return LONGEST_BUFFER_US
        own = Device("", overrides=overrides, preset=preset).thresholds
        return max(buffer_us(Thresholds()), buffer_us(own))
    except (SettingsError, ValueError):
        return LONGEST_BUFFER_US


def add_devices(connection: Connection, ids: Sequence[str], now: dt.datetime) -> None:
    """Add those devices that are not stored yet."""
    connection.execute(_add(connection.dialect.name), listed(connection, ids) | {"now": now})


@functools.cache
def _add(dialect: str) -> sa.Executable:
    given = texts_as_table(dialect)
    rows = sa.select(given.c.value, sa.bindparam("now", type_=UtcTime())).where(sa.true())
    insert = insert_of(dialect, devices).from_select(["device_id", "created_at"], rows)
    return insert.on_conflict_do_nothing()


def device_ids(connection: Connection, among: Sequence[str] | None = None) -> list[str]:
    """The known devices, in order; of `among`, if given."""
    query = sa.select(devices.c.device_id).order_by(devices.c.device_id)
    if among is None:
        return list(connection.scalars(query))
    query = query.where(is_among(connection.dialect.name, devices.c.device_id))
    return list(connection.scalars(query, listed(connection, among)))


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
    """Keep other transactions from changing batches or tracks of these devices until this one ends.

    A transaction that changes several rows of a device calls this first: two that locked the rows
    in different orders would deadlock. On SQLite there is only one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(
            sa.select(devices.c.device_id)
            .where(is_among("postgresql", devices.c.device_id))
            .order_by(devices.c.device_id)
            .with_for_update(key_share=True),
            listed(connection, list(ids)),
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
        now: the time, UTC.
        profile: car, bicycle or foot; None leaves it as it is.
        time_zone: its name; "" restores that of the settings, None leaves it as it is.
        overrides: own thresholds by name; the value None restores the preset's or the default.
        preset: one of `PRESETS`; "" restores the defaults, None leaves it as it is.

    Raises:
        SettingsError: the device, the profile, the time zone, the preset or a threshold makes no
            sense.
    """
    lock_devices(connection, [device_id])
    old = read_device(connection, device_id)
    known(device_id, device_ids(connection))
    if profile is not None and profile not in PROFILES:
        raise SettingsError(f"there is no profile {profile!r}; there are {', '.join(PROFILES)}")
    if time_zone:
        zone_named(time_zone)
    zone = old.time_zone if time_zone is None else time_zone or None
    new = replace(
        old.changed(overrides or {}, preset), profile=profile or old.profile, time_zone=zone
    )
    buffer_us(new.thresholds)  # refused now, not when the next run fails
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
    if new.profile != old.profile or not _same_thresholds(new, old):
        days = connection.scalars(
            sa.select(processing_batches.c.day).where(processing_batches.c.device_id == device_id)
        ).all()
        batch_marks.mark_again(connection, [(device_id, day) for day in days], now)
    return new


def _same_thresholds(new: Device, old: Device) -> bool:
    """Whether the same thresholds hold; the preset `vehicle` changes nothing."""
    try:
        return new.thresholds == old.thresholds
    except (SettingsError, AttributeError):  # unchecked values of an older version: any JSON
        return False
