"""Settings from environment variables, read once and passed on as a value."""

import base64
import os
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import platformdirs

from trackflow.errors import SettingsError
from trackflow.variables import PREFIX, Variable, number, set_by, whole_number, words

HOME_NAME = ".trackflow"
DATABASE_NAME = "trackflow.db"

MOST_CONNECTIONS = 25
"""The default: enough for the threads of a server; few processes ever need so many at once."""


def find_home(start: Path | None = None) -> Path:
    """The folder of an existing store, so that a command in another folder makes no second one.

    The nearest `.trackflow` in `start` or above it, else the user's data folder (on Linux
    `~/.local/share/trackflow`). Folders of other users are skipped: any user could make one in
    `/tmp`, and would get the positions of people who run a command below it.

    Args:
        start: where to look first; the current folder by default.
    """
    try:
        start = start or Path.cwd()
    except FileNotFoundError:  # the current folder has been deleted
        start = Path("/")
    for folder in (start, *start.parents):
        home = folder / HOME_NAME
        if _is_own_folder(home):
            return home
    return platformdirs.user_data_path("trackflow", appauthor=False)


def _is_own_folder(path: Path) -> bool:
    try:
        found = path.stat()
    except OSError:  # it is not there, or in a folder that this user may not look into
        return False
    return stat.S_ISDIR(found.st_mode) and (sys.platform == "win32" or found.st_uid == os.getuid())


def _keeps_tracks(text: str) -> bool:
    if text not in ("nothing", "tracks"):
        raise ValueError("must be tracks or nothing")
    return text == "tracks"


def _tiles_url(text: str) -> str:
    """A checked address of tiles or a style, as it becomes part of the page's security policy."""
    if text.startswith("/"):
        if text.endswith(".pmtiles"):
            return text
        raise ValueError("is no tile address; a file of this machine has to be a .pmtiles")
    plain = not any(c.isspace() or c in "\"';," for c in text)
    if not (plain and re.match(r"https?://[\w.:\[\]-]+/.", text)):
        raise ValueError(
            "is no tile address; use one such as https://tiles.example/{z}/{x}/{y}.png, "
            "https://tiles.example/style.json or https://tiles.example/world.pmtiles"
        )
    return text


