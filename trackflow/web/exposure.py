"""Who can reach the API: known before it is loaded, which takes seconds."""

import ipaddress

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.usecases.access.tokens import read_access


def access_line(context: Context, host: str) -> str:
    """A line on who has access, for the person who starts the service."""
    access = read_access(context)
    mode = access.mode
    if mode.is_on and is_loopback(host):
        return (
            "Access:     no-token mode, for programs of this user on this machine only; the first "
            "token or a sign of a proxy ends it"
        )
    why = f" (since {mode.reason})" if mode.reason else ""
    line = f"Access:     with a token only{why}"
    if access.has_token_in_use:
        return line
    return f"{line}, and there is none: make one with `trackflow token create NAME --scope admin`"


def check_exposure(context: Context, host: str) -> None:
    """Check that other machines cannot reach a store without tokens.

    Raises:
        SettingsError: other machines could reach it.
    """
    if is_loopback(host):
        return
    if not read_access(context).has_token_in_use:
        raise SettingsError(
            f"listening on {host} would give everyone access: make a token first, with "
            "`trackflow token create NAME --scope admin`"
        )


def is_loopback(host: str) -> bool:
    """Whether an address is one of this machine's own, which others cannot reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
