import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import unquote

import httpx
import numpy as np
import polyline
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.http import MAX_RETRY_AFTER_S, retry_after_s
from trackflow.errors import EngineUnavailableError, SettingsError, TrackflowError
from trackflow.geo.points import e7
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.engines.http import EngineBusyError, HttpEngine, _path
from trackflow.matching.engines.protocol import MatchAnswer, MatchRequest, Route
from trackflow.matching.networks import RoadNetwork
from trackflow_tests.helpers.http_servers import (
    Behaviour,
    Out,
    answering,
    free_port,
    osrm_server,
    server_that,
)
from trackflow_tests.helpers.waiting import PATIENCE_S


@pytest.fixture(scope="module")
def network(helsinki_network: RoadNetwork) -> RoadNetwork:
    return helsinki_network


@pytest.fixture(scope="module")
def osrm_url(network: RoadNetwork) -> Iterator[str]:
    with osrm_server(network.dataset) as url:
        yield url


@pytest.fixture(scope="module")
def engine(osrm_url: str) -> Iterator[HttpEngine]:
    engine = HttpEngine(osrm_url, "car", client=HttpClient())
    yield engine
    engine.close()


SHORT_S = 0.5
"""A deadline that servers which take minutes miss."""


@pytest.fixture
def engine_at() -> Iterator[Callable[..., HttpEngine]]:
    engines = []

    def make(url: str, **options: object) -> HttpEngine:
        options = {
            "client": HttpClient(),
            "deadline_s": PATIENCE_S,
            "network_version": "1",
            **options,
        }
        engines.append(HttpEngine(url, "car", **options))  # type: ignore[arg-type]
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def a_drive(route: Route, count: int = 60, step_s: int = 5) -> MatchRequest:
    """Points along a route, on the E7 grid, a few metres off."""
    rng = np.random.default_rng(count)
    place = np.linspace(0, len(route.lon) - 1, count)
    at = np.arange(len(route.lon))
    return MatchRequest(
        np.round(np.interp(place, at, route.lon) + rng.normal(0, 5e-5, count), 7),
        np.round(np.interp(place, at, route.lat) + rng.normal(0, 3e-5, count), 7),
        1_768_000_000 + np.arange(count) * step_s,
        np.full(count, 15.0),
    )


@pytest.fixture(scope="module")
def drive(engine: HttpEngine) -> MatchRequest:
    route = engine.route(np.array([24.938, 24.950]), np.array([60.166, 60.176]))
    assert route is not None
    return a_drive(route)


TWO = MatchRequest(
    np.array([24.9412345, 24.9423456]),
    np.array([60.1701234, 60.1712345]),
    np.array([1_768_000_000, 1_768_000_010]),
    np.array([10.0, 10.0]),
)


# --- a real server ---


def test_matches_a_drive(engine: HttpEngine, drive: MatchRequest) -> None:
    answer = engine.match(drive)
    assert answer.matchings
    assert answer.matching_index.shape == answer.snapped_m.shape == drive.lon.shape
    assert (answer.matching_index >= 0).mean() > 0.9
    assert np.nanmax(answer.snapped_m) < 60
    assert sum(len(m.lon) for m in answer.matchings) > 20


def test_routes_between_places(engine: HttpEngine) -> None:
    route = engine.route(np.array([24.938, 24.950]), np.array([60.166, 60.176]))
    assert route is not None
    assert route.distance_m > 1000
    assert route.duration_s > 60
    assert np.hypot(route.lon[0] - 24.938, route.lat[0] - 60.166) < 2e-3


def test_no_match_is_an_ordinary_answer(engine: HttpEngine) -> None:
    at_sea = replace(TWO, lon=TWO.lon + 3)
    answer = engine.match(at_sea)
    assert answer.matchings == ()
    assert answer.matching_index.tolist() == [-1, -1]
    assert np.isnan(answer.snapped_m).all()
    # Equal times match nothing in OSRM.
    assert engine.match(replace(TWO, time_s=np.array([5, 5]))).matchings == ()


def test_version_is_that_of_the_network(engine: HttpEngine, network: RoadNetwork) -> None:
    assert engine.network_version == network.version


