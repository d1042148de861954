"""Settings from environment variables, read once and passed on as a value."""

import os
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import platformdirs

from trackflow.errors import SettingsError

HOME_NAME = ".trackflow"
DATABASE_NAME = "trackflow.db"


def find_home(start: Path | None = None) -> Path:
    """The folder of an existing store, so that a command in another folder makes no second one.

    The nearest `.trackflow` in `start` or above it, else the user's data folder (on Linux
    `~/.local/share/trackflow`). Folders of other users are passed over: anyone may make one in
    `/tmp` and would get the positions of who runs a command below it.

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


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are and how much may run at once.

    Attributes:
        home: folder for the SQLite database, road networks and Dagster's own storage; see
            `find_home`.
        database_url: SQLAlchemy URL; empty means SQLite in `home`.
        engine_url: base URL of an OSRM server; empty means the embedded engine; "none" switches
            matching off, so that tracks keep their raw lines.
        workers: processes that work at the same time.
        lease_s: how long a worker may hold a batch without a sign of life.
        max_tries: tries of a batch before it is marked failed.
        tiles_url: address of background tiles for the map page, such as
            `https://tiles.example/{z}/{x}/{y}.png`; empty for none.
        inbox: folder whose files are imported as they come in; None for none.
        retention_days: age in days at which points and what was made of them are deleted; 0 keeps
            everything.
        keep_tracks: whether retention leaves tracks, although their lines show where people were.
        liverc_url: where LiveRC is: empty for the real one, a base address, an address with
            `{slug}` for a track's page, or those of the list and of a track's page, by a space.
        catalogue_file: a JSON or CSV list of race tracks, a path or a web address; empty for none.
        catalogue_concurrency: pages of a source that are fetched at the same time.
        catalogue_per_s: pages of a source that are asked for per second, at most.
        catalogue_limit_s: a sync that takes longer is told of; it goes on.
        notify_urls: who is told when something goes wrong, as Apprise writes addresses; they hold
            passwords, so they are never shown.
        geocoder_url: base address of a Nominatim server, or `photon+https://…` of a Photon; empty
            for none.
        geocoder_file: CSV with slug or address, longitude and latitude; None for none.
        visit_radius_m: how near a device has to be to a race track.
        visit_min: and for how many minutes, to be a visit.
        quarantine_mb: megabytes of live input that could not be read and is kept; what does not fit
            any more is answered as an error.
        owntracks_keys: keys of OwnTracks' encrypted messages, never shown.
        time_zone: the zone whose days are meant wherever distances of a day are shown or summed.
    """

    home: Path = field(default_factory=find_home)
    database_url: str = ""
    engine_url: str = ""
    workers: int = 2
    lease_s: float = 120.0
    max_tries: int = 5
    tiles_url: str = ""
    inbox: Path | None = None
    retention_days: int = 0
    keep_tracks: bool = False
    liverc_url: str = ""
    catalogue_file: str = ""
    catalogue_concurrency: int = 6
    catalogue_per_s: float = 15.0
    catalogue_limit_s: float = 900.0
    notify_urls: tuple[str, ...] = field(default=(), repr=False)
    geocoder_url: str = ""
    geocoder_file: Path | None = None
    visit_radius_m: float = 300.0
    visit_min: float = 15.0
    quarantine_mb: int = 256
    owntracks_keys: tuple[str, ...] = field(default=(), repr=False)
    time_zone: str = "UTC"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Settings from `TRACKFLOW_HOME`, `TRACKFLOW_DATABASE_URL` and their like.

        Raises:
            SettingsError: a number is not one, or out of range.
        """
        env = os.environ if env is None else env
        return cls(
            home=Path(env["TRACKFLOW_HOME"]) if env.get("TRACKFLOW_HOME") else find_home(),
            database_url=env.get("TRACKFLOW_DATABASE_URL", ""),
            engine_url=env.get("TRACKFLOW_ENGINE_URL", ""),
            workers=int(_number(env, "TRACKFLOW_WORKERS", os.cpu_count() or 1, 1, 256)),
            lease_s=_number(env, "TRACKFLOW_LEASE_S", 120.0, 1.0, 86_400.0),
            max_tries=int(_number(env, "TRACKFLOW_MAX_TRIES", 5, 1, 100)),
            tiles_url=_tiles_url(env.get("TRACKFLOW_TILES_URL", "")),
            inbox=Path(env["TRACKFLOW_INBOX"]) if env.get("TRACKFLOW_INBOX") else None,
            retention_days=int(_number(env, "TRACKFLOW_RETENTION_DAYS", 0, 0, 36_500)),
            keep_tracks=_keeps_tracks(env.get("TRACKFLOW_RETENTION_KEEPS", "")),
            liverc_url=env.get("TRACKFLOW_LIVERC_URL", "").strip(),
            catalogue_file=env.get("TRACKFLOW_CATALOGUE_FILE", ""),
            catalogue_concurrency=int(_number(env, "TRACKFLOW_CATALOGUE_CONCURRENCY", 6, 1, 32)),
            catalogue_per_s=_number(env, "TRACKFLOW_CATALOGUE_PER_S", 15.0, 0.01, 1000.0),
            catalogue_limit_s=_number(env, "TRACKFLOW_CATALOGUE_LIMIT_S", 900.0, 1.0, 86_400.0),
            notify_urls=tuple(env.get("TRACKFLOW_NOTIFY_URLS", "").split()),
            geocoder_url=env.get("TRACKFLOW_GEOCODER_URL", "").strip(),
            geocoder_file=_path(env, "TRACKFLOW_GEOCODER_FILE"),
            visit_radius_m=_number(env, "TRACKFLOW_VISIT_RADIUS_M", 300.0, 10.0, 10_000.0),
            visit_min=_number(env, "TRACKFLOW_VISIT_MIN", 15.0, 1.0, 1440.0),
            quarantine_mb=int(_number(env, "TRACKFLOW_QUARANTINE_MB", 256, 1, 1_000_000)),
            owntracks_keys=tuple(env.get("TRACKFLOW_OWNTRACKS_KEYS", "").split()),
            time_zone=_time_zone(env.get("TRACKFLOW_TIME_ZONE", "")),
        )

    @property
    def url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.home / DATABASE_NAME}"

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose days are meant."""
        return zone_named(self.time_zone)


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


