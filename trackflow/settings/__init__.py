"""Settings from environment variables, read once and passed on as a value.

Each subject has its own in a module; nobody else needs to know which.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self
from zoneinfo import ZoneInfo

from trackflow.settings.catalogue import CatalogueSettings
from trackflow.settings.faces import FaceSettings
from trackflow.settings.intake import IntakeSettings
from trackflow.settings.meshes import MeshSettings
from trackflow.settings.parsing import zone_named
from trackflow.settings.places import PlaceSettings
from trackflow.settings.stored import DATABASE_NAME, MOST_CONNECTIONS, StoreSettings, find_home
from trackflow.settings.watching import WatchingSettings
from trackflow.settings.work import WorkSettings
from trackflow.variables import Variable

__all__ = ["DATABASE_NAME", "MOST_CONNECTIONS", "Settings", "find_home", "variables", "zone_named"]


@dataclass(frozen=True, slots=True)
class Settings(
    MeshSettings,
    CatalogueSettings,
    PlaceSettings,
    WatchingSettings,
    FaceSettings,
    IntakeSettings,
    WorkSettings,
    StoreSettings,
):
    """Where things are and how much may run at once: the settings of all subjects.

    A dataclass takes the fields of its last base first.
    """

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
