"""What is received by itself, and how long it is kept."""

import re
from dataclasses import dataclass
from pathlib import Path

from trackflow.variables import set_by, whole_number, words


def _keeps_tracks(text: str) -> bool:
    if text not in ("nothing", "tracks"):
        raise ValueError("must be tracks or nothing")
    return text == "tracks"


def _mqtt_url(text: str) -> str:
    if not re.fullmatch(r"mqtts?://([^\s@/]*@)?(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?/?", text):
        raise ValueError(
            "is no address of an MQTT broker; use one such as mqtts://user:password@host:8883, "
            "with %40 for an @ in a password"
        )
    return text.rstrip("/")


def _mqtt_topic(text: str) -> str:
    levels = text.split("/")
    whole = all(level in ("+", "#") or not set(level) & set("+#\0") for level in levels)
    if not whole or "#" in levels[:-1]:
        raise ValueError("is no topic filter; use one such as owntracks/+/+")
    return text


@dataclass(frozen=True)
class IntakeSettings:
    """What is received by itself, and how long it is kept.

    Attributes:
        inbox: folder whose files are imported as they arrive; None for none.
        retention_days: age in days at which points and what was made of them are deleted; 0 keeps
            everything.
        keep_tracks: whether retention leaves tracks, although their lines show where people were.
        quarantine_mb: megabytes of unreadable live input that are kept; senders of more get an
            error.
        owntracks_keys: keys of OwnTracks' encrypted messages, never shown.
        mqtt_url: an MQTT broker with account and password, never shown; empty for none.
        mqtt_topic: the filter of the topics that are received from it.
        mqtt_ca: PEM file of the authority of its certificate; None for those of this machine.
    """

    inbox: Path | None = set_by(  # noqa: RUF009  it makes a field
        "INBOX",
        None,
        "a folder whose files are imported as they arrive",
        unset="none",
        parse=Path,
    )
    retention_days: int = set_by(
        "RETENTION_DAYS",
        0,
        "age in days at which points and tracks are deleted",
        unset="0: keep",
        parse=whole_number(0, 36_500),
    )
    keep_tracks: bool = set_by(
        "RETENTION_KEEPS",
        False,
        "`tracks` leaves the tracks when points are deleted, although their lines show where "
        "people were",
        unset="nothing",
        parse=_keeps_tracks,
    )
    quarantine_mb: int = set_by(
        "QUARANTINE_MB",
        256,
        "megabytes of live input that could not be read and is kept; beyond that senders are "
        "answered with an error",
        parse=whole_number(1, 1_000_000),
    )
    owntracks_keys: tuple[str, ...] = set_by(
        "OWNTRACKS_KEYS",
        (),
        "keys of encrypted OwnTracks messages, with blanks between",
        unset="none",
        parse=words,
        is_secret=True,
    )
    mqtt_url: str = set_by(
        "MQTT_URL",
        "",
        "an MQTT broker whose OwnTracks messages are received, such as "
        "`mqtts://trackflow:password@broker.example:8883`, see [MQTT](../mqtt.md)",
        unset="none",
        parse=_mqtt_url,
        is_secret=True,
    )
    mqtt_topic: str = set_by(
        "MQTT_TOPIC",
        "owntracks/+/+",
        "the topics that are received",
        unset="`owntracks/+/+`",
        parse=_mqtt_topic,
    )
    mqtt_ca: Path | None = set_by(  # noqa: RUF009  it makes a field
        "MQTT_CA",
        None,
        "a file with the certificate of the authority that has signed the broker's",
        unset="those that this machine trusts",
        parse=Path,
    )
