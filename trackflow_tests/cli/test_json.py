"""Every verb with `--json` prints JSON, whatever came out: also where rows were refused."""

import datetime as dt
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from trackflow.cli.common import plain
from trackflow.cli.main import app
from trackflow.usecases.jobs.kinds import KINDS, catalogue_sync
from trackflow_tests.helpers.catalogues import FAST, settings_for
from trackflow_tests.helpers.commands import Run, caller
from trackflow_tests.helpers.liverc_site import Site, site_with

TODAY = dt.datetime.now(dt.UTC).replace(hour=8, minute=0, second=0, microsecond=0)
ELSEWHERE = {"demo", "mesh drape"}
"""Tested with the demo, which takes a minute, and by usecases/meshes/test_track_choice."""


@pytest.fixture
def site() -> Iterator[Site]:
    with site_with(3) as running:
        yield running


@pytest.fixture
def trackflow(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    files_settle_at_once: None,
) -> Run:
    monkeypatch.setitem(KINDS, "catalogue_sync", catalogue_sync(FAST))
    monkeypatch.setenv("TRACKFLOW_LIVERC_URL", settings_for(site)["liverc_url"])
    monkeypatch.setenv("TRACKFLOW_CATALOGUE_PER_S", "1000")
    monkeypatch.chdir(tmp_path)
    return caller(monkeypatch, capfd)


def verbs() -> set[str]:
    """All that take `--json`."""

    def walk(command: Any, name: tuple[str, ...]) -> Iterator[str]:
        for part, inner in getattr(command, "commands", {}).items():
            is_default = part == getattr(command, "default", None)
            yield from walk(inner, name if is_default else (*name, part))
        if any("--json" in parameter.opts for parameter in command.params):
            yield " ".join(name)

    return set(walk(typer.main.get_command(app), ()))


def drive(device: str, start: dt.datetime, count: int = 60) -> list[str]:
    return [
        f"{device},{(start + dt.timedelta(seconds=10 * k)).isoformat()},{24.9 + k / 5e3:.4f},60.1"
        for k in range(count)
    ]


def table(*rows: str) -> str:
    return "\n".join(["device_id,timestamp,longitude,latitude", *rows, ""])


REFUSED = ("d,never,24.9,60.1", "d,2026-03-02T08:00:00Z,999,60.1", ",,,")


