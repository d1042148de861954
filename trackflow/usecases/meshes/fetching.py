"""Fetches the image behind an address that a person gave: bounded in time and size, and safe.

The address may be anybody's: it leads to the internet only, or to what `TRACKFLOW_MESH_ALLOW_HOSTS`
allows. What comes is judged by its content, never by the type that the server states.
"""

from trackflow import __version__
from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.deadline import Deadline, TooLateError
from trackflow.concurrency.polite import PoliteClient
from trackflow.concurrency.public_addresses import PublicAddresses
from trackflow.concurrency.rate_limit import RateLimit
from trackflow.context import Context
from trackflow.errors import SourceUnavailableError
from trackflow.usecases.housekeeping.kill_switches import switch_of

SITE = "image addresses"
"""Name of the kill switch."""

DEADLINE_S = 60.0
"""For everything: looking up the name, redirects, the last byte."""

USER_AGENT = f"trackflow/{__version__} (meshes)"
MOST_PER_S = 1000.0
"""No limit: each address is requested once."""


def fetch_image(context: Context, url: str, *, deadline_s: float = DEADLINE_S) -> bytes:
    """The file behind an address.

    Raises:
        AddressRefusedError: it leads, perhaps by a redirect, into the own network or nowhere.
        SourceError: the server does not give it; `retryable` says whether it may later.
        SwitchedOffError: the kill switch is thrown.
    """
    addresses = PublicAddresses.allowing(context.settings.mesh_allow_hosts)
    with PoliteClient(
        RateLimit(MOST_PER_S),
        switch_of(context, SITE),
        USER_AGENT,
        most_bytes=context.settings.mesh_image_mb * 1_000_000,
        slowest_s=deadline_s,
        client=HttpClient(connections=1, resolve=addresses.resolve),
    ) as web:
        try:
            return web.get(url, Deadline.after(deadline_s)).body
        except TooLateError as error:
            raise SourceUnavailableError(str(error)) from None
