"""Every answer of the API is described, and real ones are as described."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest

from trackflow.categories.modes import Mode
from trackflow.categories.rules.toml import parse_toml
from trackflow.context import Context
from trackflow.geo.time import EPOCH, ONE_DAY
from trackflow.usecases.categories.categorising import update_between
from trackflow.usecases.categories.correcting import correct_mode
from trackflow.usecases.categories.deciding import DecisionRequest, decide
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.categories.rule_versions import save_rules
from trackflow.usecases.days.run import run
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.mileage.fleet import add_reading, put_device, put_driver, save_vehicle
from trackflow.usecases.mileage.joins import join_trips
from trackflow.usecases.mileage.rate_table import import_rates
from trackflow.usecases.places import editing
from trackflow.usecases.places.visits import update_visits
from trackflow.web.answers.sending import GEOJSON, JSON
from trackflow_tests.helpers.liverc_site import site_with
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import batch_of_device, deliver, open_context
from trackflow_tests.usecases.places.test_visits import DEVICE, VENUE, add_place, history
from trackflow_tests.web.described import DescribedAnswer, answers, components, validator
from trackflow_tests.web.meshes import hill_png, made_mesh

pytestmark = pytest.mark.xdist_group("answers")

EMPTY = {
    ("GET", "/ingest/{sender}"),
    ("POST", "/ingest/{sender}"),
    ("POST", "/session"),
    ("GET", "/session"),
    ("DELETE", "/session"),
}
"""Operations whose answers are empty."""

NO_ROADS = {
    *("/api/v1/networks", "/tiles/roads/{zoom}/{x}/{y}.mvt", "/tiles/base/{zoom}/{x}/{y}.mvt"),
    "/tiles/archive.pmtiles",
}
"""They need a road network or a file: `test_tiles`, `test_base_map` and `test_lines` have them."""


def name_of(answer: DescribedAnswer) -> str:
    return f"{answer.method} {answer.path}"


@pytest.mark.parametrize("answer", answers(), ids=name_of)
def test_an_answer_has_a_schema_and_an_example(answer: DescribedAnswer) -> None:
    assert bool(answer.contents) == ((answer.method, answer.path) not in EMPTY)
    for kind, content in answer.contents.items():
        assert content["schema"], kind
        if kind in (JSON, GEOJSON):
            validator(content["schema"]).validate(content["example"])


def test_every_field_has_a_type() -> None:
    """A value of any type would be `{}`, and hold of anything."""
    for name, schema in components().items():
        for field, of in schema.get("properties", {}).items():
            untyped = {"type", "anyOf", "$ref", "const", "enum"}.isdisjoint(of)
            assert not untyped, f"{name}.{field}"
            assert of.get("items", True) != {}, f"{name}.{field}"


def test_a_number_has_its_unit_in_its_name() -> None:
    """Or it is a share, a degree, a threshold's value, or what a race track's source counts."""
    plain = {
        "confidence", "longitude", "latitude", "value", "seconds_left", "seconds",
        "before", "now", "progress", "probability",
    }  # fmt: skip
    units = re.compile(r".*_(s|m|km|km2|ms|kmh|share|bytes)$")
    for name, schema in components().items():
        for field, of in schema.get("properties", {}).items():
            types = {of.get("type"), *(part.get("type") for part in of.get("anyOf", ()))}
            if "number" in types:
                assert field in plain or units.match(field), f"{name}.{field}"


@pytest.mark.parametrize("damage", ["a field more", "a field less", "another type"])
def test_an_answer_that_is_not_as_described_is_found(damage: str) -> None:
    (answer,) = (a for a in answers() if name_of(a) == "GET /api/v1/stops")
    (content,) = answer.contents.values()
    example: Any = content["example"]
    properties = example["features"][0]["properties"]
    changed = {
        "a field more": properties | {"speed": 3},
        "a field less": {k: v for k, v in properties.items() if k != "duration_s"},
        "another type": properties | {"start_time": "yesterday"},
    }[damage]
    feature = example["features"][0] | {"properties": changed}
    with pytest.raises(jsonschema_rs.ValidationError):
        validator(content["schema"]).validate(example | {"features": [feature]})


@pytest.fixture(scope="module")
def parameters() -> dict[str, str]:
    """What the paths' parameters stand for, once the store is filled."""
    tile = {"zoom": "0", "x": "0", "y": "0"}
    return {"device_id": DEVICE, "sender": "osmand", "name": "main.js", **tile}


@pytest.fixture(scope="module")
def api(
    tmp_path_factory: pytest.TempPathFactory, parameters: dict[str, str]
) -> Iterator[httpx.Client]:
    """A store with tracks, stops, visits, race tracks, jobs and refused input."""
    folder = tmp_path_factory.mktemp("answers")
    with (
        site_with(3) as site,
        open_context(
            f"sqlite:///{folder / 'trackflow.db'}",
            folder,
            liverc_url=f"{site.url}/ {site.url}/tracks/{{slug}}/",
            catalogue_per_s=1000.0,
            alert_disk_gb=1_000_000.0,  # an alert
        ) as context,
        running_api(context) as client,
    ):
        _fill(context)
        job = queue_job(context, "catalogue_sync", {"source": "liverc"})
        run_job(context, job.job_id)
        client.post("/ingest/geojson", content=b'{"type": "Feature"}').raise_for_status()
        (first, *_) = client.get("/api/v1/catalogue/tracks").json()["tracks"]
        parameters |= {"slug": first["slug"]}
        tracks = client.get("/api/v1/tracks").json()["features"]
        parameters |= {"track_id": tracks[0]["id"]}
        entry = client.get("/api/v1/logbook").json()["entries"][0]
        parameters |= {"entry_id": entry["entry_id"], "month": entry["month"]}
        places = client.get("/api/v1/places").json()["places"]
        parameters |= {"place_id": places[0]["place_id"]}
        parameters |= {"job_id": str(job.job_id), "sync_id": str(job.job_id)}
        parameters |= {"mesh_id": made_mesh(context, hill_png(), "hill.png")}
        parameters |= {"file_name": "mesh.glb", "batch_id": _batch(client)}
        before = {"device_id": DEVICE, "end_time": "1999-01-01T00:00:00Z"}
        client.post("/api/v1/points/hidings", json=before).raise_for_status()
        file = ("file", ("a.csv", b"time,lat,lon\n2026-03-02T12:00:00Z,60,24\n"))
        client.post("/api/v1/imports", files=[file]).raise_for_status()
        refused = client.get("/api/v1/quarantine").json()["refused"]
        parameters |= {"refused_id": refused[0]["id"], "subject": "tracks"}
        yield client


