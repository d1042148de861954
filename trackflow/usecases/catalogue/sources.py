"""The sources of race tracks that the settings name, and their kill switches."""

import re

from trackflow.catalogue.sources.listing_file import ListingFile
from trackflow.catalogue.sources.liverc import DASHBOARD_URL, LIST_URL, LiveRc
from trackflow.catalogue.sources.protocol import Connector
from trackflow.concurrency.switch import Switch
from trackflow.context import Context
from trackflow.errors import BadInputError, SettingsError, StoreUnavailableError
from trackflow.settings import Settings
from trackflow.store.catalogue import kill_switches

LIVERC, FILE = "liverc", "file"


def sources(settings: Settings) -> dict[str, Connector]:
    """The connectors by their names, the first one being the default.

    Raises:
        SettingsError: an address makes no sense.
    """
    list_url, dashboard_url = liverc_addresses(settings.liverc_url)
    found: dict[str, Connector] = {LIVERC: LiveRc(list_url, dashboard_url)}
    if settings.catalogue_file:
        found[FILE] = ListingFile(settings.catalogue_file, FILE)
    return found


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


def liverc_addresses(text: str) -> tuple[str, str]:
    """The addresses of the list and of a track's page (with `{slug}`), from `TRACKFLOW_LIVERC_URL`.

    Args:
        text: nothing for the real site; a base address, with tracks at BASE/SLUG/; the address of
            a track's page, with the list at its host ("live" in place of a slug in the host); or
            both addresses, with a space between them.

    Raises:
        SettingsError: it is none of these.
    """
    parts = text.split()
    if not parts:
        return LIST_URL, DASHBOARD_URL
    hint = f"write a base address, or two: {LIST_URL} {DASHBOARD_URL}"
    if len(parts) > 2 or not all(re.match(r"https?://[^/]", part) for part in parts):
        raise SettingsError(f"TRACKFLOW_LIVERC_URL={text!r} makes no sense; {hint}")
    if len(parts) == 2:
        if "{slug}" not in parts[1]:
            raise SettingsError(f"TRACKFLOW_LIVERC_URL has no {{slug}} in its second half; {hint}")
        return parts[0], parts[1]
    address = parts[0]
    if "{slug}" not in address:
        base = address.rstrip("/")
        return f"{base}/", f"{base}/{{slug}}/"
    scheme, _, rest = address.partition("://")
    host = rest.partition("/")[0].replace("{slug}", "live")
    return f"{scheme}://{host}/", address


def switch_of(context: Context, site: str) -> Switch:
    """The switch of a site; thrown anywhere, it stops this process within a second or two."""

    def stored_reason() -> str | None:
        try:
            with context.store.read() as connection:
                return kill_switches.switched_off(connection, site)
        except StoreUnavailableError:
            return None  # the next write reports it

    return Switch(site, stored_reason)


def stop_everything(context: Context, site: str, reason: str = "stopped by hand") -> None:
    """Switch a site off: open requests are given up, and no further ones are sent."""
    with context.store.write() as connection:
        kill_switches.throw_switch(connection, site, reason, context.clock())


def allow_again(context: Context, site: str) -> bool:
    """Switch a site on again; False if it was not off."""
    with context.store.write() as connection:
        return kill_switches.reset_switch(connection, site)
