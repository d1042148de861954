"""Where things are kept, and in which zone days are counted."""

import os
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from trackflow.errors import SettingsError
from trackflow.settings.parsing import zone_named
from trackflow.variables import PREFIX, Variable, set_by, whole_number

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


def _time_zone(text: str) -> str:
    try:
        return zone_named(text).key
    except SettingsError:
        raise ValueError("is no time zone; use a name such as Europe/Helsinki") from None


@dataclass(frozen=True)
class StoreSettings:
    """Where things are kept, and in which zone days are counted.

    Attributes:
        home: folder for the SQLite database, road networks and Dagster's own storage; see
            `find_home`.
        database_url: SQLAlchemy URL; empty means SQLite in `home`.
        database_connections: connections of a process to the database, at most.
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
    time_zone: str = set_by(
        "TIME_ZONE",
        "UTC",
        "the zone of the days by which kilometres are shown, such as `Europe/Helsinki`",
        unset="UTC",
        parse=_time_zone,
    )
