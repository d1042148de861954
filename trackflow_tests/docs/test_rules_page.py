"""The example of the page about rules works as it is shown, output by output."""

import datetime as dt
import re
import shlex
import uuid
from pathlib import Path

import pytest

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.usecases.categories.categorising import update_between
from trackflow.usecases.days.run import run
from trackflow_tests.docs.pages import ROOT, blocks
from trackflow_tests.helpers.commands import caller
from trackflow_tests.helpers.stores import batch_of_device, deliver, drive
from trackflow_tests.helpers.surroundings import add_place, add_stay

PAGE = ROOT / "docs" / "rules.md"
MONDAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


def test_the_example_is_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKFLOW_TIME_ZONE", "Europe/Helsinki")
    monkeypatch.setenv("TRACKFLOW_ENGINE_URL", "none")
    monkeypatch.chdir(tmp_path)
    with Context.open(Settings.from_env()) as context:
        fill(context)
    (rules,) = blocks(PAGE, "toml")
    Path("rules.toml").write_text(rules, "utf-8")
    call = caller(monkeypatch, capfd)
    shown = steps()
    assert len(shown) > 8
    for command, expected in shown:
        result = call(*shlex.split(command.removeprefix("trackflow ")))
        assert result.code == 0, result.everything
        if expected:
            parts = [re.escape(part) for part in "\n".join(expected).split("…")]
            assert re.fullmatch("[^\n]*".join(parts) + "\n?", result.out), result.out


def steps() -> list[tuple[str, list[str]]]:
    """Each command of the page with the lines below it."""
    found: list[tuple[str, list[str]]] = []
    for line in "\n".join(blocks(PAGE, "console")).splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        elif line:
            found[-1][1].append(line)
    return found


def fill(context: Context) -> None:
    """A week of a van between three places."""
    home, office, smith = (uuid.uuid4() for _ in range(3))
    trips = []
    for day in range(5):
        morning = MONDAY + dt.timedelta(days=day, hours=5, minutes=30)
        trips += [(morning, home, office)]
        if day == 2:
            noon = MONDAY + dt.timedelta(days=day, hours=10)
            trips += [(noon, office, smith), (noon + dt.timedelta(hours=2), smith, office)]
        trips += [(MONDAY + dt.timedelta(days=day, hours=15), office, home)]
    for start, _, _ in trips:
        deliver(context.store, batch_of_device("van-7", drive(start, 60)))
    run(context)
    named = ((home, "Home", "home"), (office, "Office", "work"), (smith, "Smith", "customer"))
    ends = [(start + dt.timedelta(seconds=590), place) for start, _, place in trips]
    begins = [start for start, _, _ in trips[1:]]
    with context.store.write() as connection:
        for place in named:
            add_place(connection, *place)
        add_stay(connection, "van-7", MONDAY, trips[0][0], home)
        for (left, place_id), right in zip(ends, [*begins, None], strict=True):
            add_stay(connection, "van-7", left, right, place_id)
    update_between(context, None, None, None)
