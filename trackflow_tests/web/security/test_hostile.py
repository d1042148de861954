"""Every header, path and query value is data: whatever a client sends, no answer is a 5xx."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.routing import iter_route_contexts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.store.access import no_token
from trackflow.store.access.tokens import Scope
from trackflow.usecases.days.run import run
from trackflow.web.app import create_app
from trackflow.web.security.access import COOKIE, GuardedRoute
from trackflow.web.security.limits import USUAL_LIMITS, RequestLimits
from trackflow_tests.docs.http_reference import describe
from trackflow_tests.helpers.raw_http import status_of
from trackflow_tests.helpers.running_api import running_api, token_for
from trackflow_tests.helpers.stores import batch_of_device, deliver, drive, open_context

HEADERS = (
    "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Content-Encoding",
    "Content-Type", "Cookie", "Date", "Expect", "Forwarded", "Host", "If-Match",
    "If-Modified-Since", "If-None-Match", "If-Range", "Origin", "Range", "Referer",
    "Sec-Fetch-Mode", "Sec-Fetch-Site", "TE", "Upgrade", "User-Agent", "Via", "X-Forwarded-For",
    "X-Forwarded-Host", "X-Forwarded-Proto", "X-Limit-D", "X-Limit-U", "X-Real-IP",
)  # fmt: skip

READ_BY_THE_GUARD = (
    "Authorization", "Cookie", "Host", "Origin", "Sec-Fetch-Mode", "Sec-Fetch-Site",
)  # fmt: skip

VALUES = (
    b"", b" ", b"http://[", b"[", b"[::1", b"//[", b"http://a:99999999", b"https://[::1]:x",
    b"null", b"*", b"a" * 9000, b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"%", b"%00",
    b"bytes=0-", b"bytes=9999999999999999999999-1", b"gzip, gzip, gzip", b"gzip;q=a",
    b"application/json; charset=\xff", b"application/json; charset=klingon",
    b"multipart/form-data", b"multipart/form-data; boundary=", b"text/html;q=x",
    b"application/x-www-form-urlencoded; charset=utf-7", b"Basic", b"Basic =", b"Basic Og==",
    b"Bearer", b"Bearer \xed\xa0\x80", b"Basic 7aCA", b"Negotiate x", b'"', b'W/"', b'"a", *',
    f'{COOKIE}="\\777"'.encode(), f"{COOKIE}=; {COOKIE}".encode(), b"a=b;;;=;", b"-1",
    b"9" * 400, b"Thu, 99 Foo 2026 99:99:99 GMT", b"100-continue", b"websocket", b"h2c",
)  # fmt: skip

PARAMETERS = (
    "", "%00", "a%00b", "%ED%A0%80", "%C0%80", "%", "%zz", "%F0%9F%9A%97", "-1", "0", "9" * 30,
    "9" * 400, "1e400", "-1e400", "NaN", "Infinity", "true", "%20", "..%2F..%2Fetc%2Fpasswd",
    "0001-01-01", "9999-12-31", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00%2B23:59",
    "9999-12-31T23:59:59-23:59", "2026-02-30", "1,2,3", "-1e308,-1e308,1e308,1e308", "[]", "%5B",
    "null", "UTC", "..", "Europe%2F..%2F..%2Fetc", "00000000-0000-0000-0000-000000000000",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "a" * 5000,
)  # fmt: skip


class Door:
    """A running API and all its routes."""

    def __init__(self, context: Context, port: int) -> None:
        self.port = port
        self._work = context
        self.secret = token_for(context, Scope.ADMIN)
        self.admin = (b"Authorization", f"Bearer {self.secret}".encode())
        app = create_app(context)
        self.routes = [
            (method, found.original_route.path)
            for found in iter_route_contexts(app.routes)
            if isinstance(found.original_route, GuardedRoute)
            for method in sorted(found.original_route.methods)
        ]
        described = describe()["paths"]
        self.queries = {
            (method.upper(), path): [
                p["name"] for p in operation.get("parameters", []) if p["in"] == "query"
            ]
            for path, operations in described.items()
            for method, operation in operations.items()
        }

    def let_this_machine_in(self) -> None:
        """As `trackflow token local on` does."""
        with self._work.store.write() as connection:
            no_token.switch_on(connection, self._work.clock())

    def ask(
        self,
        route: tuple[str, str],
        headers: list[tuple[bytes, bytes]],
        value: str = "1",
        query: str = "",
        body: bytes = b"",
    ) -> int:
        """The status of an answer that must not be a server's fault.

        Args:
            route: method and path.
            headers: sent as they are.
            value: for all parameters of the path, percent-encoded.
            query: percent-encoded.
            body: as it is.
        """
        method, template = route
        target = re.sub(r"{[^}]*}", lambda _: value, template) + (f"?{query}" if query else "")
        status, answer = status_of(self.port, method, target.encode(), headers, body)
        told = (method, target[:200], headers, body, answer[:500])
        assert 200 <= status < 500, told
        assert b"Traceback" not in answer, told
        return status


@pytest.fixture(scope="module")
def shared_door(
    shared_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    """A store with tracks, and an API that a token opens."""
    home = tmp_path_factory.mktemp("door")
    with open_context(shared_database_url, home) as context, _door(context) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_sqlite_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    home = tmp_path_factory.mktemp("door")
    with open_context("", home) as context, _door(context) as opened:
        yield opened


@pytest.fixture
def door(shared_door: Door) -> Door:
    """The shared one, whatever tests before have sent: the token opens it."""
    return still_open(shared_door)


@pytest.fixture
def sqlite_door(shared_sqlite_door: Door) -> Door:
    """The same where the database does not matter."""
    return still_open(shared_sqlite_door)


@pytest.fixture
def own_door(tmp_path: Path) -> Iterator[Door]:
    """One that lets in more than a token."""
    with open_context("", tmp_path) as context, _door(context) as opened:
        yield opened


def still_open(door: Door) -> Door:
    assert door.ask(("GET", "/worker/status"), [door.admin]) == 200
    return door


@contextmanager
def _door(context: Context, limits: RequestLimits = USUAL_LIMITS) -> Iterator[Door]:
    deliver(context.store, batch_of_device("van", drive(context.clock().replace(hour=8), 300)))
    run(context)
    with running_api(context, limits=limits) as api:
        yield Door(context, api.base_url.port or 0)


def test_no_header_breaks_a_route(sqlite_door: Door) -> None:
    """Each value of each header reaches many routes, and each route gets many of them."""
    door, tried = sqlite_door, 0
    pairs = [(name.encode(), value) for name in HEADERS for value in VALUES]
    for number, route in enumerate(door.routes):
        for pair in pairs[number % 96 :: 96]:  # each pair reaches one route at least
            door.ask(route, [door.admin, pair] if pair[0] != b"Authorization" else [pair])
            tried += 1
    assert tried >= len(pairs) > 1_000
    assert len(door.routes) > 96


@pytest.mark.parametrize("route", [("GET", "/worker/status"), ("POST", "/session")], ids=str)
@pytest.mark.parametrize("known_by", ["nothing", "token", "cookie", "this machine"])
def test_no_header_breaks_what_is_asked_of_each_caller(
    request: pytest.FixtureRequest, known_by: str, route: tuple[str, str]
) -> None:
    """However the caller is let in: the guard then reads other headers.

    What the guard does not read, or looks at only to see whether it is there, is sent with some
    values: the test before sends all of them.
    """
    is_own = known_by == "this machine"
    door: Door = request.getfixturevalue("own_door" if is_own else "sqlite_door")
    cookie = f"{COOKIE}={door.secret}".encode()
    known = {"token": [door.admin], "cookie": [(b"Cookie", cookie)]}.get(known_by, [])
    statuses = set()
    for number, name in enumerate(READ_BY_THE_GUARD if is_own else HEADERS):
        is_read = name in READ_BY_THE_GUARD
        if is_own:
            door.let_this_machine_in()  # a header before may have ended that
        for value in VALUES if is_read else VALUES[number % 8 :: 8]:
            json = [] if name == "Content-Type" else [(b"Content-Type", b"application/json")]
            body = f'{{"token": "{door.secret}"}}'.encode()
            statuses.add(door.ask(route, [*known, (name.encode(), value), *json], body=body))
    # the request itself gets where headers matter
    assert {200, 204} & statuses or (known_by, route[0]) == ("nothing", "GET")


@pytest.mark.parametrize("name", ["Content-Length", "Transfer-Encoding"])
def test_no_claim_about_the_body_breaks_a_route(name: str, tmp_path: Path) -> None:
    routes = [("POST", "/ingest/traccar"), ("POST", "/session"), ("GET", "/worker/status")]
    values = (b"", b"-1", b"x", b"1, 2", b"99999999999999999999", b"17000000", b"5", b"gzip",
              b"chunked, gzip", b"identity", b"\xff")  # fmt: skip
    # what is promised never comes
    limits = RequestLimits(body_s=0.2)
    with open_context("", tmp_path) as context, _door(context, limits) as door:
        for value in values:
            for route in routes:
                door.ask(route, [door.admin, (name.encode(), value)])


def test_no_path_or_query_value_breaks_a_route(door: Door) -> None:
    for route in door.routes:
        names = door.queries.get(route, [])
        for value in PARAMETERS:
            if "{" in route[1]:
                door.ask(route, [door.admin], value)
            if names:
                door.ask(route, [door.admin], query="&".join(f"{n}={value}" for n in names))


def test_no_query_value_by_itself_breaks_a_route(sqlite_door: Door) -> None:
    """Among many at once, the first that is refused hides those after it."""
    tried = 0
    for route in sqlite_door.routes:
        for name in sqlite_door.queries.get(route, []):
            for value in PARAMETERS[:12]:
                sqlite_door.ask(route, [sqlite_door.admin], query=f"{quote(name)}={value}")
                tried += 1
    assert tried > 1_000


header_values = st.one_of(
    st.sampled_from(VALUES),
    st.binary(max_size=60).map(lambda v: re.sub(rb"[\r\n\x00]", b"?", v)),
    st.from_regex(rb"[a-z]{1,8}://[^\r\n\x00]{0,20}", fullmatch=True),
)


@settings(
    max_examples=120,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_nothing_that_is_sent_breaks_a_route(door: Door, data: st.DataObject) -> None:
    route = data.draw(st.sampled_from(door.routes))
    pairs = st.tuples(st.sampled_from(HEADERS).map(str.encode), header_values)
    headers = data.draw(st.lists(pairs, max_size=4))
    if data.draw(st.booleans()) and not any(name == b"Authorization" for name, _ in headers):
        headers.append(door.admin)
    encoded = st.one_of(st.sampled_from(PARAMETERS), st.binary(max_size=20).map(quote))
    value = data.draw(encoded)
    parameters = data.draw(
        st.lists(
            st.tuples(st.sampled_from([*door.queries.get(route, []), "x"]), encoded), max_size=3
        )
    )
    door.ask(
        route,
        headers,
        value,
        "&".join(f"{quote(name)}={text}" for name, text in parameters),
        data.draw(st.binary(max_size=40)),
    )
