"""Decides which requests without a token come from the person at this machine.

A request counts as that person's if nothing in it shows a proxy, it names this machine, no other
website's page makes it, and the program that has connected is one of this user's (see `peers`). A
sign of a proxy switches the mode off for good, in the store: from then on strangers may reach this
address, and the next request of one may lack that sign.
"""

import functools
import time
from urllib.parse import urlsplit

from fastapi import Request

from trackflow.context import Context
from trackflow.errors import StoreUnavailableError
from trackflow.usecases.access import no_token
from trackflow.web.exposure import is_loopback
from trackflow.web.security import peers

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

PROXY_HEADERS = frozenset(
    (
        "cdn-loop", "client-ip", "forwarded", "forwarded-for", "max-forwards", "true-client-ip",
        "via", "x-client-ip", "x-cluster-client-ip", "x-originating-ip", "x-proxyuser-ip",
        "x-real-ip", "x-real-port", "x-remote-addr", "x-remote-ip", "x-scheme", "x-varnish",
        "surrogate-capability", "x-coming-from", "x-imforwards", "x-proxy-id",
    )
)  # fmt: skip
PROXY_PREFIXES = (
    "akamai-", "cf-", "fastly-", "fly-", "incap-", "ngrok-", "proxy-", "tailscale-", "wl-proxy-",
    "x-akamai-", "x-amz", "x-appengine-", "x-arr-", "x-azure-", "x-bluecoat-", "x-envoy-",
    "x-forwarded",
    "x-nf-", "x-original-",
    "x-sucuri-", "x-vercel-",
)  # fmt: skip
"""Headers that proxies, tunnels and content networks add to a request; other programs do not."""

_PROXY_HEADERS = frozenset(name.encode() for name in PROXY_HEADERS)
_PROXY_PREFIXES = tuple(prefix.encode() for prefix in PROXY_PREFIXES)

QUIET_S = 5.0
"""Seconds for which the mode is assumed to stay off: behind a proxy every request has a sign."""


class NoTokenGuard:
    """Decides on requests without a token, and switches the mode off when a proxy shows.

    `listens_locally` is whether the service listens on a loopback address only; on any other, every
    request needs a token.
    """

    def __init__(self, context: Context, listens_locally: bool) -> None:
        self._context = context
        self._listens_locally = listens_locally
        self._known_off_until = 0.0

    def may_be_on(self) -> bool:
        """Whether a sign of a proxy may still change something; does not read the store."""
        return self._listens_locally and time.monotonic() >= self._known_off_until

    def switch_off(self, reason: str) -> None:
        """Switch the mode off for good, if it is on."""
        try:
            no_token.switch_off(self._context, reason)
        except StoreUnavailableError:
            return  # this request is refused for its sign, and the next one tries again
        self._known_off_until = time.monotonic() + QUIET_S

    def objection(self, request: Request) -> str | None:
        """Why a request is not from the person at this machine; None if it is.

        To be called while the mode is on: a sign of a proxy switches it off.
        """
        if not self._listens_locally:
            return "this service listens to other machines"
        client = request.client
        if client is None or not is_loopback(client.host):
            return "it comes from another machine"
        if (sign := sign_of_proxy(request)) is not None:
            self.switch_off(sign)
            return sign
        doubt = _doubt_once(request, (client.host, client.port))
        if doubt is not None:
            if doubt.is_proxy:
                self.switch_off(doubt.reason)
            return doubt.reason
        return None if is_own_page(request) else "it comes from another website's page"


def sign_of_proxy(request: Request) -> str | None:
    """The sign in a request that a proxy has forwarded it; None without one."""
    for name, _ in request.scope["headers"]:  # as bytes, for speed: every report passes here
        if name in _PROXY_HEADERS or name.startswith(_PROXY_PREFIXES):
            return f"a proxy has passed it on (it has the header {name.decode('latin-1')})"
    # nginx before 1.29.7 speaks it by default, and browsers and scripts do not any more
    if request.scope.get("http_version") == "1.0":
        return "a proxy may have passed it on (it is HTTP/1.0)"
    hosts = request.headers.getlist("host")
    if len(hosts) != 1 or hosts[0].lower() not in own_names(request.scope.get("server")):
        return "a proxy may have passed it on (its Host is not this service's address and port)"
    return None


@functools.lru_cache(maxsize=16)
def own_names(server: tuple[str, int | None] | None) -> frozenset[str]:
    """Names of the service for a client on this machine: address or localhost, with the port."""
    if server is None or server[1] is None:
        return frozenset()
    host, port = server
    names = ("localhost", f"[{host}]" if ":" in host else host)
    with_port = {f"{name}:{port}" for name in names}
    return frozenset(with_port | set(names) if port == 80 else with_port)


def is_own_page(request: Request) -> bool:
    """Whether no header of a browser shows that another site's page makes this request."""
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        # following a link to the page from elsewhere changes nothing
        navigates = request.headers.get("sec-fetch-mode") == "navigate"
        return navigates and request.method in SAFE_METHODS
    origin = request.headers.get("origin")
    return origin is None or _host_of(origin) == request.headers.get("host")


def _host_of(origin: str) -> str | None:
    """Host and port of an origin; None if it is not one, as a client may send anything."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _doubt_once(request: Request, client: tuple[str, int]) -> peers.Doubt | None:
    """The kernel's answer, asked once for each connection: its other end stays the same."""
    server: tuple[str, int] = request.scope["server"]
    kept: dict[str, peers.Doubt | None] = request.scope.get("state", {}).get("connection", {})
    if "doubt" not in kept:
        kept["doubt"] = peers.doubt_of(client, server)
    return kept["doubt"]
