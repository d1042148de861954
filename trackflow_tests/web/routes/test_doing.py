"""What people do with their data over the API: send files, undo, hide, name, download, revoke."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.sources.records import Refusal, RefusalReason
from trackflow.store.access.tokens import Scope
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.web.security.access import COOKIE
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
)

MARKUP = "<img src=x onerror=alert(1)>\"'`${1}"
CSV = "time,lat,lon\n" + "".join(
    f"2026-03-02T12:{k // 60:02}:{k % 60:02}Z,60.17,{24.94 + k * 1e-4}\n" for k in range(0, 600, 5)
)


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[Context]:
    with open_context(database_url, tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        client.headers["Authorization"] = f"Bearer {token_for(context, Scope.ADMIN)}"
        yield client


def send(api: httpx.Client, *files: tuple[str, bytes], **fields: str) -> dict[str, Any]:
    parts = [("file", (name, body)) for name, body in files]
    answer = api.post("/api/v1/imports", files=parts, data=fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def packed(**members: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return file.getvalue()


def test_files_are_imported_with_a_summary_and_undone(context: Context, api: httpx.Client) -> None:
    before = contents(context.store)
    found = send(api, ("van-7.csv", CSV.encode()), ("broken.gpx", b"<gpx><trk>"))
    good, bad = found["files"]
    assert (good["name"], good["devices"]) == ("van-7.csv", {"van-7": 120})
    assert good["points"]["added"] == 120
    assert bad["error"]
    assert bad["points"]["added"] == 0
    again = send(api, ("van-7.csv", CSV.encode()))
    assert (again["points"]["added"], again["points"]["repeated"]) == (0, 120)
    listed = api.get("/api/v1/imports").json()["imports"]
    assert {one["import_id"] for one in listed} == {found["import_id"], again["import_id"]}
    for one in (again, found):
        undone = api.post(f"/api/v1/imports/{one['import_id']}/undo")
        assert undone.status_code == 200
    run(context)
    assert contents(context.store) == before
    assert api.post("/api/v1/imports/00000000/undo").status_code == 404


def test_what_is_passed_over_is_told(api: httpx.Client) -> None:
    marks = '<wpt lat="60" lon="24"><time>2026-03-02T12:00:00Z</time></wpt>' * 2
    found = send(api, ("plan.gpx", f"<gpx>{marks}</gpx>".encode()),
                 ("local.csv", b"time,lat,lon\n2026-03-02 12:00:00,60.1,24.9\n"))  # fmt: skip
    plan, local = found["files"]
    assert (plan["passed_over"], plan["naive"]) == ({"waypoint": 2}, 0)
    assert (local["passed_over"], local["naive"]) == ({}, 1)


def test_a_dry_run_stores_nothing(context: Context, api: httpx.Client) -> None:
    before = contents(context.store)
    found = send(api, ("van-7.csv", CSV.encode()), dry_run="yes", device="other")
    assert found["import_id"] is None
    assert found["files"][0]["devices"] == {"other": 120}
    assert contents(context.store) == before
    assert api.get("/api/v1/imports").json()["imports"] == []


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("../../../../tmp/evil.csv", "evil"),
        ("/etc/passwd.csv", "passwd"),
        ("C:\\Windows\\evil.csv", "evil"),
        ("..", ""),
        ("evil\x01.csv", ""),
        (f"{MARKUP}.csv", ""),
        ("x" * 400 + ".csv", ""),
        ("anna/2026-03-02.csv", "anna"),
        ("2026-03-02.csv", "uploaded"),
    ],
)
def test_hostile_names_lead_nowhere(
    context: Context, api: httpx.Client, tmp_path: Path, name: str, device: str
) -> None:
    outside = {path for path in Path("/tmp").iterdir() if path.name.startswith("evil")}
    found = send(api, (name, CSV.encode()))
    (file,) = found["files"]
    assert file["points"]["added"] == 120 or file["error"]
    if device:
        assert list(file["devices"]) == [device]
    assert {path for path in Path("/tmp").iterdir() if path.name.startswith("evil")} == outside
    assert not list((tmp_path / "home").rglob("*evil*"))


def test_hostile_archives_are_refused_alone(context: Context, api: httpx.Client) -> None:
    """A bomb, a path out of the archive, and a zip of zips stop no neighbour."""
    bomb = packed(**{"bomb.csv": "time,lat,lon\n" + "0" * 60_000_000})
    outwards = packed(**{"../../../../tmp/evil.csv": CSV})
    found = send(
        api,
        ("bomb.zip", bomb),
        ("outwards.zip", outwards),
        ("nothing.zip", b"PK\x03\x04"),
        ("page.html", b"<script>alert(1)</script>"),
        ("van-7.csv", CSV.encode()),
    )
    assert found["files"][-1]["points"]["added"] + found["points"]["repeated"] >= 120
    assert not Path("/tmp/evil.csv").exists()
    assert sum(bool(file["error"]) for file in found["files"]) >= 2


def test_what_is_no_form_of_files_is_an_error(api: httpx.Client) -> None:
    assert api.post("/api/v1/imports", json={}).status_code == 415
    assert api.post("/api/v1/imports", data={"device": "a"}).status_code == 415
    nothing = api.post("/api/v1/imports", files=[("other", ("a.csv", b"1"))])
    assert nothing.status_code == 400
    for field, value in (("time_zone", "Mars/Base"), ("dates", "year-first")):
        answer = api.post("/api/v1/imports", files=[("file", ("a.csv", b"1"))], data={field: value})
        assert answer.status_code == 400
        assert answer.json()["error"]


CHANGES = [
    ("POST", "/api/v1/points/hidings", {"device_id": "a", "start_time": NOON.isoformat()}),
    ("PATCH", "/api/v1/devices/a", {"name": "A"}),
    ("POST", "/api/v1/tokens", {"name": "x", "scope": "admin"}),
    ("POST", "/api/v1/quarantine/delete", {}),
    ("POST", "/api/v1/imports/00000000/undo", None),
    ("POST", "/api/v1/jobs", {"kind": "rebuild"}),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES, ids=lambda x: str(x)[:40])
def test_no_other_site_changes_anything(
    context: Context, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """Another site's page sends the reader's cookie, or comes to this machine without a token."""
    foreign = [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ]
    with running_api(context) as api:
        for headers in foreign:
            assert api.request(method, path, json=body, headers=headers).status_code == 401
            plain = {**headers, "Content-Type": "text/plain"}
            assert api.request(method, path, content=b"{}", headers=plain).status_code == 401
        secret = token_for(context, Scope.ADMIN)
        for headers in foreign:
            cookie = {**headers, "Cookie": f"{COOKIE}={secret}"}
            assert api.request(method, path, json=body, headers=cookie).status_code == 401
            files = api.post("/api/v1/imports", files=[("file", ("a.csv", b"1"))], headers=cookie)
            assert files.status_code == 401
        reader = bearer(token_for(context, Scope.READ))
        assert api.request(method, path, json=body, **reader).status_code == 403


def test_points_are_hidden_and_restored(context: Context, api: httpx.Client) -> None:
    deliver(context.store, batch_of_device("a", drive(NOON, 360)))
    run(context)
    before = api.get("/api/v1/tracks").json()
    (track,) = before["features"]
    times = {name: track["properties"][name] for name in ("start_time", "end_time")}
    wanted = {"device_id": "a", **times, "area": [24.0, 60.0, 26.0, 61.0]}
    report = api.post("/api/v1/points/hidings", json=wanted).json()
    assert (report["points"], report["days"]) == (359, 1), "the end is not included"
    assert report["hiding"]["hidden_by"] == "test"
    run(context)
    assert api.get("/api/v1/tracks").json()["features"] == []
    assert api.get("/api/v1/exports/points", params={"format": "csv"}).text.count("\n") == 2
    path = f"/api/v1/points/hidings/{report['hiding']['hiding_id']}/restore"
    assert api.post(path).json()["points"] == 359
    assert api.post(path).json()["points"] == 0
    run(context)
    assert api.get("/api/v1/tracks").json() == before
    assert verify(context).ok
    assert api.get("/api/v1/points/hidings").json()["hidings"] == []
    (one,) = api.get("/api/v1/points/hidings", params={"restored": "yes"}).json()["hidings"]
    assert one["restored_by"] == "test"
    for wrong in ({"device_id": "a"}, {"device_id": "a", "area": [0, 2, 1, 1]}):
        assert api.post("/api/v1/points/hidings", json=wrong).status_code == 400


def test_a_name_stays_with_its_track_through_recomputes(
    context: Context, api: httpx.Client
) -> None:
    whole = drive(NOON, 360)
    deliver(context.store, batch_of_device("a", whole[60:]))
    run(context)

    def tracks() -> list[dict[str, Any]]:
        return [f["properties"] for f in api.get("/api/v1/tracks").json()["features"]]

    (track,) = tracks()
    named = api.put(
        f"/api/v1/tracks/{track['track_id']}/note", json={"name": f" {MARKUP} ", "note": "a\nb"}
    )
    assert named.json()["name"] == MARKUP
    deliver(context.store, batch_of_device("a", whole[:60]))
    run(context)
    (later,) = tracks()
    assert later["track_id"] != track["track_id"], "the late points moved its start"
    assert (later["name"], later["note"]) == (MARKUP, "a\nb")
    shown = api.get(f"/api/v1/tracks/{track['track_id']}").json()["properties"]
    assert shown["name"] == MARKUP
    cleared = api.put(f"/api/v1/tracks/{later['track_id']}/note", json={})
    assert cleared.json()["name"] is None
    assert tracks()[0]["name"] is None
    for wrong in ({"name": "a\nb"}, {"name": "a\x00"}, {"note": "x" * 5000}):
        answer = api.put(f"/api/v1/tracks/{later['track_id']}/note", json=wrong)
        assert answer.status_code == 400, wrong
    missing = "/api/v1/tracks/00000000-0000-0000-0000-000000000000/note"
    assert api.put(missing, json={"name": "x"}).status_code == 404


def test_devices_have_names_colours_icons_and_groups(context: Context, api: httpx.Client) -> None:
    deliver(context.store, batch_of_device("b", drive(NOON, 10)))
    deliver(context.store, batch_of_device("a", drive(NOON, 10)), now=NOON.replace(hour=13))
    run(context)
    generations = contents(context.store, "processing_batches")
    look = {"name": MARKUP, "colour": "#0B6bb5", "icon": "van", "group": "Vans"}
    changed = api.patch("/api/v1/devices/a", json=look).json()
    assert {key: changed[key] for key in look} == {**look, "colour": "#0b6bb5"}
    a, b = api.get("/api/v1/devices").json()["devices"]
    assert (a["name"], a["ordinal"], b["name"], b["ordinal"]) == (MARKUP, 1, None, 0)
    assert contents(context.store, "processing_batches") == generations, "no day is affected"
    assert api.patch("/api/v1/devices/a", json={"name": ""}).json()["name"] is None
    for wrong in ({"colour": "red"}, {"colour": "#fff;}"}, {"icon": "ufo"}, {"name": "a\x07"}):
        answer = api.patch("/api/v1/devices/a", json={"profile": "foot", **wrong})
        assert answer.status_code == 400, wrong
    assert api.get("/api/v1/devices/a").json()["profile"] == "car", "all of it or nothing"


@pytest.mark.parametrize("file_format", ["geojson", "gpx", "csv", "geoparquet"])
def test_downloads_come_in_every_format(
    context: Context, api: httpx.Client, file_format: str
) -> None:
    for name in ("a", "b", "c\r\nX: 1".replace("\r\n", " ")):
        deliver(context.store, batch_of_device(name, drive(NOON, 60)))
    run(context)
    follow_tracks(context)
    query = [("format", file_format), ("device", "a"), ("device", "b")]
    for what in ("tracks", "points", "visits", "legs", "stays"):
        answer = api.get(f"/api/v1/exports/{what}", params=query)
        assert answer.status_code == 200, (what, answer.text)
        assert answer.headers["content-disposition"].startswith(f'attachment; filename="{what}')
    if file_format == "csv":
        rows = api.get("/api/v1/exports/tracks", params=query).text.splitlines()
        assert len(rows) == 3
        odd = api.get("/api/v1/exports/tracks", params={"format": "csv", "device": "c X: 1"})
        assert odd.headers["content-disposition"] == 'attachment; filename="tracks-c-X-1.csv"'
    assert api.get("/api/v1/exports/tracks", params={"device": "nobody"}).status_code == 400
    assert api.get("/api/v1/exports/secrets").status_code == 422


def test_tokens_are_made_and_revoked(context: Context, api: httpx.Client) -> None:
    made = api.post("/api/v1/tokens", json={"name": MARKUP, "scope": "read"}).json()
    own = bearer(made["secret"])
    assert api.get("/api/v1/devices", **own).status_code == 200
    assert api.get("/api/v1/tokens", **own).status_code == 403
    listed = api.get("/api/v1/tokens").json()["tokens"]
    assert [token["name"] for token in listed if token["scope"] == "read"] == [MARKUP]
    assert made["secret"] not in api.get("/api/v1/tokens").text
    assert api.post(f"/api/v1/tokens/{made['token_id']}/revoke").status_code == 200
    assert api.get("/api/v1/devices", **own).status_code == 401
    assert api.post(f"/api/v1/tokens/{made['token_id']}/revoke").status_code == 404
    assert api.post("/api/v1/tokens", json={"name": "", "scope": "read"}).status_code == 400


def test_refused_input_is_listed_read_again_and_deleted(
    context: Context, api: httpx.Client
) -> None:
    refusals = [Refusal(RefusalReason.NO_TIME, MARKUP, f"file.csv line {k}", None) for k in (1, 2)]
    deliver(context.store, batch_of_device("a", Points.empty()), refusals)
    found = api.get("/api/v1/quarantine").json()["refused"]
    assert [one["reason"] for one in found] == ["no_time"] * len(found)
    assert found
    whole = api.get(f"/api/v1/quarantine/{found[0]['id']}").json()
    assert MARKUP in whole["raw"]
    assert api.post("/api/v1/quarantine/retry", json={}).json()["not_kept_whole"] == len(found)
    one = {"ids": [found[0]["id"]]}
    assert api.post("/api/v1/quarantine/delete", json=one).json() == {"deleted": 1}
    assert len(api.get("/api/v1/quarantine").json()["refused"]) == len(found) - 1
    assert api.get(f"/api/v1/quarantine/{found[0]['id']}").status_code == 404
