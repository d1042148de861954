"""No-token mode: a person switches it on or off, and a sign of a proxy switches it off."""

from trackflow.context import Context
from trackflow.store.access import no_token
from trackflow.store.access.no_token import NoTokenMode

__all__ = ["NoTokenMode", "read_mode", "switch_mode", "switch_off"]


def read_mode(context: Context) -> NoTokenMode:
    """Read the mode."""
    with context.store.read() as connection:
        return no_token.read_mode(connection)


def switch_mode(context: Context, on: bool) -> NoTokenMode:
    """Switch the mode on or off at a person's command; returns the new mode."""
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
