"""Commands for the catalogue, as their user meets them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackflow.usecases.catalogue.report import SyncReport
from trackflow.usecases.jobs.kinds import KINDS, catalogue_sync
from trackflow_tests.helpers.catalogues import (
    FAST,
    catalogue_of,
    result_of,
    settings_for,
    state_of,
    synced,
)
from trackflow_tests.helpers.commands import Run, caller
from trackflow_tests.helpers.liverc_site import Behaviour, Site, site_with
from trackflow_tests.helpers.stores import open_context

COUNT = 20


@pytest.fixture
def site() -> Iterator[Site]:
    with site_with(COUNT) as running:
        yield running


@pytest.fixture
def trackflow(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """Call the command in this process; returns its exit code and what it printed."""
    monkeypatch.setenv("TRACKFLOW_LIVERC_URL", settings_for(site)["liverc_url"])
    monkeypatch.setenv("TRACKFLOW_CATALOGUE_PER_S", "1000")
    monkeypatch.setitem(KINDS, "catalogue_sync", catalogue_sync(FAST))
    return caller(monkeypatch, capfd, "catalogue")


def test_from_the_first_sync_to_undo(trackflow: Run, site: Site, tmp_path: Path) -> None:
    code, out, _ = trackflow("status")
    assert (code, "no sync yet" in out) == (0, True)
    code, out, err = trackflow("sync")
    assert (code, out) == (0, "20 added; 20 tracks in the catalogue\n")
    written = Path(err.removeprefix("The report is in ").removesuffix(".\n"))
    assert written.parent == tmp_path / "home" / "reports" / "catalogue"
    assert trackflow("report")[1] == written.read_text()
    code, out, _ = trackflow("sync", "--json")
    second = SyncReport.from_dict(json.loads(out))
    assert (code, second.unchanged, second.rows_changed) == (0, 20, 0)
    assert json.loads(trackflow("report", second.sync_id, "--json")[1]) == second.as_dict()

    site.tracks[2].name = "[bold]Renamed[/bold]"
    trackflow("sync")
    trackflow("sync")  # changes nothing, so there is nothing of it to undo
    found = json.loads(trackflow("list", "--text", "renamed", "--json")[1])
    assert [track["slug"] for track in found] == ["track2"]
    assert "[bold]Renamed[/bold]" in trackflow("list", "--text", "renamed")[1]
    code, out, _ = trackflow("undo")
    assert (code, "1 rows are again" in out) == (0, True)
    assert trackflow("list", "--text", "renamed")[1] == "There are no such tracks.\n"
    found = json.loads(trackflow("list", "--limit", "5", "--after", "track12", "--json")[1])
    assert [track["slug"] for track in found] == [
        "track13", "track14", "track15", "track16", "track17",
    ]  # fmt: skip

    code, out, _ = trackflow("status", "--json")
    status = json.loads(out)
    assert (status["active"], status["last"]["unchanged"], status["running"]) == (20, 20, None)


def test_bad_days_approval_and_the_switch(trackflow: Run, site: Site) -> None:
    trackflow("sync")
    site.listing = Behaviour("error page")
    code, out, _ = trackflow("sync")
    assert (code, out.startswith("failed: "), out.count("\n")) == (1, True, 1)
    site.listing = Behaviour("half")
    code, out, _ = trackflow("sync")
    assert (code, "--approve" in out) == (1, True)
    code, out, _ = trackflow("sync", "--approve")
    assert (code, out) == (0, "10 missed once; 20 tracks in the catalogue\n")
    assert "10 of them missed" in trackflow("status")[1]

    assert trackflow("stop", "--reason", "they asked us to")[0] == 0
    code, out, _ = trackflow("sync")
    assert (code, "is switched off: they asked us to" in out) == (1, True)
    assert "they asked us to" in trackflow("status")[1]
    assert "is switched on again" in trackflow("allow")[1]
    assert "was not switched off" in trackflow("allow")[1]
    site.listing = Behaviour()
    assert trackflow("sync")[0] == 0


def test_a_command_and_a_service_leave_the_same_rows_and_reports(
    trackflow: Run, site: Site, tmp_path: Path
) -> None:
    site.pages["track4"] = Behaviour("missing")
    commanded = SyncReport.from_dict(json.loads(trackflow("sync", "--json")[1]))
    with catalogue_of(site, "", tmp_path / "served") as context:
        served = synced(context, trigger="schedule")
        rows = state_of(context)
    assert result_of(commanded) == result_of(served)
    with open_context("", tmp_path / "home") as context:
        assert state_of(context) == rows


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sync", "--source", "nowhere"], "there is no source 'nowhere'"),
        (["sync", "--source", "file"], "TRACKFLOW_CATALOGUE_FILE"),
        (["report"], "run `trackflow catalogue sync`"),
        (["report", "x"], "'x' is no sync"),
        (["undo"], "no sync of liverc"),
        (["undo", "5c5b5b1e-0d4e-4d4e-8f4e-1d2c3b4a5968"], "there is no sync"),
    ],
)
def test_what_is_wrong_is_one_clear_line(trackflow: Run, arguments: list[str], says: str) -> None:
    code, out, err = trackflow(*arguments)
    assert code == 1
    assert says in err
    assert err.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize(
    ("address", "says"),
    [("nowhere", "makes no sense"), ("http://a/ http://b/", "has no {slug}")],
)
def test_an_address_that_makes_no_sense_is_said(
    trackflow: Run, monkeypatch: pytest.MonkeyPatch, address: str, says: str
) -> None:
    monkeypatch.setenv("TRACKFLOW_LIVERC_URL", address)
    code, _, err = trackflow("sync")
    assert (code, says in err) == (1, True)


@pytest.mark.parametrize("verb", ["sync", "status", "report", "undo", "list", "stop", "allow"])
def test_commands_explain_themselves(trackflow: Run, verb: str) -> None:
    code, out, _ = trackflow(verb, "--help")
    assert code == 0
    assert f"Example: trackflow catalogue {verb}" in out
