"""`trackflow quarantine` as a person reads it."""

import json
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackflow.context import Context
from trackflow.geo.time import to_us
from trackflow.settings import Settings
from trackflow.sources.devices import reading
from trackflow.sources.devices.envelopes import Envelope
from trackflow.usecases.intake.receiving import receive
from trackflow_tests.helpers.commands import Run, caller


@pytest.fixture
def trackflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKFLOW_HOME", str(tmp_path / "home"))
    return caller(monkeypatch, capfd)


def send(tmp_path: Path, body: bytes, envelope: Envelope) -> None:
    with Context.open(Settings(home=tmp_path / "home", engine_url="none")) as context:
        delivery = reading.read(body, envelope, now_us=to_us(context.clock()))
        receive(context, delivery, delivery.sender)


def test_from_a_wrong_setting_to_a_point(trackflow: Run, tmp_path: Path) -> None:
    assert "No sender has reported" in trackflow("quarantine", "list").out
    wrong = {"id": "x", "lat": "%LAT", "lon": "24.9", "timestamp": "1780000000", "speed": "3"}
    send(tmp_path, b"", Envelope("traccar", query=wrong))
    send(tmp_path, b"[" * 3_000 + b"\x00\xff", Envelope("owntracks"))
    listed = trackflow("quarantine", "list")
    assert "traccar: last report 20" in listed.out
    assert "last points never" in listed.out
    assert "refused: 1 placeholder" in listed.out
    assert "mend the address in the app's settings" in listed.out
    (id_,) = re.findall(r"(\w{32})  .* of x: placeholder", listed.out)
    shown = trackflow("quarantine", "show", id_[:6])
    assert '"lat":"%LAT"' in shown.out
    assert "reason       placeholder" in shown.out
    assert trackflow("quarantine", "show", "zz").code == 1
    (broken,) = re.findall(r"(\w{32})  .*owntracks: body: unreadable", listed.out)
    assert "bytes in base64" in trackflow("quarantine", "show", broken).err
    assert "1 placeholder" in trackflow("quarantine", "retry", "--reason", "placeholder").out
    exported = trackflow("quarantine", "export", "refused.jsonl", "--sender", "traccar")
    assert "1 refused input in refused.jsonl" in exported.out
    (line,) = (tmp_path / "refused.jsonl").read_text().splitlines()
    assert json.loads(json.loads(line)["raw"])["lat"] == "%LAT"
    again = trackflow("quarantine", "export", "refused.jsonl")
    assert again.code == 1
    assert "exists already" in again.err
    assert trackflow("quarantine", "delete").code == 1
    assert "1 refused input deleted" in trackflow("quarantine", "delete", broken).out
    assert "1 refused input deleted" in trackflow("quarantine", "delete", "--all").out
    assert "refused" not in trackflow("quarantine", "list").out.replace("nothing was refused", "")

    send(
        tmp_path, b"", Envelope("traccar", query=wrong | {"id": "x\x1b[2J\nfiles: y", "lat": "60"})
    )
    of_a_stranger = trackflow("quarantine", "list").out
    assert "of x\ufffd[2J files: y: bad_device" in of_a_stranger


def test_a_key_that_comes_late(
    trackflow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trackflow_tests.web.routes.test_senders import IOS, KEY, encrypted

    send(tmp_path, json.dumps(encrypted(IOS)).encode(), Envelope("owntracks"))
    before = trackflow("quarantine", "retry")
    assert "still refused: 1 encrypted" in before.out
    monkeypatch.setenv("TRACKFLOW_OWNTRACKS_KEYS", f"other {KEY}")
    after = trackflow("quarantine", "retry")
    assert "1 points added" in after.out
    assert "1 left the quarantine" in after.out
    assert "1 of 1 device" in trackflow("status").out


def test_an_export_is_whole_or_not_there(trackflow: Run, tmp_path: Path) -> None:
    """Half of one stayed where the disk was full, and was in the way of the next."""
    send(tmp_path, b"[" * 300_000, Envelope("owntracks"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # as if the disk were full
    try:
        failed = trackflow("quarantine", "export", "refused.jsonl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert failed.code == 1
    assert "cannot write refused.jsonl" in failed.err
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