def test_same_answers_as_the_embedded_engine(
    engine: HttpEngine, network: RoadNetwork, drive: MatchRequest
) -> None:
    embedded = EmbeddedEngine(network.dataset, network.profile, network.version)
    assert (embedded.profile, embedded.network_version) == (engine.profile, engine.network_version)
    rng = np.random.default_rng(5)
    for radius_m, gaps, tidy in [(15.0, "ignore", False), (5.5, "split", True), (40.0, "split", 0)]:
        for keep in (slice(None), slice(3, 40, 3), slice(0, 2)):
            request = MatchRequest(
                # Halves of OSRM's own grid: both engines must round them the same way.
                np.round(drive.lon[keep], 6) + 5e-7 * rng.integers(0, 2, len(drive.lon[keep])),
                np.round(drive.lat[keep], 6) + 5e-7 * rng.integers(0, 2, len(drive.lat[keep])),
                drive.time_s[keep],
                np.full(len(drive.lon[keep]), radius_m),
                gaps,  # type: ignore[arg-type]
                bool(tidy),
            )
            assert_same_answer(engine.match(request), embedded.match(request))
    lon, lat = drive.lon[::20], drive.lat[::20]
    ours, theirs = engine.route(lon, lat), embedded.route(lon, lat)
    assert ours is not None
    assert theirs is not None
    assert (ours.lon.tolist(), ours.lat.tolist()) == (theirs.lon.tolist(), theirs.lat.tolist())
    assert (ours.distance_m, ours.duration_s) == (theirs.distance_m, theirs.duration_s)
    embedded.close()


def assert_same_answer(a: MatchAnswer, b: MatchAnswer) -> None:
    assert len(a.matchings) == len(b.matchings)
    for mine, yours in zip(a.matchings, b.matchings, strict=True):
        np.testing.assert_array_equal(mine.lon, yours.lon)
        np.testing.assert_array_equal(mine.lat, yours.lat)
        # JSON numbers have ten digits.
        numbers = (mine.confidence, mine.distance_m, mine.duration_s)
        assert numbers == pytest.approx(
            (yours.confidence, yours.distance_m, yours.duration_s), rel=1e-8
        )
    np.testing.assert_array_equal(a.matching_index, b.matching_index)
    np.testing.assert_array_equal(a.vertex, b.vertex)
    np.testing.assert_allclose(a.snapped_m, b.snapped_m, rtol=1e-7)
    np.testing.assert_array_equal(
        e7(np.nan_to_num(a.snapped_lon)), e7(np.nan_to_num(b.snapped_lon))
    )
    np.testing.assert_array_equal(
        e7(np.nan_to_num(a.snapped_lat)), e7(np.nan_to_num(b.snapped_lat))
    )


def test_too_many_points_name_the_setting_to_raise(engine: HttpEngine) -> None:
    lon = np.linspace(24.94, 24.95, 101)
    many = MatchRequest(lon, np.full(101, 60.17), np.arange(101), np.full(101, 5.0))
    with pytest.raises(TrackflowError, match="--max-matching-size") as caught:
        engine.match(many)
    assert not caught.value.retryable


def test_far_too_many_points(engine: HttpEngine) -> None:
    lon = np.linspace(24, 25, 20_000)
    many = MatchRequest(lon, np.full(20_000, 60.17), np.arange(20_000), np.full(20_000, 5.0))
    with pytest.raises(TrackflowError, match="take shorter windows") as caught:
        engine.match(many)
    assert not caught.value.retryable


def test_several_hundred_points_in_one_request(network: RoadNetwork, engine: HttpEngine) -> None:
    route = engine.route(np.array([24.938, 24.950, 24.940]), np.array([60.166, 60.176, 60.177]))
    assert route is not None
    with osrm_server(network.dataset, "--max-matching-size", "1000") as url:
        large = HttpEngine(url, "car", client=HttpClient())
        assert large.match(a_drive(route, count=500, step_s=1)).matchings
        large.close()


@pytest.mark.parametrize(
    "broken",
    [
        replace(TWO, time_s=np.array([10, 5])),
        replace(TWO, radius_m=np.array([5.0])),
        replace(TWO, radius_m=np.array([np.nan, 1.0])),
        replace(TWO, lat=np.array([60.0, 160.0])),
        replace(TWO, lon=TWO.lon[:1], lat=TWO.lat[:1], time_s=TWO.time_s[:1]),
    ],
)
def test_senseless_requests_are_refused_for_good(engine: HttpEngine, broken: MatchRequest) -> None:
    with pytest.raises(TrackflowError, match="refuses the request") as caught:
        engine.match(broken)
    assert not caught.value.retryable
    assert_says_no_places(str(caught.value))


