"""No-token mode: read, and switched on by a person or off by a person or a sign of a proxy."""

from trackflow.context import Context
from trackflow.store.access import no_token
from trackflow.store.access.no_token import NoTokenMode

__all__ = ["NoTokenMode", "read_mode", "switch_mode", "switch_off"]


def read_mode(context: Context) -> NoTokenMode:
    """The mode as it is now."""
    with context.store.read() as connection:
        return no_token.read_mode(connection)


def switch_mode(context: Context, on: bool) -> NoTokenMode:
    """Switch it on or off, as a person asks by command; the mode as it is then."""
    with context.store.write() as connection:
        if on:
            no_token.switch_on(connection, context.clock())
        else:
            no_token.switch_off(connection, "switched off by command", context.clock())
        return no_token.read_mode(connection)


def switch_off(context: Context, reason: str) -> None:
    """Require a token from now on; writes nothing where no-token mode is off."""
    if read_mode(context).is_on:
        with context.store.write() as connection:
            no_token.switch_off(connection, reason, context.clock())
