"""The sources of race tracks that the settings name, and the switch that stops asking one."""

import importlib
import pkgutil

from trackflow.catalogue import sources as package
from trackflow.catalogue.sources.protocol import Connector
from trackflow.concurrency.switch import Switch
from trackflow.context import Context
from trackflow.errors import BadInputError, StoreUnavailableError
from trackflow.settings import Settings
from trackflow.store.catalogue import kill_switches

LIVERC, FILE = "liverc", "file"


def sources(settings: Settings) -> dict[str, Connector]:
    """The connectors by their names, the default one first.

    Each module of `trackflow.catalogue.sources` that has a function `connector` offers one.

    Raises:
        SettingsError: an address makes no sense.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    offered = [module.connector(settings) for module in modules if hasattr(module, "connector")]
    found: dict[str, Connector] = {one.source: one for one in offered if one is not None}
    return {LIVERC: found.pop(LIVERC), **found}


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


def switch_of(context: Context, site: str) -> Switch:
    """The switch of a site; thrown anywhere, it stops this process within a second or two."""

    def asked() -> str | None:
        try:
            with context.store.read() as connection:
                return kill_switches.switched_off(connection, site)
        except StoreUnavailableError:
            return None  # whoever writes next will tell

    return Switch(site, asked)


def stop_everything(context: Context, site: str, reason: str = "stopped by hand") -> None:
    """Switch a site off: everything under way is given up, and nothing more is asked of it."""
    with context.store.write() as connection:
        kill_switches.throw_switch(connection, site, reason, context.clock())


def allow_again(context: Context, site: str) -> bool:
    """Switch a site on again; False if it was not off."""
    with context.store.write() as connection:
        return kill_switches.reset_switch(connection, site)