def test_connection_is_kept_and_survives_the_server_closing_it(
    engine_at: Callable[..., HttpEngine],
) -> None:
    with server_that(answering(200, OK), keep_alive=True) as (url, heads):
        engine = engine_at(url)
        for _ in range(5):
            engine.route(TWO.lon, TWO.lat)
        assert len(heads) == 5
    closes_silently = [False]

    def behave(out: Out) -> None:
        if closes_silently[0]:
            closes_silently[0] = False
            raise OSError("the connection is closed without an answer")
        closes_silently[0] = True
        answering(200, OK)(out)

    with server_that(behave, keep_alive=True) as (url, heads):
        engine = engine_at(url)
        engine.route(TWO.lon, TWO.lat)
        engine.route(TWO.lon, TWO.lat)
        assert len(heads) == 3


# --- servers that misbehave ---

OK = json.dumps({"code": "Ok", "routes": []}).encode()
LINE = polyline.encode([(60.17, 24.94), (60.18, 24.95)], 6)
REAL = json.dumps(
    {
        "code": "Ok",
        "matchings": [{"geometry": LINE, "confidence": 1, "distance": 1, "duration": 1}],
        "tracepoints": [None, None],
    }
).encode()


def truncated(out: Out) -> None:
    out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + REAL[:40])


def half_json(out: Out) -> None:
    answering(200, REAL[:-20])(out)


def drips_headers(out: Out) -> None:
    out.write(b"HTTP/1.1 200 OK\r\n")
    for i in range(1000):
        out.write(f"X-{i}: 1\r\n".encode())
        out.flush()
        time.sleep(0.1)


def drips_body(out: Out) -> None:
    out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        out.write(b" ")
        out.flush()
        time.sleep(0.1)


def endless(out: Out) -> None:
    out.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        out.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def silent(out: Out) -> None:
    time.sleep(PATIENCE_S)


def hangs_up(out: Out) -> None:
    raise OSError("gone")


def not_http(out: Out) -> None:
    out.write(b"SSH-2.0-OpenSSH_9.6\r\n")


HTML = b"<html><body>Sign in to the guest network</body></html>"


@pytest.mark.parametrize(
    ("behave", "says"),
    [
        (truncated, "cannot be reached"),
        (half_json, "not OSRM's"),
        (drips_headers, "no answer within 0.5 s"),
        (drips_body, "no answer within 0.5 s"),
        (silent, "no answer within 0.5 s"),
        (endless, "more than 1 MB"),
        (hangs_up, "cannot be reached"),
        (not_http, "cannot be reached"),
        (answering(200, HTML), "not OSRM's"),
        (answering(400, HTML), "not OSRM's"),
        (answering(200, b""), "not OSRM's"),
        (answering(200, b"\xff\x00"), "not OSRM's"),
        (answering(200, b"[]"), "not OSRM's"),
        (answering(200, b"null"), "not OSRM's"),
        (answering(200, b'{"code":7}'), "not OSRM's"),
        (answering(200, b'{"code":"NoMatch"}'), "not OSRM's"),
        (answering(200, b'{"code":"Ok","matchings":7,"tracepoints":7}'), "cannot be read"),
        (answering(200, b'{"code":"Ok"}'), "cannot be read"),
        (answering(200, REAL.replace(b"null, null", b"null")), "cannot be read"),
        (answering(200, REAL.replace(b"distance", b"x")), "cannot be read"),
        (answering(200, REAL, Content_Encoding="gzip"), None),
        (answering(302, b"", Location="/"), "redirects elsewhere"),
        (answering(401), "credentials"),
        (answering(404, b"not found"), "path"),
        (answering(429), "too many requests"),
        (answering(500, b"oops"), "HTTP 500"),
        (answering(502), "HTTP 502"),
        (answering(503), "HTTP 503"),
        (answering(504), "HTTP 504"),
    ],
)
def test_misbehaving_servers_are_unavailable_in_one_line(
    behave: Behaviour, says: str | None, engine_at: Callable[..., HttpEngine]
) -> None:
    with server_that(behave) as (url, _):
        base = url.replace("//", "//someone:secret@") + "/osrm"
        misses_it = behave in (drips_headers, drips_body, silent)
        engine = engine_at(
            base, max_answer_bytes=1_000_000, deadline_s=SHORT_S if misses_it else PATIENCE_S
        )
        if says is None:
            engine.match(TWO)
            return
        with pytest.raises(EngineUnavailableError, match=says) as caught:
            engine.match(TWO)
    message = str(caught.value)
    assert f"{url}/osrm" in message
    assert "\n" not in message
    assert_says_no_places(message)
    assert "secret" not in message
    assert caught.value.retryable


