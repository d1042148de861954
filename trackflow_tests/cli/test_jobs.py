"""Commands for jobs, as their user meets them."""

import json
from pathlib import Path

import pytest

from trackflow.settings import Settings
from trackflow.store.database import open_store
from trackflow.usecases.days import rebuilding
from trackflow_tests.helpers.commands import Run, caller
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive


@pytest.fixture
def trackflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """On a store with a device's drive."""
    store = open_store(Settings.from_env())
    deliver(store, batch_of_device("van", drive(NOON, 100)))
    store.close()
    return caller(monkeypatch, capfd)


def test_a_rebuild_is_a_job_that_is_listed(trackflow: Run) -> None:
    assert trackflow("jobs", "list")[:2] == (0, "There are no jobs.\n")
    day = NOON.date().isoformat()
    code, out, _ = trackflow("rebuild", "--from", day, "--to", day, "--device", "van")
    assert code == 0
    assert f"rebuild from {day} to {day} device van  completed, 1 of 1: 1 batch made again" in out
    job_id = out.split()[0]
    assert trackflow("jobs", "list") == (0, out, "")
    assert trackflow("jobs", "show", job_id) == (0, out, "")
    (listed,) = json.loads(trackflow("jobs", "list", "--json")[1])
    assert (listed["job_id"], listed["status"]) == (job_id, "completed")


def test_a_queued_job_is_cancelled_and_taken_up_here(trackflow: Run) -> None:
    queued = json.loads(trackflow("rebuild", "--queue", "--json")[1])
    assert queued["status"] == "queued"
    job_id = queued["job_id"]
    assert json.loads(trackflow("jobs", "cancel", job_id, "--json")[1])["status"] == "cancelled"
    again = json.loads(trackflow("jobs", "resume", job_id, "--queue", "--json")[1])
    assert again["status"] == "queued"
    code, out, _ = trackflow("jobs", "resume", job_id, "--json")
    assert (code, json.loads(out)["status"]) == (0, "completed")
    code, _, err = trackflow("jobs", "resume", job_id)
    assert code == 1
    assert "start a new one" in err


def test_ctrl_c_leaves_it_to_be_taken_up(trackflow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rebuilding, "run", interrupted)
        code, _, err = trackflow("rebuild")
    assert code == 1
    job_id = err.split("jobs resume ")[1].split("`")[0]
    assert json.loads(trackflow("jobs", "show", job_id, "--json")[1])["status"] == "cancelled"
    code, out, _ = trackflow("jobs", "resume", job_id)
    assert code == 0
    assert "completed, 1 of 1" in out


@pytest.mark.parametrize("verb", ["show", "cancel", "resume"])
@pytest.mark.parametrize("job_id", ["7", "0b7c2a3e-0000-4000-8000-000000000000"])
def test_unknown_jobs_are_one_clear_line(trackflow: Run, verb: str, job_id: str) -> None:
    code, out, err = trackflow("jobs", verb, job_id)
    assert (code, out) == (1, "")
    assert "trackflow jobs list" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("verb", ["list", "show", "cancel", "resume"])
def test_help_has_an_example(trackflow: Run, verb: str) -> None:
    assert f"Example: trackflow jobs {verb}" in trackflow("jobs", verb, "--help")[1]
