"""Kill switches of services: each stops every request to one of them, for all processes."""

from trackflow.concurrency.switch import Switch
from trackflow.context import Context
from trackflow.errors import StoreUnavailableError
from trackflow.store.catalogue import kill_switches


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