def assert_says_no_places(text: str) -> None:
    assert "polyline" not in text
    assert "timestamps" not in text
    assert not re.search(r"\d\d\.\d{3,}", text)


def test_refused_connection(engine_at: Callable[..., HttpEngine]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(EngineUnavailableError, match=rf"{url} cannot be reached \(ConnectError\)"):
        engine_at(url).match(TWO)


@pytest.mark.parametrize("pause_s", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_in_small_pieces_is_whole_or_too_late(
    pause_s: float, size: int, engine_at: Callable[..., HttpEngine]
) -> None:
    body = REAL + b" " * 20

    def behave(out: Out) -> None:
        out.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        for start in range(0, len(body), size):
            out.write(body[start : start + size])
            out.flush()
            time.sleep(pause_s)

    takes_s = -(-len(body) // size) * pause_s
    with server_that(behave) as (url, _):
        if takes_s < 5:
            assert len(engine_at(url).match(TWO).matchings) == 1
        else:
            with pytest.raises(EngineUnavailableError, match="no answer within"):
                engine_at(url, deadline_s=SHORT_S).match(TWO)


@pytest.mark.parametrize("code", ["NoMatch", "NoSegment"])
def test_codes_that_mean_no_match(code: str, engine_at: Callable[..., HttpEngine]) -> None:
    with server_that(answering(400, json.dumps({"code": code}).encode())) as (url, _):
        assert engine_at(url).match(TWO).matchings == ()


@pytest.mark.parametrize("code", ["NoRoute", "NoSegment"])
def test_codes_that_mean_no_route(code: str, engine_at: Callable[..., HttpEngine]) -> None:
    with server_that(answering(400, json.dumps({"code": code}).encode())) as (url, _):
        assert engine_at(url).route(TWO.lon, TWO.lat) is None


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("TooBig", "--max-matching-size"),
        ("InvalidValue", "report"),
        ("InvalidQuery", "report"),
        ("InvalidOptions", "report"),
        ("InvalidUrl", "TRACKFLOW_ENGINE_URL"),
        ("InvalidService", "TRACKFLOW_ENGINE_URL"),
        ("InvalidVersion", "version 1"),
        ("NotImplemented", "mld"),
        ("DisabledDataset", "--disable-feature-dataset"),
        ("at 24.9412345,60.17\n", "report"),
    ],
)
def test_codes_that_refuse(code: str, says: str, engine_at: Callable[..., HttpEngine]) -> None:
    body = json.dumps({"code": code, "message": f"bad: /match/v1/{TWO.lon[0]}"}).encode()
    with (
        server_that(answering(400, body)) as (url, _),
        pytest.raises(TrackflowError, match=says) as caught,
    ):
        engine_at(url).match(TWO)
    of_the_server = code in {
        "InvalidUrl", "InvalidService", "InvalidVersion", "NotImplemented", "DisabledDataset",
    }  # fmt: skip
    assert caught.value.retryable == of_the_server, "what every request meets is no batch's fault"
    assert "\n" not in str(caught.value)
    assert_says_no_places(str(caught.value))


@pytest.mark.parametrize("status", [413, 414, 431])
def test_a_proxy_that_refuses_long_urls(status: int, engine_at: Callable[..., HttpEngine]) -> None:
    with (
        server_that(answering(status, HTML)) as (url, _),
        pytest.raises(TrackflowError, match="large_client_header_buffers") as caught,
    ):
        engine_at(url).match(TWO)
    assert not caught.value.retryable


@pytest.mark.parametrize("status", [429, 503])
def test_a_requested_pause_is_passed_on(status: int, engine_at: Callable[..., HttpEngine]) -> None:
    with (
        server_that(answering(status, Retry_After="7")) as (url, _),
        pytest.raises(EngineBusyError) as caught,
    ):
        engine_at(url).match(TWO)
    assert caught.value.retry_after_s == 7


NOON = 1_768_046_400.0


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("0", 0),
        ("12.5", 12.5),
        ("-3", 0),
        ("inf", MAX_RETRY_AFTER_S),
        ("1e9", MAX_RETRY_AFTER_S),
        ("Sat, 10 Jan 2026 12:00:30 GMT", 30),
        ("Sat, 10 Jan 2026 11:00:00 GMT", 0),
        ("Sat, 10 Jan 2026 12:00:30 -0000", 30),
        ("Sat, 99 Jan 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after(header: str | None, wait_s: float | None) -> None:
    assert retry_after_s(header, NOON) == wait_s


@given(st.text())
def test_retry_after_takes_anything(header: str) -> None:
    wait_s = retry_after_s(header, NOON)
    assert wait_s is None or 0 <= wait_s <= MAX_RETRY_AFTER_S


# --- versions ---


def versioned(version: object) -> Behaviour:
    return answering(200, json.dumps({**json.loads(REAL), "data_version": version}).encode())


def test_version_is_asked_once(engine_at: Callable[..., HttpEngine]) -> None:
    with server_that(versioned("v1")) as (url, heads):
        engine = engine_at(url, network_version=None)
        assert [engine.network_version, engine.network_version] == ["v1", "v1"]
        assert len(heads) == 1


@pytest.mark.parametrize("version", [None, "", 5])
def test_a_server_without_version(version: object, engine_at: Callable[..., HttpEngine]) -> None:
    with server_that(versioned(version)) as (url, _):
        engine = engine_at(url, network_version=None)
        assert engine.network_version == "unversioned"
        engine.match(TWO)


def test_a_given_version_is_not_asked_for(engine_at: Callable[..., HttpEngine]) -> None:
    with server_that(versioned("v1")) as (url, heads):
        engine = engine_at(url, network_version="mine")
        assert engine.network_version == "mine"
        assert not heads
        engine.match(TWO)


def test_lines_of_a_new_network_never_pass_under_the_old_name(
    engine_at: Callable[..., HttpEngine],
) -> None:
    served = ["v1"]
    with server_that(lambda out: versioned(served[0])(out)) as (url, _):
        engine = engine_at(url, network_version=None)
        assert engine.network_version == "v1"
        engine.match(TWO)
        served[0] = "v2"
        with pytest.raises(EngineUnavailableError, match="changed its road network"):
            engine.match(TWO)
        assert engine.network_version == "v2"
        engine.match(TWO)


# --- what leaves the process ---


def test_nothing_is_logged_about_places(
    engine: HttpEngine, drive: MatchRequest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    engine.match(drive)
    assert caplog.records  # httpcore's: they name the host only
    for place in ("/match/", "polyline6", f"{drive.lon[0]:.3f}", f"{drive.lat[0]:.3f}"):
        assert place not in caplog.text


def test_other_requests_of_the_process_stay_logged(
    osrm_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # whatever other tests of this process have set up: programs that configure logging disable it
    monkeypatch.setattr(logging.getLogger("httpx"), "disabled", False)
    caplog.set_level(logging.INFO, logger="httpx")
    httpx.get(f"{osrm_url}/somewhere")
    assert "/somewhere" in caplog.text


def test_times_and_credentials_stay_out_of_the_url(
    engine_at: Callable[..., HttpEngine],
) -> None:
    with server_that(answering(200, REAL)) as (url, heads):
        engine_at(url.replace("//", "//me:pass@") + "/a/b/").match(TWO)
    target = heads[0].splitlines()[0]
    assert target.startswith("GET /a/b/match/v1/car/polyline6(")
    assert "timestamps=0;10&radiuses=10;10&gaps=ignore&tidy=false" in target
    assert "1768" not in target
    assert "Authorization: Basic" in heads[0]


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=20))
def test_path_holds_the_places_as_osrm_rounds_them(places: list[tuple[float, float]]) -> None:
    lon, lat = np.array(places).T
    path = _path(lon, lat)
    assert re.fullmatch(r"polyline6\(([A-Za-z0-9_.~-]|%[0-9A-F]{2})+\)", path)
    decoded = np.array(polyline.decode(unquote(path)[10:-1], 6))
    assert np.abs(decoded[:, 1] - lon).max() <= 5.1e-7
    assert np.abs(decoded[:, 0] - lat).max() <= 5.1e-7


@pytest.mark.parametrize(
    "url",
    ["", "osrm:5000", "ftp://osrm", "http://", "http://[::1", "http://me:secret@h?x=1", "//h"],
)
def test_base_urls_that_are_none(url: str) -> None:
    with (
        pytest.raises(SettingsError, match="TRACKFLOW_ENGINE_URL") as caught,
        HttpClient() as client,
    ):
        HttpEngine(url, "car", client=client)
    assert "secret" not in str(caught.value)
