"""OSRM over HTTP: a server or a cluster that runs elsewhere.

No message holds more of a URL than its base: the rest is coordinates of people. OSRM's own messages
are left out for the same reason, since some repeat the URL.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import orjson
import polyline_rs

from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.deadline import Deadline, TooLateError
from trackflow.concurrency.http import Reply, TooLargeError, ask, retry_after_s
from trackflow.concurrency.permits import ConnectionLimit
from trackflow.errors import EngineUnavailableError, SettingsError, TrackflowError
from trackflow.geo.points import Floats
from trackflow.matching.engines.answers import match_answer
from trackflow.matching.engines.answers import route as route_of
from trackflow.matching.engines.protocol import MatchAnswer, MatchRequest, Route

DEADLINE_S = 30.0
MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""An answer for a hundred points takes some 30 kB; one of this size is none."""

UNVERSIONED = "unversioned"
_EMPTY_CODES = ("NoMatch", "NoSegment", "NoRoute")
_ADVICE = {
    "TooBig": "it allows fewer points per request: start osrm-routed with a larger "
    "--max-matching-size (and --max-viaroute-size), or take shorter windows",
    "InvalidService": "it does not serve matching or routing: check TRACKFLOW_ENGINE_URL",
    "InvalidVersion": "it does not speak version 1 of OSRM's API: take OSRM 5.18 or later",
    "InvalidUrl": "the base URL seems wrong: check TRACKFLOW_ENGINE_URL",
    "NotImplemented": "its algorithm cannot do this: start osrm-routed with --algorithm mld",
    "DisabledDataset": "it leaves out parts of its data set: start osrm-routed without "
    "--disable-feature-dataset",
}
_SERVER_CODES = (
    "InvalidUrl",
    "InvalidService",
    "InvalidVersion",
    "NotImplemented",
    "DisabledDataset",
)
"""These concern the server or its address and not one request: all matching waits for a person."""

_HTTP_ADVICE = {
    401: "check the credentials in TRACKFLOW_ENGINE_URL",
    403: "check the credentials in TRACKFLOW_ENGINE_URL",
    404: "check the path in TRACKFLOW_ENGINE_URL",
    429: "it has too many requests",
}