def zone_named(name: str) -> ZoneInfo:
    """The time zone of a name such as Europe/Helsinki.

    Raises:
        SettingsError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(
            f"{name!r} is no time zone; use a name such as Europe/Helsinki"
        ) from None


def _yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError("must be yes or no")
    return text == "yes"


def _log_format(text: str) -> str:
    if text not in ("text", "json"):
        raise ValueError("must be text or json")
    return text


def _storage_address(text: str) -> str:
    if "://" not in text and not Path(text).is_absolute():
        raise ValueError("is neither an absolute path nor an address such as s3://bucket/meshes")
    return text.rstrip("/")


def _execution(text: str) -> str:
    if text not in ("local", "celery", "k8s"):
        raise ValueError("must be local, celery or k8s")
    return text


def _named_addresses(text: str) -> tuple[tuple[str, str], ...]:
    """Projects and users with an address each; one may be there several times."""
    pairs = [word.partition("=")[::2] for word in words(text)]
    if not all(name and "://" in address for name, address in pairs):
        raise ValueError("write such as harbour=mailto://… user:anna=slack://…")
    return tuple(pairs)


def _origins(text: str) -> tuple[str, ...]:
    """Origins as browsers send them; `*` stands for all."""
    found = words(text)
    if not all(one == "*" or re.fullmatch(r"https?://[\w.:\[\]-]+", one) for one in found):
        raise ValueError("is no origin; write such as https://map.example https://shop.example")
    return tuple(one.lower() for one in found)


def _public_url(text: str) -> str:
    if not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./~-]*)?", text):
        raise ValueError("is no address of a page; use one such as https://trackflow.example")
    return text.rstrip("/")


def _geocoder_url(text: str) -> str:
    # unchecked, each update of stays would fail
    if not re.match(r"((nominatim|photon)\+)?https?://[^/\s]", text):
        raise ValueError(
            "is no address of a geocoder; use one such as https://nominatim.example or "
            "photon+https://photon.example"
        )
    return text


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise ValueError("is no host and port; use such as statsd.lan:8125")
    return host.strip("[]"), int(port)


def _time_zone(text: str) -> str:
    try:
        return zone_named(text).key
    except SettingsError:
        raise ValueError("is no time zone; use a name such as Europe/Helsinki") from None


def _web_address(text: str) -> str:
    if not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./~-]*)?", text):
        raise ValueError("is no address of a server; use one such as http://meshes:8100")
    return text.rstrip("/")


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


def _webhook_secret(text: str) -> str:
    """A secret as Standard Webhooks writes it: at least 24 bytes in Base64 after `whsec_`."""
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if len(key) < 24:
        raise ValueError("is no secret of 24 bytes; `trackflow mesh service-secret` makes one")
    return text


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are and how much may run at once.

    Attributes:
        home: folder for the SQLite database, road networks and Dagster's own storage; see
            `find_home`.
        database_url: SQLAlchemy URL; empty means SQLite in `home`.
        database_connections: connections of a process to the database, at most.
        engine_url: base URL of an OSRM server; empty means the embedded engine; "none" switches
            matching off, so that tracks keep their raw lines.
        engine_connections: requests to that server at once, of all processes.
        workers: processes that work at the same time.
        execution: where Dagster's runs are executed: local, celery or k8s.
        broker_url: the broker of Celery, never shown; it may hold a password.
        machines: machines that share the days of a run.
        networks: where road networks are published for other machines: a folder or an address of
            fsspec; empty for nowhere.
        lease_s: how many seconds a worker may hold a batch without a sign of life.
        max_tries: tries of a batch before it is marked failed.
        tiles_url: address of tiles or a style for the map page, or path of a PMTiles file; empty
            for the own base map.
        inbox: folder whose files are imported as they arrive; None for none.
        retention_days: age in days at which points and what was made of them are deleted; 0 keeps
            everything.
        keep_tracks: whether retention leaves tracks, although their lines show where people were.
        close_after_days: days after which an entry of the logbook is closed.
        logbook_join_min: longest stay in minutes between business tracks of a day that are one
            trip of the logbook; 0 joins none by itself.
        liverc_url: where LiveRC is: empty for the real one, a base address, an address with
            `{slug}` for a track's page, or those of the list and of a track's page, by a space.
        catalogue_file: a JSON or CSV list of race tracks, a path or a web address; empty for none.
        catalogue_concurrency: pages of a source that are fetched at the same time.
        catalogue_per_s: pages of a source that are fetched per second, at most.
        catalogue_limit_s: a sync that takes more seconds is reported; it goes on.
        notify_urls: addresses of messages about trouble, as Apprise writes them; they hold
            passwords, so they are never shown.
        cors_origins: origins whose pages may use the API in a browser, with tokens only.
        log_format: text for people, json for programs.
        alerts_off: rules and devices without alerts.
        alert_backlog_min: minutes that work may wait before an alert.
        alert_silent_h: hours without a point after which a device that reports regularly is
            silent; 0 for three times its own interval.
        alert_disk_gb: free gigabytes below which there is an alert; 0 for a tenth of the disk.
        geocoder_url: base address of a Nominatim server, or `photon+https://…` of a Photon; empty
            for none.
        geocoder_file: CSV with slug or address, longitude and latitude; None for none.
        addresses: whether the geocoder is asked for the addresses of stays.
        geocoder_per_s: requests to the geocoder in a second, at most.
        geocoder_connections: requests to the geocoder at once, at most.
        visit_radius_m: how near a device has to be to a race track for a visit.
        visit_min: how many minutes it has to stay there.
        mesh_storage: where files of meshes are kept: a path or an address of fsspec; empty for the
            folder `meshes` in `home`.
        mesh_inbox: folder of images of which meshes are made; None for none.
        mesh_logos: whether meshes are made of the logos of race tracks.
        mesh_workers: meshes that are made at once.
        mesh_notify: where messages about meshes go, by project or user; never shown.
        public_url: address of the page as people reach it, for links in messages; empty for none.
        dagster_url: address of Dagster's web server, for links to runs; empty for none.
        statsd: host and port of a StatsD server; None for none.
        quarantine_mb: megabytes of unreadable live input that are kept; senders of more get an
            error.
        owntracks_keys: keys of OwnTracks' encrypted messages, never shown.
        mqtt_url: an MQTT broker with account and password, never shown; empty for none.
        mqtt_topic: the filter of the topics that are received from it.
        mqtt_ca: PEM file of the authority of its certificate; None for those of this machine.
        mesh_url: base address of a mesh service; empty makes meshes in child processes of this
            machine.
        mesh_token: a token of that service, which lets this one in; never shown.
        mesh_callback_url: base address of this API as the service sees it; empty for no callbacks.
        mesh_secret: signs the service's callbacks, the same on both sides, never shown.
        mesh_allow_hosts: hosts and networks of the own network that image and callback addresses
            may lead to.
        mesh_image_mb: megabytes of an image file, at most.
        mesh_megapixels: millions of pixels of an image, at most.
        mesh_memory_mb: megabytes of memory that a child process may use for one image.
        mesh_limit_s: seconds that one mesh may take.
        time_zone: the zone whose days distances of a day are shown and summed by.
    """

    home: Path = field(
        default_factory=find_home,
        metadata={
            "variable": Variable(
                f"{PREFIX}HOME",
                "database, road networks, Dagster's records; may be moved",
                "the nearest `.trackflow` here or above, else the user's data folder "
                "(`~/.local/share/trackflow`)",
                Path,
                from_machine=find_home,
            )
        },
    )
    database_url: str = set_by(
        "DATABASE_URL",
        "",
        "such as `postgresql+psycopg://user@host/trackflow`",
        unset="SQLite in the home",
    )
    database_connections: int = set_by(
        "DATABASE_CONNECTIONS",
        MOST_CONNECTIONS,
        "connections of a process to the database, at most; 4 or more. It has two threads less. "
        "Each worker, each server of the API and each of Dagster's processes is one",
        parse=whole_number(4, 1000),
    )
    engine_url: str = set_by(
        "ENGINE_URL",
        "",
        "an OSRM server, such as `http://osrm:5000`, which knows no "
        "[drives against one-ways](../matching.md#with-an-osrm-server); `none` for raw lines only",
        unset="the embedded engine",
    )
    engine_connections: int = set_by(
        "ENGINE_CONNECTIONS",
        32,
        "requests to that server at once, of all processes",
        parse=whole_number(1, 1024),
    )
    workers: int = set_by(
        "WORKERS",
        2,
        "processes that work at the same time",
        unset="one per core",
        parse=whole_number(1, 256),
        from_machine=lambda: os.cpu_count() or 1,
    )
    execution: str = set_by(
        "EXECUTION",
        "local",
        "where Dagster's runs are executed: `local`, `celery` or `k8s`, see "
        "[many machines](../operations/many-machines.md)",
        unset="local: beside Dagster",
        parse=_execution,
    )
    broker_url: str = set_by(
        "BROKER_URL",
        "",
        "the broker of `TRACKFLOW_EXECUTION=celery`, such as `redis://broker:6379/0`",
        unset="none",
        is_secret=True,
    )
    machines: int = set_by(
        "MACHINES",
        1,
        "machines that share the days of one run",
        parse=whole_number(1, 100),
    )
    networks: str = set_by(
        "NETWORKS",
        "",
        "where `network build` publishes road networks for other machines, which fetch them once: "
        "a folder, or an address of fsspec such as `s3://bucket/networks`",
        unset="nowhere: on this machine only",
        parse=_storage_address,
        is_secret=True,
    )
    lease_s: float = set_by(
        "LEASE_S",
        120.0,
        "for how many seconds a worker may hold a day without a sign of life",
        parse=number(1, 86_400),
    )
    max_tries: int = set_by(
        "MAX_TRIES",
        5,
        "tries of a day before it is given up; `run --retry-failed` takes it up again",
        parse=whole_number(1, 100),
    )
    tiles_url: str = set_by(
        "TILES_URL",
        "",
        "somebody else's map below the tracks: tiles such as "
        "`https://tiles.example/{z}/{x}/{y}.png` or `….pbf`, a `style.json`, or a `.pmtiles`, also "
        "as a file of this machine",
        unset="the own base map",
        parse=_tiles_url,
    )
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
    close_after_days: int = set_by(
        "CLOSE_AFTER_DAYS",
        7,
        "days after a trip at which its entry in the logbook is closed",
        parse=whole_number(1, 365),
    )
    logbook_join_min: float = set_by(
        "LOGBOOK_JOIN_MIN",
        0.0,
        "the longest stay in minutes between business tracks of a day that are one trip of the "
        "logbook",
        unset="0: each track is a trip",
        parse=number(0, 1440),
    )
    liverc_url: str = set_by(
        "LIVERC_URL",
        "",
        "another address: a base, a pattern with `{slug}`, or both with a space between",
        unset="the real site",
    )
    catalogue_file: str = set_by(
        "CATALOGUE_FILE",
        "",
        "a JSON or CSV list of race tracks, a path or a web address",
        unset="none",
    )
    catalogue_concurrency: int = set_by(
        "CATALOGUE_CONCURRENCY",
        6,
        "pages of a source fetched at once, by all processes",
        parse=whole_number(1, 32),
    )
    catalogue_per_s: float = set_by(
        "CATALOGUE_PER_S",
        15.0,
        "pages of a source per second, of all processes",
        parse=number(0.01, 1000),
    )
    catalogue_limit_s: float = set_by(
        "CATALOGUE_LIMIT_S",
        900.0,
        "a sync that takes more seconds is reported; it goes on",
        parse=number(1, 86_400),
    )
    notify_urls: tuple[str, ...] = set_by(
        "NOTIFY_URLS",
        (),
        "where messages about trouble go, as [Apprise](https://github.com/caronc/apprise) "
        "addresses with blanks between",
        unset="none",
        parse=words,
        is_secret=True,
    )
    cors_origins: tuple[str, ...] = set_by(
        "CORS_ORIGINS",
        (),
        "origins such as `https://map.example`, with blanks between, whose pages may use the API "
        "in a browser, each request with a token; `*` for all",
        unset="none",
        parse=_origins,
    )
    log_format: str = set_by(
        "LOG_FORMAT",
        "text",
        "`json`: [logs](../operations/monitoring.md#logs) as JSON, one object a line, with a line "
        "per request",
        unset="text",
        parse=_log_format,
    )
    alerts_off: tuple[str, ...] = set_by(
        "ALERTS_OFF",
        (),
        "rules and devices without [alerts](../operations/monitoring.md#alerts), with blanks "
        "between",
        unset="none",
        parse=words,
    )
    alert_backlog_min: float = set_by(
        "ALERT_BACKLOG_MIN",
        60.0,
        "minutes that work may wait before there is an alert",
        parse=number(1, 100_000),
    )
    alert_silent_h: float = set_by(
        "ALERT_SILENT_H",
        0.0,
        "hours without a point after which there is an alert for a device that reports regularly",
        unset="0: three times its own interval",
        parse=number(0, 10_000),
    )
    alert_disk_gb: float = set_by(
        "ALERT_DISK_GB",
        0.0,
        "free gigabytes below which there is an alert",
        unset="0: a tenth of the disk",
        parse=number(0, 1_000_000),
    )
    geocoder_url: str = set_by(
        "GEOCODER_URL",
        "",
        "a Nominatim server, or `photon+https://…` of a Photon",
        unset="off",
        parse=_geocoder_url,
    )
    geocoder_file: Path | None = set_by(  # noqa: RUF009  it makes a field
        "GEOCODER_FILE",
        None,
        "a CSV of slug or address, longitude, latitude",
        unset="off",
        parse=Path,
    )
    addresses: bool = set_by(
        "ADDRESSES",
        True,
        "`no` asks the geocoder for race tracks only, never for the addresses of stays",
        unset="yes, if there is a geocoder",
        parse=_yes_or_no,
    )
    geocoder_per_s: float = set_by(
        "GEOCODER_PER_S",
        1.0,
        "requests to the geocoder in a second, of all processes; 1 is the rule of the public "
        "Nominatim",
        parse=number(0.001, 100_000),
    )
    geocoder_connections: int = set_by(
        "GEOCODER_CONNECTIONS",
        1,
        "requests to the geocoder at once, of all processes",
        parse=whole_number(1, 256),
    )
    visit_radius_m: float = set_by(
        "VISIT_RADIUS_M",
        300.0,
        "how near a race track, in metres, makes a visit",
        parse=number(10, 10_000),
    )
    visit_min: float = set_by("VISIT_MIN", 15.0, "and for how many minutes", parse=number(1, 1440))
    mesh_storage: str = set_by(
        "MESH_STORAGE",
        "",
        "where [meshes](../meshes.md) are kept: a folder, or an address of fsspec such as "
        "`s3://bucket/meshes`",
        unset="`meshes` in the home",
        parse=_storage_address,
        is_secret=True,
    )
    mesh_inbox: Path | None = set_by(  # noqa: RUF009  it makes a field
        "MESH_INBOX",
        None,
        "a folder of images of which meshes are made",
        unset="none",
        parse=Path,
    )
    mesh_logos: bool = set_by(
        "MESH_LOGOS",
        True,
        "`no` makes no meshes of the logos of race tracks",
        unset="yes",
        parse=_yes_or_no,
    )
    mesh_workers: int = set_by(
        "MESH_WORKERS",
        2,
        "meshes that are made at once",
        parse=whole_number(1, 10),
    )
    mesh_notify: tuple[tuple[str, str], ...] = set_by(
        "MESH_NOTIFY",
        (),
        "where messages about finished meshes go: `project=ADDRESS` or `user:NAME=ADDRESS` with "
        "blanks between, as [Apprise](https://github.com/caronc/apprise) addresses",
        unset="none",
        parse=_named_addresses,
        is_secret=True,
    )
    public_url: str = set_by(
        "PUBLIC_URL",
        "",
        "the page's address as people reach it, for links in messages, such as "
        "`https://trackflow.example`",
        unset="no links",
        parse=_public_url,
    )
    dagster_url: str = set_by(
        "DAGSTER_URL",
        "",
        "the address of Dagster's web server as people reach it, for links from jobs to their "
        "runs, such as `https://trackflow.example/dagster`",
        unset="that of `serve`, else no links",
        parse=_public_url,
    )
    statsd: tuple[str, int] | None = set_by(
        "STATSD",
        None,
        "host and port of a StatsD server that gets the figures of meshes, such as "
        "`statsd.lan:8125`",
        unset="none",
        parse=_host_and_port,
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
    mesh_url: str = set_by(
        "MESH_URL",
        "",
        "a [mesh service](../mesh-service.md), such as `http://meshes:8100`",
        unset="meshes are made on this machine",
        parse=_web_address,
    )
    mesh_token: str = set_by(
        "MESH_TOKEN",
        "",
        "a token of the mesh service; set for `trackflow mesh-service` itself, it lets this one in",
        unset="none",
        is_secret=True,
    )
    mesh_callback_url: str = set_by(
        "MESH_CALLBACK_URL",
        "",
        "this API's address as the mesh service sees it, such as `http://trackflow:8000`; it needs "
        "`TRACKFLOW_MESH_SECRET`",
        unset="no callbacks: the service is asked for news",
        parse=_web_address,
    )
    mesh_secret: str = set_by(
        "MESH_SECRET",
        "",
        "signs the mesh service's callbacks, the same on both sides; `trackflow mesh "
        "service-secret` makes one",
        unset="none",
        parse=_webhook_secret,
        is_secret=True,
    )
    mesh_allow_hosts: tuple[str, ...] = set_by(
        "MESH_ALLOW_HOSTS",
        (),
        "hosts and networks of the own network that addresses of images and callbacks may lead to, "
        "such as `images.lan 127.0.0.1:8000 10.1.0.0/16`",
        unset="none: the internet only",
        parse=words,
    )
    mesh_image_mb: int = set_by(
        "MESH_IMAGE_MB", 64, "megabytes of an image file, at most", parse=whole_number(1, 4096)
    )
    mesh_megapixels: int = set_by(
        "MESH_MEGAPIXELS",
        50,
        "millions of pixels of an image, at most; more than 50 are never read",
        parse=whole_number(1, 50),
    )
    mesh_memory_mb: int = set_by(
        "MESH_MEMORY_MB",
        2048,
        "megabytes of memory that one image may take",
        parse=whole_number(64, 1_000_000),
    )
    mesh_limit_s: float = set_by(
        "MESH_LIMIT_S", 300.0, "seconds that one mesh may take", parse=number(1, 86_400)
    )
    time_zone: str = set_by(
        "TIME_ZONE",
        "UTC",
        "the zone of the days by which kilometres are shown, such as `Europe/Helsinki`",
        unset="UTC",
        parse=_time_zone,
    )

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Settings from the `TRACKFLOW_…` variables.

        Raises:
            SettingsError: a variable cannot be read; its name is in the message.
        """
        env = os.environ if env is None else env
        values: dict[str, Any] = {}
        for name, variable in variables().items():
            if text := env.get(variable.name, "").strip():
                values[name] = variable.read(text)
            elif variable.from_machine is not None:
                values[name] = variable.from_machine()
        return cls(**values)

    @property
    def url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.home / DATABASE_NAME}"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of days in the user's view."""
        return zone_named(self.time_zone)


def variables() -> dict[str, Variable]:
    """The environment variable of each setting, by the setting's name."""
    return {each.name: each.metadata["variable"] for each in fields(Settings)}
