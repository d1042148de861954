"""Alerts are told once when they begin, once a day, and once when they end, whatever fails."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.store.housekeeping.tables import alert_channels, alerts
from trackflow.store.tables import processing_batches
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.housekeeping.alerts.watching import alerts_now, channel_of, watch
from trackflow.usecases.housekeeping.health import write_probe
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    deliver,
    drive,
    open_context,
)
from trackflow_tests.notifications.test_notifier import receiver

GOOD, BROKEN = "json://good", "json://broken"
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)


class Channels:
    """Keeps what is sent; addresses that are named broken take nothing."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.got: list[tuple[str, str, str]] = []

    def send(self, number: int, url: str, title: str, body: str, message: Any) -> bool:
        if url in self.broken:
            return False
        self.got.append((url, title, body))
        return True

    def take(self) -> list[tuple[str, str]]:
        """Addresses and titles since the last call."""
        got, self.got = self.got, []
        return [(url, title) for url, title, _ in got]


class Watched:
    """A store whose one device day waits, with a clock and channels."""

    def __init__(self, context: Context, clock: Clock) -> None:
        self.context, self.clock, self.channels = context, clock, Channels()

    def look(self, after: dt.timedelta = MINUTE) -> list[tuple[str, str]]:
        self.clock.time += after
        watch(self.context, self.channels.send)
        return self.channels.take()

    def mend(self) -> None:
        """The device day is done."""
        b = processing_batches.c
        done = {
            f"{stage}_generation": b.generation for stage in ("segmented", "matched", "tracked")
        }
        self.set_batches(status="completed", pending_since=None, **done)

    def set_batches(self, **values: Any) -> None:
        with self.context.store.write() as connection:
            connection.execute(sa.update(processing_batches).values(values))


@pytest.fixture
def watched(database_url: str, tmp_path: Path) -> Iterator[Watched]:
    clock = Clock(NOON)
    urls = (GOOD, BROKEN)
    with open_context(
        database_url, tmp_path, clock, notify_urls=urls, alert_disk_gb=0.000001
    ) as context:
        deliver(context.store, batch_of_device("a", drive(NOON - 5 * MINUTE, 20)), now=NOON)
        yield Watched(context, clock)


def test_begin_daily_and_end_are_told_once_each(watched: Watched) -> None:
    assert watched.look() == []
    began = watched.look(61 * MINUTE)
    assert began == [(GOOD, "trackflow: backlog"), (BROKEN, "trackflow: backlog")]
    assert [watched.look() for _ in range(5)] == [[]] * 5
    assert watched.look(DAY) == began
    assert watched.look(DAY / 2) == []
    watched.mend()
    assert watched.look() == []
    assert watched.look(5 * MINUTE) == []
    ended = watched.look(6 * MINUTE)
    assert ended == [(url, "trackflow: backlog ended") for url in (GOOD, BROKEN)]
    assert watched.look(2 * DAY) == []


def test_one_that_comes_and_goes_is_one_alert(watched: Watched) -> None:
    assert len(watched.look(61 * MINUTE)) == 2
    for _ in range(10):
        watched.set_batches(status="failed")
        watched.look(3 * MINUTE)
        watched.set_batches(status="pending")
        watched.look(3 * MINUTE)
    with watched.context.store.read() as connection:
        (row,) = connection.execute(sa.select(alerts).where(alerts.c.rule == "backlog")).all()
    assert row.ended_at is None
    assert row.started_at == NOON + 61 * MINUTE


def test_a_channel_that_fails_loses_nothing_and_holds_no_other_up(watched: Watched) -> None:
    watched.channels.broken = {BROKEN}
    assert watched.look(61 * MINUTE) == [(GOOD, "trackflow: backlog")]
    assert watched.look(2 * MINUTE) == []
    watched.mend()
    watched.look()
    assert watched.look(11 * MINUTE) == [(GOOD, "trackflow: backlog ended")]
    watched.channels.broken = set()
    # the failing channel rested meanwhile, an hour at most
    late = watched.look(61 * MINUTE)
    assert late == [(BROKEN, "trackflow: backlog ended")], "it hears that it was on, and is over"
    assert watched.look(DAY) == []


def test_a_watcher_that_dies_while_sending_is_made_good(watched: Watched) -> None:
    def dies(*_: Any) -> bool:
        raise KeyboardInterrupt

    watched.clock.time += 61 * MINUTE
    with pytest.raises(KeyboardInterrupt):
        watch(watched.context, dies)
    assert watched.look() == [(BROKEN, "trackflow: backlog")], "the other one is held"
    assert watched.look(2 * MINUTE) == [(GOOD, "trackflow: backlog")]


def test_two_watchers_send_one_message(watched: Watched) -> None:
    sent: list[str] = []

    def slow(number: int, url: str, *_: Any) -> bool:
        watch(watched.context, watched.channels.send)  # another one, meanwhile
        sent.append(url)
        return True

    watched.clock.time += 61 * MINUTE
    watch(watched.context, slow)
    assert sorted([*sent, *(url for url, _ in watched.channels.take())]) == [BROKEN, GOOD]


def test_silenced_rules_and_devices_are_listed_and_not_told(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock(NOON)
    with open_context(
        database_url,
        tmp_path,
        clock,
        notify_urls=(GOOD,),
        alerts_off=("backlog",),
        alert_disk_gb=0.000001,
    ) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 20)), now=NOON)
        channels = Channels()
        clock.advance(7200)
        watch(context, channels.send)
        assert channels.take() == []
        assert [
            (alert.rule, alert.silenced) for alert in alerts_now(context, write_probe(context))
        ] == [("backlog", True)]


def test_silent_devices_are_found_in_the_store_and_purged(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock(NOON)
    with open_context(
        database_url,
        tmp_path,
        clock,
        notify_urls=(GOOD,),
        alert_backlog_min=100_000,
        alert_disk_gb=0.000001,
    ) as context:
        for name, newest in (("a", 0), ("b", 6), ("c", 0)):
            for day in range(newest, 20):
                part = batch_of_device(name, drive(NOON - day * DAY, 3))
                deliver(context.store, part, now=NOON)
        channels = Channels()
        watch(context, channels.send)
        ((_, title, body),) = channels.got
        assert title == "trackflow: silent_device"
        assert "b: silent for 6 days" in body
        purge(context, "b")
        for table in (alerts, alert_channels):
            with context.store.read() as connection:
                assert not connection.execute(sa.select(table)).all()


def test_messages_arrive_and_the_store_does_not_hold_the_address(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock(NOON)
    with receiver() as (port, got):
        url = f"json://me:hunter2@127.0.0.1:{port}"
        with open_context(
            database_url, tmp_path, clock, notify_urls=(url,), alert_disk_gb=0.000001
        ) as context:
            deliver(context.store, batch_of_device("a", drive(NOON, 20)), now=NOON)
            clock.advance(7200)
            assert watch(context).messages == 1
            with context.store.read() as connection:
                (row,) = connection.execute(sa.select(alert_channels)).mappings()
            assert row["channel"] == channel_of(url)
            assert "hunter2" not in repr(dict(row))
    (message,) = got
    assert message["title"] == "trackflow: backlog"
    assert "1 device day waits" in message["message"]