class EngineBusyError(EngineUnavailableError):
    """The engine asks for a pause.

    Attributes:
        retry_after_s: for how many seconds; None where it gives none.
    """

    def __init__(self, message: str, retry_after_s: float | None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class HttpEngine:
    """OSRM's HTTP API as an `Engine`. Threads may share one.

    The network's version is, in this order: what the caller gives; the `data_version` that the
    server reports, asked once (a network built by trackflow carries its version, so that embedded
    and served engines share their cache); "unversioned". In the second case every answer is checked
    against it: once the server has changed its network, the request fails as one that a retry
    helps, and the version is asked anew. Otherwise lines of a new network would be cached under the
    old one's name. The servers of a cluster should therefore hold the same network, or the caller
    gives a version.
    """

    def __init__(
        self,
        base_url: str,
        profile: str,
        network_version: str | None = None,
        *,
        client: HttpClient,
        connections: ConnectionLimit | None = None,
        deadline_s: float = DEADLINE_S,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        """An engine at `base_url`, which may hold credentials and a path.

        Args:
            base_url: such as http://osrm:5000.
            profile: what the server's network was built for.
            network_version: what to call its network; None asks the server.
            client: closed with the engine.
            connections: limits the requests at once; None for no limit.
            deadline_s: for a whole request.
            max_answer_bytes: what an answer may hold.

        Raises:
            SettingsError: the URL is none.
        """
        self._base = _parse_base(base_url)
        self._shown = str(self._base.copy_with(username=None, password=None))
        self._profile = profile
        self._given_version = network_version
        self._asked_version: str | None = None
        self._client = client
        self._connections = connections
        self._deadline_s = deadline_s
        self._max_bytes = max_answer_bytes

    @property
    def profile(self) -> str:
        """The profile that the server's network was built for."""
        return self._profile

    @property
    def service(self) -> str:
        """What this server is called for this profile, without credentials."""
        return service_name(self._base, self._profile)

    @property
    def known_version(self) -> str | None:
        """The version of the server's network as far as it is known without asking."""
        return self._given_version if self._given_version is not None else self._asked_version

    @property
    def network_version(self) -> str:
        """The version of the server's network.

        Raises:
            EngineUnavailableError: the server was not asked yet and cannot be reached.
        """
        if self._given_version is not None:
            return self._given_version
        if self._asked_version is None:
            # Any place will do: the nearest road is looked for without limit.
            answer = self._get("nearest", "0,0", "number=1")
            self._asked_version = _version_in(answer)
        return self._asked_version

    @property
    def either_way_version(self) -> str:
        """Empty: an OSRM server holds one data set, and this one keeps one-ways."""
        return ""

    def either_way(self) -> None:
        """None: see `either_way_version`."""

    def match(self, request: MatchRequest) -> MatchAnswer:
        """Snap points to roads."""
        # OSRM looks at differences only. Times since the first keep the URL short, and when people
        # were where out of the logs of servers and proxies.
        times = (request.time_s - request.time_s[0]).tolist()
        options = (
            f"timestamps={';'.join(map(str, times))}"
            f"&radiuses={';'.join(map(_short, request.radius_m.tolist()))}"
            f"&gaps={request.gaps}&tidy={'true' if request.tidy else 'false'}"
            "&geometries=polyline6&overview=full&annotations=false&generate_hints=false"
        )
        answer = self._get("match", _path(request.lon, request.lat), options)
        self._check_version(answer)
        self._check_count(answer, len(request.time_s))
        return self._parse(match_answer, answer, len(request.time_s))

    def route(self, lon: Floats, lat: Floats) -> Route | None:
        """The way through the given places in order, None where there is none."""
        options = "geometries=polyline6&overview=full&annotations=false&generate_hints=false"
        answer = self._get("route", _path(lon, lat), options)
        self._check_version(answer)
        return self._parse(route_of, answer)

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _get(self, service: str, place: str, options: str) -> dict[str, Any]:
        profile = quote(self._profile, safe="")
        path = f"{self._base.path.rstrip('/')}/{service}/v1/{profile}/{place}?{options}"
        try:
            url = self._base.copy_with(raw_path=path.encode())
            deadline = Deadline.after(self._deadline_s)
            with self._connections.held(deadline) if self._connections else nullcontext():
                reply = ask(
                    self._client, url, deadline_s=deadline.left_s, max_bytes=self._max_bytes
                )
        except TooLateError:
            raise self._unavailable(f"gave no answer within {self._deadline_s:g} s") from None
        except TooLargeError:
            raise self._unavailable(
                f"sends more than {self._max_bytes / 1e6:.0f} MB: is it an OSRM server?"
            ) from None
        except httpx.InvalidURL:
            # httpx makes no URL beyond 64 kB.
            raise TrackflowError("too many points for one request: take shorter windows") from None
        except httpx.HTTPError as error:
            # The error's own text may hold the URL; its type names the failure.
            raise self._unavailable(f"cannot be reached ({type(error).__name__})") from None
        return self._judge(reply)

    def _judge(self, reply: Reply) -> dict[str, Any]:
        """The JSON of a usable answer; every other answer raises its error."""
        if reply.status in (413, 414, 431):
            raise TrackflowError(
                f"the OSRM server at {self._shown} or a proxy before it refuses the length of a "
                "request: allow longer URLs there (nginx: large_client_header_buffers), or take "
                "shorter windows"
            )
        if reply.status not in (200, 400):
            raise self._wrong_status(reply)
        try:
            answer = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            answer = None
        code = answer.get("code") if isinstance(answer, dict) else None
        if not isinstance(code, str) or (code == "Ok") != (reply.status == 200):
            raise self._unavailable("gives answers that are not OSRM's: is it an OSRM server?")
        if code == "Ok" or code in _EMPTY_CODES:
            assert isinstance(answer, dict)
            return answer
        name = code if code.isalnum() and len(code) < 40 else "?"
        advice = _ADVICE.get(code, "this should not happen: please report it")
        if code in _SERVER_CODES:
            raise self._unavailable(f"refuses all requests ({name}): {advice}")
        raise TrackflowError(
            f"the OSRM server at {self._shown} refuses the request ({name}): {advice}"
        )

    def _wrong_status(self, reply: Reply) -> EngineUnavailableError:
        if 300 <= reply.status < 400:
            # Followed blindly, it could lead in circles, or take positions to a stranger.
            return self._unavailable(
                f"redirects elsewhere (HTTP {reply.status}): set TRACKFLOW_ENGINE_URL to its goal"
            )
        advice = _HTTP_ADVICE.get(reply.status, "see its logs")
        message = f"answers with HTTP {reply.status}: {advice}"
        if reply.status in (429, 503):
            wait_s = retry_after_s(reply.headers.get("Retry-After"), time.time())
            return EngineBusyError(str(self._unavailable(message)), wait_s)
        return self._unavailable(message)

    def _unavailable(self, what: str) -> EngineUnavailableError:
        return EngineUnavailableError(f"the OSRM server at {self._shown} {what}")

    def _check_version(self, answer: dict[str, Any]) -> None:
        expected, found = self._asked_version, _version_in(answer)
        # Answers without a match carry no version.
        if expected is None or answer["code"] != "Ok" or found == expected:
            return
        self._asked_version = None
        raise self._unavailable("has changed its road network: matching starts anew with it")

    def _check_count(self, answer: dict[str, Any], points: int) -> None:
        """A cache or proxy that mixes up answers must not give one drive another's road."""
        found = answer.get("tracepoints")
        if answer["code"] == "Ok" and not (isinstance(found, list) and len(found) == points):
            raise self._unavailable("gives answers that cannot be read: do they fit the requests?")

    def _parse[T](self, parse: Callable[..., T], *arguments: Any) -> T:
        try:
            return parse(*arguments)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise self._unavailable(
                f"gives answers that cannot be read ({type(error).__name__}): is it OSRM?"
            ) from None


def service_name(base_url: httpx.URL | str, profile: str) -> str:
    """What a server at `base_url` is called for a profile; without credentials."""
    return f"osrm {profile} at {_without_credentials(base_url)}"


def server_name(base_url: httpx.URL | str) -> str:
    """What a server is called whatever the profile; without credentials."""
    return f"osrm at {_without_credentials(base_url)}"


def _without_credentials(base_url: httpx.URL | str) -> str:
    try:
        return str(httpx.URL(base_url).copy_with(username=None, password=None))
    except httpx.InvalidURL:
        return "?"


def _parse_base(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment:
        # Not shown: it may hold a password.
        raise SettingsError(
            "TRACKFLOW_ENGINE_URL is no base URL of an OSRM server: it looks like http://osrm:5000"
        )
    return url


def _path(lon: Floats, lat: Floats) -> str:
    """Coordinates for the path of a URL: a third of the length of plain numbers.

    Proxies commonly refuse URLs beyond 8 kB, which this reaches at some 500 points with their
    times and radii. Rounded as OSRM rounds (halves away from zero), so that it sees the same
    positions as the embedded engine.
    """
    pairs = zip(_micro(lat), _micro(lon), strict=True)
    return f"polyline6({quote(polyline_rs.encode_latlon(list(pairs), 6), safe='')})"


def _micro(degrees: Floats) -> list[float]:
    scaled = degrees * 1e6
    rounded: list[float] = (np.copysign(np.floor(np.abs(scaled) + 0.5), scaled) / 1e6).tolist()
    return rounded


def _short(number: float) -> str:
    """A number without a needless ".0"."""
    return str(int(number)) if number.is_integer() else repr(number)


def _version_in(answer: dict[str, Any]) -> str:
    version = answer.get("data_version")
    return version if isinstance(version, str) and version else UNVERSIONED