def _time_zone(text: str) -> str:
    try:
        return zone_named(text.strip() or "UTC").key
    except SettingsError as error:
        raise SettingsError(f"TRACKFLOW_TIME_ZONE: {error}") from None


def _path(env: Mapping[str, str], name: str) -> Path | None:
    return Path(text) if (text := env.get(name)) else None


def _keeps_tracks(text: str) -> bool:
    if text not in ("", "nothing", "tracks"):
        raise SettingsError(f"TRACKFLOW_RETENTION_KEEPS={text!r}: write tracks or nothing")
    return text == "tracks"


def _tiles_url(text: str) -> str:
    """A tile address as it is; it ends up in the page's security policy, so it must be one.

    Raises:
        SettingsError: it is not.
    """
    plain = not any(c.isspace() or c in "\"';," for c in text)
    if text and not (plain and re.match(r"https?://[\w.:\[\]-]+/", text) and "{z}" in text):
        raise SettingsError(
            f"TRACKFLOW_TILES_URL={text!r} is no tile address; "
            "use one such as https://tiles.example/{z}/{x}/{y}.png"
        )
    return text


def _number(
    env: Mapping[str, str], name: str, default: float, smallest: float, largest: float
) -> float:
    text = env.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise SettingsError(f"{name}={text!r} is not a number") from None
    if not smallest <= value <= largest:
        raise SettingsError(f"{name}={text} must lie between {smallest:g} and {largest:g}")
    return value