def test_every_verb_prints_json_whatever_came_out(
    trackflow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()

    def called(verb: str, *arguments: object, code: int = 0) -> Any:
        seen.add(verb)
        result = trackflow(*verb.split(), *arguments, "--json")
        assert result.code == code, result
        return json.loads(result.out, parse_constant=lambda name: pytest.fail(name))

    # nothing is there yet
    assert called("migrate")
    assert called("run")[0]["days"] == []
    assert called("status")["points"] == 0
    assert called("verify")["ok"]
    assert called("retain")["edge"] is None
    assert called("jobs list") == called("token list") == []
    assert called("token local")["is_on"]

    # good, repeated, refused and unreadable rows; a file that is none, a page, an empty folder
    monkeypatch.setenv("TRACKFLOW_INBOX", str(tmp_path / "inbox"))
    (tmp_path / "inbox").mkdir()
    mixed = table(*drive("d", TODAY - dt.timedelta(days=1)), *REFUSED, *drive("d", TODAY, 5))
    for path in ("mixed.csv", "inbox/mixed.csv"):
        (tmp_path / path).write_text(mixed)
    for path in ("page.html", "inbox/page.html"):
        (tmp_path / path).write_text("<html><body>no positions</body></html>")
    (file,) = called("import", "mixed.csv")
    assert file["accepted"]["added"] == 65
    assert sum(file["reasons"].values()) == len(REFUSED)
    assert file["reasons"].keys() == {str(reason) for reason in file["reasons"]}
    assert called("import", "mixed.csv")[0]["accepted"]["repeated"] == 65
    assert called("import", "page.html", "nowhere.csv", code=1)[-1]["error"]
    assert [one["refused"] for one in called("inbox", code=1)["files"]] == [3, 0]
    assert called("inbox")["files"] == []

    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute("CREATE TABLE markers (id INTEGER PRIMARY KEY, username, coords, created_at)")
        for coords in ("[24.94, 60.17]", "[999, 60.17]", "nowhere"):
            row = ("anna", coords, TODAY.isoformat())
            shop.execute("INSERT INTO markers (username, coords, created_at) VALUES (?, ?, ?)", row)
    shop.close()
    monkeypatch.setenv("TRACKFLOW_FOLLOW_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    assert sum(called("follow")["reasons"].values()) == 2

    # what was refused
    (files,) = called("quarantine list")["senders"]
    assert (files["sender"], sum(files["refused"].values())) == ("files", 5)
    refused = called("quarantine list")["newest"]
    assert called("quarantine show", refused[0]["id"])["reason"] == refused[0]["reason"]
    assert called("quarantine retry")["not_kept_whole"] == 5
    assert called("quarantine delete", refused[0]["id"])["deleted"] == 1

    # a device whose days fail, beside one whose do not
    (tmp_path / "bad.csv").write_text(table(*drive("bad", TODAY - dt.timedelta(days=2))))
    called("import", "bad.csv")
    assert called("device", "d", "--set", "gap_s=300")["overrides"] == {"gap_s": 300}
    with sqlite3.connect(tmp_path / "home" / "trackflow.db") as store:
        store.execute("""UPDATE devices SET thresholds = '{"gap_s": -1}' WHERE device_id = 'bad'""")
    store.close()
    assert sum(bool(day["error"]) for stage in called("run", code=1) for day in stage["days"]) == 1
    rested = called("run")
    assert [one["device_id"] for one in rested[0]["resting"]] == ["bad"]
    assert rested[0]["days"] == []
    (message,) = called("status")["messages"]
    assert message["next_try_at"] == rested[0]["resting"][0]["next_try_at"]
    with sqlite3.connect(tmp_path / "home" / "trackflow.db") as store:
        store.execute("UPDATE devices SET thresholds = '{}'")
    store.close()
    assert not called("verify", code=1)["ok"]
    assert called("explain", "d", TODAY.isoformat())["kind"]

    # names and numbers, hidden points
    track = called("categories list")[0]["track_id"]
    assert called("track name", track, "--name", "To the sea")["name"] == "To the sea"
    assert called("track show", track)["name"] == "To the sea"
    assert called("tracks", "--device", "d")
    assert called("find", "to the SEA")["tracks"]
    assert called("numbers", "--by", "month")["totals"]["distance_m"] > 0
    assert called("visited")["countries"]
    hidden = called("points hide", "d", "--from", TODAY.isoformat())["hiding"]["hiding_id"]
    assert [one["hiding_id"] for one in called("points list")] == [hidden]
    assert called("points restore", hidden)["hiding"]["hiding_id"] == hidden
    called("run")

    # places
    called("places add", "Depot", "--lon", 24.9, "--lat", 60.1)
    (tmp_path / "named.csv").write_text("name,longitude,latitude\nHall,25.1,60.1\n")
    assert not any(called("vehicles assignments").values())
    assert called("logbook joins") == []
    assert called("places import", "named.csv")["changed"] == 1
    depot, hall = (place["place_id"] for place in called("places list"))
    assert called("places rename", depot, "Yard")["name"] == "Yard"
    assert called("places confirm", depot)["status"] == "confirmed"
    assert called("places merge", depot, hall)["merged_into"] == hall
    assert called("places undo", depot)["merged_into"] is None
    assert called("places reject", hall)["status"] == "rejected"
    assert called("places learn") == {}
    monkeypatch.setenv("TRACKFLOW_GEOCODER_URL", "http://127.0.0.1:9")
    assert called("places address")["result"]["due"] == 0
    monkeypatch.setenv("TRACKFLOW_GEOCODER_URL", "")

    # jobs
    job = called("rebuild", "--queue")["job_id"]
    assert called("jobs show", job)["status"] == "queued"
    assert called("jobs cancel", job)["status"] == "cancelled"
    assert called("jobs resume", job)["status"] == "completed"
    assert called("rebuild", "--device", "d")["status"] == "completed"
    assert len(called("jobs list")) == 3

    # rules, decisions, other thresholds
    (tmp_path / "rules.toml").write_text('[[rules]]\nname="a"\ncategory="b"\nwhen={}')
    (tmp_path / "bad.toml").write_text('[[rules]]\nname="a"\nwhen={}')
    days = ("--from", f"{TODAY - dt.timedelta(days=3):%Y-%m-%d}", "--to", f"{TODAY:%Y-%m-%d}")
    assert called("rules check", "bad.toml", code=1)["problems"]
    assert called("rules check", "rules.toml")["ok"]
    assert called("rules preview", "rules.toml")["changed"] > 0
    assert called("rules save", "rules.toml")["version"] == 1
    assert called("rules apply", 1, *days)["changed"] > 0
    assert called("rules show")["rules"][0]["category"] == "b"
    tracks = called("categories list")
    assert {track["category"] for track in tracks} == {"b"}
    draft = called("rules from-track", tracks[0]["track_id"])
    assert draft["rules"][0]["category"] == "b"
    decision = called("categories set", tracks[0]["track_id"], "--category", "race")
    assert called("categories list", "--decisions")[0]["origin"] == "person"
    assert called("categories undo", decision["decision_id"])["changed"] == 1
    line = f"{TODAY.isoformat()},{TODAY.isoformat()},d,private"
    (tmp_path / "trips.csv").write_text(f"start,end,device,type\n{line}\nnever,,d,race\n")
    assert called("categories import", "trips.csv")["refused"] == 1
    assert called("rules undo")["use_no"] == 2
    assert len(called("rules history")["uses"]) == 2
    assert called("what-if", "--device", "d", *days, "min_track_m=90000")["changes"]

    # how and what for, and the book
    assert called("categorize", "--everything")["steps"]
    times = [(TODAY - dt.timedelta(days=days)).isoformat() for days in (2, 0)]
    correction = called("legs correct", "d", *times, "bus")["correction_id"]
    assert [one["mode"] for one in called("legs list")] == ["bus"]
    assert called("legs undo", correction)["correction_id"] == correction
    (tmp_path / "modes.csv").write_text("device_id,start_time,end_time,mode\nd,never,never,bus\n")
    assert called("legs import", "modes.csv")["refused"] == 1
    assert called("vehicles add", "van", "--plate", "ABC-123")["kind"] == "car"
    trackflow("vehicles", "device", "van", "d")
    assert called("vehicles odometer", "van", times[0], 12.5)["reading_id"]
    assert called("vehicles readings")[0]["odometer_m"] == 12_500
    assert called("vehicles list")[0]["plate"] == "ABC-123"
    assert called("logbook left-out") == []
    rate = 'id = "a"\nfrom = 2020-01-01\ncurrency = "EUR"\nunit = "km"\namount = 0.3'
    (tmp_path / "rates.toml").write_text(f"[[rate]]\n{rate}\n")
    assert called("rates import", "rates.toml") == called("rates list")
    later = (TODAY + dt.timedelta(days=30)).isoformat()
    assert called("logbook close", "--until", later)["closed"] > 0
    entry = called("logbook list")[0]
    amended = called("logbook amend", entry["entry_id"], "--purpose", "x", "--reason", "y")
    assert len(amended["amendments"]) == 1
    assert called("logbook verify")[0]["faults"] == []
    assert len(called("logbook export", entry["content"]["local_day"][:7], "--out", "book")) == 6

    # meshes, of which one fails; cli/test_meshes.py looks at the values
    Image.fromarray(np.add.outer(range(9), range(9)).astype(np.uint8) * 9).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    assert len(called("mesh generate", "a.png", "b.png", code=1)) == 2
    assert called("mesh generate", "a.png", "--store")["status"] == "completed"
    (mesh,) = called("mesh list")
    assert called("mesh status", mesh["mesh_id"])["vertex_count"] > 0
    assert [m["status"] for m in called("mesh cancel", mesh["mesh_id"])] == ["completed"]
    assert called("mesh retry", "--failed") == []
    assert called("mesh sync", "--dry-run")["new_images"] == 0
    assert called("mesh cleanup", "--dry-run")["files"] == 0
    assert called("mesh report")["total"]["meshes"] >= 0

    # what is too old, deleted, and refused afterwards
    old = table(*drive("d", TODAY - dt.timedelta(days=40)), *drive("d", TODAY, 5), *REFUSED)
    (tmp_path / "old.csv").write_text(old)
    called("import", "old.csv")
    monkeypatch.setenv("TRACKFLOW_RETENTION_DAYS", "20")
    assert called("retain")["rows"]["gps_points"] == 60
    (again,) = called("import", "old.csv")
    assert again["reasons"]["too_old"] == again["accepted"]["too_old"] == 60
    assert called("status")["quarantined"]["too_old"] == 60
    monkeypatch.setenv("TRACKFLOW_RETENTION_DAYS", "")
    assert called("retain")["lifted"] == 1

    # imports that are undone, devices under other names
    (tmp_path / "wrong.csv").write_text(table(*drive("wrong", TODAY - dt.timedelta(days=3))))
    (file,) = called("import", "wrong.csv")
    assert called("import list")[0]["devices"] == ["wrong"]
    assert called("device rename", "wrong", "w")["points"] == 60
    assert called("device merge", "w", "d", "--dry-run")["points"] == 60
    assert called("device merge", "w", "d")["into"] == "d"
    assert {row["device_id"] for row in called("device list")} >= {"d", "bad"}
    assert called("import undo", file["import_id"])["removed"] == 60

    # tokens, backups, deleting
    assert called("token local")
    token = called("token create", "phone", "--scope", "ingest", "--device", "d")
    assert called("token list")[0]["token_id"] == token["token_id"]
    assert called("token revoke", token["token_id"])["revoked"]
    assert called("backup", "all.zip")["rows"]["gps_points"] > 60
    with monkeypatch.context() as other:
        other.setenv("TRACKFLOW_HOME", str(tmp_path / "other"))
        assert called("restore", "all.zip")["rows"]["gps_points"] > 60
    assert called("purge", "d", "--yes")["rows"]["gps_points"] > 0

    # the catalogue
    assert called("catalogue sync")["sync_id"]
    assert called("catalogue status")["active"] == 3
    assert called("catalogue report")["added"] == 3
    assert len(called("catalogue list")) == 3
    assert called("catalogue show", "track1")["slug"] == "track1"
    assert "places" in called("catalogue visits")
    (tmp_path / "places.csv").write_text("slug,longitude,latitude\ntrack1,24.9,60.1\n")
    monkeypatch.setenv("TRACKFLOW_GEOCODER_FILE", str(tmp_path / "places.csv"))
    assert "tracks" in called("catalogue locate")
    assert called("catalogue undo")["rows"] == 3

    # a small town
    town = """<osm version="0.6"><node id="1" lat="60.17" lon="24.94"/>
    <node id="2" lat="60.18" lon="24.95"/>
    <way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way></osm>"""
    (tmp_path / "town.osm").write_text(town)
    assert called("network build", "town.osm")["new"]
    assert [one["name"] for one in called("network list")] == ["town"]
    assert [one["profile"] for one in called("network remove", "town")] == ["car"]

    monkeypatch.setenv("TRACKFLOW_ALERT_DISK_GB", "1000000")
    assert "disk" in {alert["rule"] for alert in called("alerts", code=1)}

    assert seen == verbs() - ELSEWHERE


@dataclass
class Report:
    counts: Counter[str]
    inner: list["Report"] = field(default_factory=list)
    value: float | None = None


reports = st.recursive(
    st.builds(Report, st.dictionaries(st.text(), st.integers()).map(Counter), value=st.floats()),
    lambda inner: st.builds(Report, st.just(Counter({"a": 1})), st.lists(inner, max_size=3)),
    max_leaves=5,
)


@given(reports)
def test_a_report_is_plain_whatever_is_in_it(report: Report) -> None:
    text = json.dumps(plain(report), allow_nan=False)
    found = json.loads(text)
    assert found["counts"] == {str(k): v for k, v in report.counts.items()}
    assert len(found["inner"]) == len(report.inner)
