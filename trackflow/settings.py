"""Settings from environment variables, read once and passed on as a value."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from trackflow.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are and how much may run at once.

    Attributes:
        home: folder for the SQLite database, road networks and Dagster's own storage.
        database_url: SQLAlchemy URL; empty means SQLite in `home`.
        engine_url: base URL of an OSRM server; empty means the embedded engine; "none" switches
            matching off, so that tracks keep their raw lines.
        workers: processes that work at the same time.
        buffer_h: hours before and after a day that are read with it.
        lease_s: how long a worker may hold a batch without a sign of life.
        max_tries: tries of a batch before it is marked failed.
    """

    home: Path = Path(".trackflow")
    database_url: str = ""
    engine_url: str = ""
    workers: int = 2
    buffer_h: float = 6.0
    lease_s: float = 600.0
    max_tries: int = 5

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Settings from `TRACKFLOW_HOME`, `TRACKFLOW_DATABASE_URL` and their like.

        Raises:
            SettingsError: a number is not one, or out of range.
        """
        env = os.environ if env is None else env
        return cls(
            home=Path(env.get("TRACKFLOW_HOME") or ".trackflow"),
            database_url=env.get("TRACKFLOW_DATABASE_URL", ""),
            engine_url=env.get("TRACKFLOW_ENGINE_URL", ""),
            workers=int(_number(env, "TRACKFLOW_WORKERS", os.cpu_count() or 1, 1, 256)),
            buffer_h=_number(env, "TRACKFLOW_BUFFER_H", 6.0, 1.0, 24.0),
            lease_s=_number(env, "TRACKFLOW_LEASE_S", 600.0, 1.0, 86_400.0),
            max_tries=int(_number(env, "TRACKFLOW_MAX_TRIES", 5, 1, 100)),
        )

    @property
    def url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.home / 'trackflow.db'}"


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