def _batch(api: httpx.Client) -> str:
    image = api.post("/api/v1/mesh-images", files={"image": ("hill.png", hill_png())}).json()
    body = {"images": [image["image_key"]]}
    batch_id: str = api.post("/api/v1/mesh-batches", json=body).json()["batch_id"]
    return batch_id


def _fill(context: Context) -> None:
    add_place(context, "venue", *VENUE)
    for device in (DEVICE, "twin"):
        deliver(context.store, batch_of_device(device, history()))
    run(context)
    update_visits(context)
    save_rules(context, parse_toml('[[rules]]\nname = "a"\ncategory = "b"\nwhen = {}'), "anna")
    update_between(context, None, None, None)
    start = EPOCH + 20_000 * ONE_DAY
    decide(context, DecisionRequest(DEVICE, start, start + ONE_DAY, "race"), "anna")
    editing.add_place(context, editing.PlaceDraft("Depot", "other", 24.9, 60.1), "anna")
    correct_mode(context, DEVICE, start, start + ONE_DAY, Mode.BUS, decided_by="anna")
    save_vehicle(context, "van", plate="ABC-123")
    put_device(context, "van", DEVICE)
    put_device(context, "van", "twin", start - 9_999 * ONE_DAY)  # no entry: it is a double
    put_driver(context, "van", "Ada")
    add_reading(context, "van", start, 1000, recorded_by="anna")
    join_trips(context, DEVICE, start, start + ONE_DAY, decided_by="anna")
    rates = '[[rate]]\nid = "a"\nfrom = 2020-01-01\ncurrency = "EUR"\nunit = "km"\namount = 0.3'
    (context.settings.home / "rates.toml").write_text(rates)
    import_rates(context, context.settings.home / "rates.toml")
    follow_tracks(context)


READABLE = [a for a in answers() if a.method == "GET" and a.contents and a.path not in NO_ROADS]


@pytest.mark.parametrize("answer", READABLE, ids=name_of)
def test_a_real_answer_is_as_described(
    api: httpx.Client, parameters: dict[str, str], answer: DescribedAnswer
) -> None:
    """The client checks each answer by itself; here each has something in it."""
    path = answer.path.format_map(parameters)
    if answer.path == "/paths/cached":
        path += "?from=2020-01-01"
    if answer.path == "/api/v1/mileage-report":
        path += f"?vehicle=van&month={parameters['month']}"
    if answer.path == "/api/v1/numbers":
        path += "?per=device"
    if answer.path == "/api/v1/find":
        path += f"?q={DEVICE}"
    if answer.path == "/api/v1/tracks/through":
        path += "?bbox=-180,-90,180,90"
    if answer.path == "/api/v1/numbers/month":
        path += f"?device={parameters['device_id']}&month={parameters['month']}"
    found = api.get(path)
    assert found.status_code == 200, found.text
    kind = found.headers["content-type"]
    if kind in (JSON, GEOJSON) and not path.startswith("/ingest"):
        content = found.json()
        lists = {name: value for name, value in content.items() if isinstance(value, list)}
        maybe_empty = {"tokens",
            "looks_like", "breakers", "notices", "alarms", "changes", "failures", "anomalies",
            "amendments", "missing",
        }  # fmt: skip
        if answer.path == "/api/v1/find":
            maybe_empty = lists.keys() - {"devices"}  # one word finds one kind
        assert all(value for name, value in lists.items() if name not in maybe_empty), lists


def test_changes_are_answered_as_described(api: httpx.Client, parameters: dict[str, str]) -> None:
    """The client checks each answer by itself."""
    device = f"/api/v1/devices/{DEVICE}"
    assert api.patch(device, json={"thresholds": {"gap_s": 700}}).status_code == 200
    job = api.post("/api/v1/jobs", json={"kind": "rebuild"})
    assert job.status_code == 202
    for verb in ("cancel", "resume"):
        path = f"/api/v1/jobs/{uuid.UUID(job.json()['job_id'])}/{verb}"
        assert api.post(path).status_code == 200
    assert api.post("/api/v1/tracks/sync").status_code == 202
    sent = api.post("/api/v1/meshes", files={"image": ("other.png", hill_png(seed=1))})
    assert sent.status_code == 202
    mesh = f"/api/v1/meshes/{sent.json()['mesh_id']}"
    for method, path in (("POST", "/cancel"), ("POST", "/retry"), ("DELETE", "")):
        assert api.request(method, mesh + path).status_code == 200
    undo = f"/api/v1/catalogue/reports/{parameters['sync_id']}/undo"
    assert api.post(undo).status_code == 200
    for name in ("owntracks", "overland", "geojson", "phonetrack", "homeassistant", "osmand"):
        assert api.post(f"/ingest/{name}", content=b"{}").status_code == 200
