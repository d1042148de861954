"""The sources of race tracks that the settings name."""

import importlib
import pkgutil

from trackflow.catalogue import sources as package
from trackflow.catalogue.sources.protocol import Connector
from trackflow.errors import BadInputError
from trackflow.settings import Settings

LIVERC, FILE = "liverc", "file"


def configured(settings: Settings) -> list[str]:
    """The sources that the settings name: only these are synced by themselves."""
    found = {LIVERC: settings.liverc_url, FILE: settings.catalogue_file}
    return [name for name, value in found.items() if value]


def sources(settings: Settings) -> dict[str, Connector]:
    """The connectors by their names, the default one first: whose settings are made, else LiveRC.

    Each module of `trackflow.catalogue.sources` that has a function `connector` offers one.

    Raises:
        SettingsError: an address makes no sense.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    offered = [module.connector(settings) for module in modules if hasattr(module, "connector")]
    found: dict[str, Connector] = {one.source: one for one in offered if one is not None}
    return {name: found[name] for name in dict.fromkeys([*configured(settings), LIVERC, *found])}


def source_named(settings: Settings, name: str | None) -> Connector:
    """A connector; the default one for no name.

    Raises:
        BadInputError: there is none of this name.
    """
    found = sources(settings)
    if not name:
        return next(iter(found.values()))
    if name not in found:
        hint = "; set TRACKFLOW_CATALOGUE_FILE to have one" if name == FILE else ""
        raise BadInputError(f"there is no source {name!r}; there are {', '.join(found)}{hint}")
    return found[name]
