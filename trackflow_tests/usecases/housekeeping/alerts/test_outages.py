"""People are told that the database is away, and back, once each, whoever notices."""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from trackflow.context import Context
from trackflow.errors import StoreUnavailableError
from trackflow.usecases.housekeeping.alerts.outages import FILE, OutageTeller
from trackflow.web.watching import Watch
from trackflow_tests.helpers.stores import NOON, Clock, open_context
from trackflow_tests.helpers.waiting import wait_until
from trackflow_tests.usecases.housekeeping.alerts.test_watching import (
    BROKEN,
    DAY,
    GOOD,
    MINUTE,
    Channels,
)

AWAY = StoreUnavailableError("the database tf:***@db failed", "the database failed: away")
BEGUN, ENDED = (GOOD, "trackflow: database"), (GOOD, "trackflow: database ended")


class Processes:
    """Processes on one home, which look in turn; a new one may be started."""

    def __init__(self, context: Context, clock: Clock) -> None:
        self.context, self.clock, self.channels = context, clock, Channels()
        self.tellers = [self.start(), self.start()]

    def start(self) -> OutageTeller:
        return OutageTeller(self.context, self.channels.send)

    def look(
        self, error: StoreUnavailableError | None, after: dt.timedelta = MINUTE
    ) -> list[tuple[str, str]]:
        """All look once, the last one shortly after the first; returns what was sent."""
        self.clock.time += after
        for teller in self.tellers:
            teller.note(error)
            self.clock.time += dt.timedelta(seconds=1)
        return self.channels.take()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    clock = Clock(NOON)
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path, clock, notify_urls=(GOOD,)) as context:
        yield Processes(context, clock)


def test_an_outage_is_told_once_once_a_day_and_when_it_is_over(processes: Processes) -> None:
    assert processes.look(AWAY) == [], "a restart is over by the next look"
    assert processes.look(AWAY) == [BEGUN]
    assert processes.look(AWAY) == []
    processes.tellers[0] = processes.start()
    assert processes.look(AWAY) == [], "one that is started meanwhile knows"
    assert processes.look(AWAY, DAY) == [BEGUN]
    assert processes.look(None) == []
    assert processes.look(AWAY) == [], "it comes and goes"
    processes.tellers[1] = processes.start()
    assert processes.look(None) == []
    assert processes.look(None, 11 * MINUTE) == [ENDED]
    assert processes.look(None, 11 * MINUTE) == []
    assert not (processes.context.settings.home / FILE).exists()


def test_the_message_says_what_to_do_and_nothing_of_the_server(processes: Processes) -> None:
    for _ in range(2):
        processes.clock.time += MINUTE
        processes.tellers[0].note(AWAY)
    ((_, _, body),) = processes.channels.got
    assert "the database failed: away (since 2026" in body
    assert "trackflow status" in body
    assert "***" not in body


def test_an_outage_of_one_look_is_not_told(processes: Processes) -> None:
    assert [processes.look(error) for error in (AWAY, None, AWAY, None)] == [[], [], [], []]


def test_a_channel_that_takes_nothing_is_tried_again_and_no_other_hears_twice(
    processes: Processes,
) -> None:
    context = processes.context
    context.settings = replace(context.settings, notify_urls=(BROKEN, GOOD))
    processes.tellers, processes.channels.broken = [processes.start()], {BROKEN}
    assert processes.look(AWAY) + processes.look(AWAY) + processes.look(AWAY) == [BEGUN]
    processes.channels.broken.clear()
    assert processes.look(AWAY) == [(BROKEN, BEGUN[1])]


@pytest.mark.parametrize("is_full", [False, True])
def test_a_home_that_takes_no_file_keeps_nobody_from_telling(
    processes: Processes, tmp_path: Path, is_full: bool
) -> None:
    context = processes.context
    home = tmp_path / "gone"
    if is_full:
        home.mkdir()
        (home / FILE).symlink_to("/dev/full")
    context.settings = replace(context.settings, home=home)
    processes.tellers = [processes.start()]
    told = [processes.look(error) for error in (AWAY, AWAY, AWAY, None)]
    assert told == [[], [BEGUN], [], []]
    assert processes.look(None, 11 * MINUTE) == [ENDED]
    assert processes.look(None) == []


def test_a_busy_database_is_no_outage(processes: Processes) -> None:
    busy = StoreUnavailableError("locked")
    busy.__cause__ = sqlite3.OperationalError("database is locked")
    busy.__cause__.sqlite_errorcode = sqlite3.SQLITE_BUSY
    assert processes.look(busy) + processes.look(busy) == []


def test_silence_holds_for_it_too(processes: Processes) -> None:
    context = processes.context
    context.settings = replace(context.settings, alerts_off=("database",))
    assert processes.look(AWAY) + processes.look(AWAY) == []


def test_a_database_that_never_answers_is_told(processes: Processes, tmp_path: Path) -> None:
    class Hurried(Clock):
        def __call__(self) -> dt.datetime:
            self.time += MINUTE
            return self.time

    processes.context.clock = Hurried(NOON)
    watch = Watch(processes.context, 0.001, 0.01, processes.channels.send)
    with closing(sqlite3.connect(tmp_path / "trackflow.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        watch.start()
        wait_until(lambda: bool(processes.channels.got))
    watch.close()
    assert "the database gives no answer" in processes.channels.got[0][2]
