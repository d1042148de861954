"""Commands for tokens, the inbox, backups and deleting, as their user meets them."""

import datetime as dt
import json
import os
import re
import sys
from pathlib import Path

import pytest

from trackflow.settings import Settings
from trackflow.store.access import tokens
from trackflow.store.database import open_store
from trackflow.store.migrations import SCHEMA_VERSION
from trackflow_tests.helpers.commands import Run, caller


@pytest.fixture
def trackflow(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    files_settle_at_once: None,
) -> Run:
    """Call the command in this process; returns its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)
    return caller(monkeypatch, capfd)


def test_tables_are_made_once_and_named(trackflow: Run, tmp_path: Path) -> None:
    for _ in range(2):
        done = trackflow("migrate", "--json")
        assert json.loads(done.out) == {
            "schema": SCHEMA_VERSION,
            "store": str(tmp_path / "home" / "trackflow.db"),
        }
    assert SCHEMA_VERSION in trackflow("migrate").out


def csv(device: str, count: int = 60) -> str:
    start = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)
    lines = [
        f"{device},{(start + dt.timedelta(seconds=10 * k)).isoformat()},{24.9 + k / 5e3:.4f},60.1"
        for k in range(count)
    ]
    return "\n".join(["device_id,timestamp,longitude,latitude", *lines, ""])


def test_a_token_is_shown_once_listed_and_revoked(trackflow: Run) -> None:
    code, out, err = trackflow("token", "create", "phone", "--scope", "ingest", "--device", "van-7")
    secret = out.strip()
    assert code == 0
    assert secret.startswith("tf_")
    assert "deliver points of van-7" in err

    code, out, _ = trackflow("token", "create", "map", "--scope", "read", "--json")
    made = json.loads(out)
    store = open_store(Settings.from_env())
    with store.read() as connection:
        found = tokens.find(connection, secret)
        assert tokens.find(connection, made["token"]) is not None
    store.close()
    assert found is not None
    assert (found.scope, found.device_id) == ("ingest", "van-7")

    code, out, _ = trackflow("token", "list")
    assert secret not in out
    assert f"{made['token_id']}  map: may read" in out
    code, out, _ = trackflow("token", "revoke", found.token_id)
    assert (code, out) == (0, f"{found.token_id} is revoked.\n")
    code, _, err = trackflow("token", "revoke", found.token_id)
    assert code == 1
    assert "no token" in err
    code, out, _ = trackflow("token", "list", "--json")
    revoked = {token["name"]: token["revoked_at"] is not None for token in json.loads(out)}
    assert revoked == {"phone": True, "map": False}
    code, out, _ = trackflow("token", "revoke", made["token_id"])
    assert "nobody has access now" in out


def test_a_token_says_what_an_app_has_to_be_told(
    trackflow: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ("token", "create", "Anna", "--scope", "ingest", "--device", "anna", "--app")
    refused = trackflow(*wanted, "overland")
    assert refused.code == 1
    assert "set TRACKFLOW_PUBLIC_URL" in refused.everything
    assert trackflow("token", "list", "--json").out.strip() == "[]", "nothing was made"
    monkeypatch.setenv("TRACKFLOW_PUBLIC_URL", "https://trackflow.example")
    done = trackflow(*wanted, "overland")
    assert "Receiver endpoint: https://trackflow.example/ingest/overland" in done.out
    assert "overland://setup?url=https%3A%2F%2Ftrackflow.example" in done.out
    assert "▄" in done.out, "a code to scan"
    assert "there is no app 'x'" in trackflow(*wanted, "x").everything
    reader = ("token", "create", "map", "--scope", "read", "--app", "overland")
    assert "--scope ingest" in trackflow(*reader).everything


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["token", "create", "x", "--scope", "all"], "there is no scope 'all'"),
        (["token", "create", "x", "--scope", "read", "--device", "a"], "only tokens for ingest"),
        (["token", "create", "\n", "--scope", "read"], "visible characters"),
        (["inbox"], "set TRACKFLOW_INBOX"),
        (["purge", "ghost", "--yes"], "nothing is known of a device 'ghost'"),
        (["purge", "ghost"], "say --yes"),
        (["restore", "nowhere.zip"], "no such file"),
        (["backup", "no/folder/b.zip"], "cannot write"),
    ],
)
def test_what_is_wrong_is_one_clear_line(trackflow: Run, arguments: list[str], says: str) -> None:
    code, out, err = trackflow(*arguments)
    assert code == 1
    assert says in err
    assert err.count("\n") == 1
    assert out == ""


def test_inbox_purge_backup_restore_and_retain(
    trackflow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    monkeypatch.setenv("TRACKFLOW_INBOX", str(folder))
    (folder / "van-7.csv").write_text(csv("van-7"))
    (folder / "van-8.csv").write_text(csv("van-8"))
    code, out, _ = trackflow("inbox")
    assert (code, out.splitlines()[0]) == (0, "van-7.csv: 60 points added")
    assert trackflow("inbox")[1] == "There is nothing new.\n"
    (folder / "bad.gpx").write_text("<gpx><trk")
    code, out, _ = trackflow("inbox", "--json")
    assert code == 1
    assert json.loads(out)["files"][0]["name"] == "bad.gpx"
    assert trackflow("run")[0] == 0

    assert trackflow("backup", "all.zip")[1].endswith("written to all.zip.\n")
    code, out, _ = trackflow("purge", "van-7", "--yes")
    assert code == 0
    assert "60 in gps_points" in out
    assert f"{folder / 'van-7.csv'} has points of it" in out
    assert json.loads(trackflow("status", "--json")[1])["devices"] == 1

    code, _, err = trackflow("restore", "all.zip")
    assert code == 1
    assert "is not empty" in err
    monkeypatch.setenv("TRACKFLOW_HOME", str(tmp_path / "second"))
    code, out, _ = trackflow("restore", "all.zip", "--json")
    assert json.loads(out)["rows"]["gps_points"] == 120
    code, out, _ = trackflow("verify")
    assert (code, "They are identical." in out) == (0, True)

    assert "Everything is kept" in trackflow("retain")[1]
    monkeypatch.setenv("TRACKFLOW_RETENTION_DAYS", "30")
    code, out, _ = trackflow("retain")
    assert (code, "Deleted of 0 devices: nothing" in out) == (0, True)
    assert json.loads(trackflow("status", "--json")[1])["points"] == 120
    approval = re.search(r"`trackflow (retain --approve \S+)`", out)
    assert approval, out
    assert "120 in gps_points" in trackflow(*approval[1].split())[1]
    assert json.loads(trackflow("status", "--json")[1])["points"] == 0


@pytest.mark.parametrize("answer", ["y", "n"])
def test_purge_asks_first(
    trackflow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    (tmp_path / "a.csv").write_text(csv("a", 3))
    trackflow("import", "a.csv")
    monkeypatch.setattr("trackflow.cli.common.err._force_terminal", True)
    read_end, write_end = os.pipe()
    os.write(write_end, f"{answer}\n".encode())
    os.close(write_end)
    with os.fdopen(read_end) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        code, _, err = trackflow("purge", "a")
    left = json.loads(trackflow("status", "--json")[1])["points"]
    assert "Delete everything of a, for ever?" in err
    assert (code, left) == ((0, 0) if answer == "y" else (1, 3))


@pytest.mark.parametrize("verb", ["create", "list", "revoke"])
def test_token_commands_explain_themselves(trackflow: Run, verb: str) -> None:
    code, out, _ = trackflow("token", verb, "--help")
    assert code == 0
    assert f"Example: trackflow token {verb}" in out


def test_a_person_switches_no_token_mode(trackflow: Run) -> None:
    assert "is on" in trackflow("token", "local").out
    trackflow("token", "create", "map", "--scope", "read")
    code, out, _ = trackflow("token", "local")
    assert code == 0
    assert "is off (there has been a token)" in out
    assert "is on" in trackflow("token", "local", "on").out
    told = json.loads(trackflow("token", "local", "off", "--json").out)
    assert (told["is_on"], told["reason"]) == (False, "switched off by command")
    code, _, err = trackflow("token", "local", "maybe")
    assert code == 1
    assert "on, off" in err
