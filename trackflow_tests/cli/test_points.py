"""Points are hidden and restored, tracks and devices named, by command."""

import json
from pathlib import Path

import pytest

from trackflow_tests.helpers.commands import caller
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context


def test_hidden_named_and_restored(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TRACKFLOW_HOME", str(tmp_path))
    with open_context("", tmp_path) as context:
        deliver(context.store, batch_of_device("van", drive(NOON, 360)))
    call = caller(monkeypatch, capfd)
    assert call("run").code == 0
    shown = json.loads(call("export", "tracks").out)
    (track_id,) = (feature["properties"]["track_id"] for feature in shown["features"])
    assert call("track", "name", track_id, "--name", "To the sea", "--by", "ada").code == 0
    assert "To the sea" in call("track", "show", track_id).out
    assert call("track", "name", track_id, "--name", "a\nb").code == 1
    assert (
        "name Red van, icon van" in call("device", "van", "--name", "Red van", "--icon", "van").out
    )
    assert call("device", "van", "--icon", "ufo").code == 1

    assert call("points", "hide", "van").code == 1, "without a limit"
    assert call("points", "hide", "van", "--area", "1,2,3").code == 1
    hidden = call(
        "points", "hide", "van", "--from", "2026-03-02", "--to", "2026-03-02", "--by", "ada"
    )
    assert "360 points on 1 day hidden" in hidden.out
    hiding = hidden.out.split("points restore ")[1].split()[0]
    assert f"{hiding} van from 2026-03-02 00:00:00 UTC to 2026-03-03 00:00:00 UTC by ada" in (
        call("points", "list").out
    )
    assert call("run").code == 0
    assert json.loads(call("export", "tracks").out)["features"] == []
    assert "hidden" in call("explain", "van", NOON.isoformat()).out
    verified = call("verify")
    assert (verified.code, "(360 of them hidden)" in verified.out) == (0, True)
    gone = call("track", "show", track_id)
    assert (gone.code, "hidden" in gone.err) == (1, True)
    assert "360 points on 1 day restored" in call("points", "restore", hiding).out
    assert call("run").code == 0
    assert json.loads(call("export", "tracks").out) == shown
    assert "To the sea" in call("track", "show", track_id).out, "the name has survived"
    assert "No points are hidden." in call("points", "list").out
    assert json.loads(call("points", "list", "--restored", "--json").out)[0]["hiding_id"] == hiding
