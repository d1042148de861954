"""Categories and decisions when devices are renamed, moved in time, kept for a time or deleted."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo.time import ONE_DAY
from trackflow.store.devices.departing import drop_unused
from trackflow.store.devices.settings import lock_devices
from trackflow.store.devices.shifting import DayRange
from trackflow.store.housekeeping.retention import drop_days
from trackflow.store.tables import metadata
from trackflow.usecases.categories.categorising import (
    days_due,
    update_between,
    update_categories,
)
from trackflow.usecases.categories.deciding import (
    DecisionRequest,
    decide,
    list_decisions,
    undo_decision,
)
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.categories.reading import read_categories
from trackflow.usecases.categories.rule_versions import apply_rules, read_version, save_rules
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.devices.renaming import merge, rename
from trackflow.usecases.devices.shifting import shift_weeks
from trackflow_tests.helpers.made_once import MadeOnce
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
)
from trackflow_tests.usecases.categories.test_categorising import rules_of

DAYS = 6


@pytest.fixture
def context(tmp_path: Path, made_once: MadeOnce) -> Iterator[Context]:
    """A drive on each of some days, the second of them decided by a person."""

    def make() -> None:
        for day in range(DAYS):
            deliver(opened.store, batch_of_device("van", drive(NOON + day * ONE_DAY, 60)))
        run(opened)
        update(opened)
        second = NOON + ONE_DAY
        decide(opened, DecisionRequest("van", second, second + ONE_DAY / 4, "mine"), "anna")
        update(opened)

    with open_context("", tmp_path) as opened:
        made_once.bring(opened.store, make)
        yield opened


def update(context: Context) -> None:
    for device_id, days in days_due(context).items():
        update_categories(context, device_id, days)


def found(context: Context) -> list[tuple[str, dt.datetime, str | None]]:
    rows = read_categories(context, None, None, None)
    return [(row["device_id"], row["start_time"], row["category"]) for row in rows]


def expected(device: str, start: dt.datetime, days: range) -> list[Any]:
    return [(device, start + day * ONE_DAY, "mine" if day == 1 else None) for day in days]


def test_decisions_follow_a_device_to_its_new_name(context: Context) -> None:
    assert found(context) == expected("van", NOON, range(DAYS))
    rules = rules_of("race: any = [{ device = ['VAN', 'x'] }, { not = { device = 'van' } }]")
    apply_rules(context, save_rules(context, rules, "anna").version, NOON, None, "anna")
    rename(context, "van", "bus")
    assert found(context) == []
    run(context)
    update(context)
    mine = [(d, t, c or "race") for d, t, c in expected("bus", NOON, range(DAYS))]
    assert found(context) == mine
    renamed = rules_of("race: any = [{ device = ['bus', 'x'] }, { not = { device = 'bus' } }]")
    assert read_version(context).rules.rules == renamed.rules, "rules follow it, too"


def test_rules_about_a_device_are_about_the_past_of_the_one_it_joins(context: Context) -> None:
    deliver(context.store, batch_of_device("bus", drive(NOON + 3.5 * ONE_DAY, 60)))
    run(context)
    follow_tracks(context)
    undo_decision(context, list_decisions(context)[0].decision_id)
    save_rules(context, rules_of("own: device = 'van'"), "anna")
    apply_rules(context, 1, None, None, "anna")
    merge(context, "van", "bus")
    run(context)
    follow_tracks(context)
    assert [category for _, _, category in found(context)] == ["own"] * (DAYS + 1)
    before = found(context)
    update_between(context, None, None, None)
    assert found(context) == before


def test_what_people_said_keeps_a_device_without_points(context: Context) -> None:
    """Else it could not be undone any more."""
    with context.store.write() as connection:
        connection.execute(sa.delete(metadata.tables["gps_points"]))
        assert drop_unused(connection, ["van"], context.clock()) == []
    undo_decision(context, list_decisions(context)[0].decision_id)


def test_decisions_move_in_time_with_their_points(context: Context) -> None:
    days = DayRange(NOON.date(), (NOON + 9 * ONE_DAY).date())
    shift_weeks(context, "van", -2, days)
    run(context)
    update(context)
    assert found(context) == expected("van", NOON - 14 * ONE_DAY, range(DAYS))
    assert list_decisions(context)[0].start_time == NOON - 13 * ONE_DAY
    shift_weeks(context, "van", 2, DayRange())
    run(context)
    update(context)
    assert found(context) == expected("van", NOON, range(DAYS))


@pytest.mark.parametrize("keep_tracks", [True, False])
def test_retention_takes_categories_with_their_tracks(context: Context, keep_tracks: bool) -> None:
    edge = (NOON + 4 * ONE_DAY).date()
    with context.store.write() as connection:
        lock_devices(connection, ["van"])
        drop_days(connection, "van", edge, context.clock(), keep_tracks=keep_tracks)
    kept = range(DAYS) if keep_tracks else range(2, DAYS)
    assert found(context) == expected("van", NOON, kept)
    assert len(list_decisions(context)) == int(keep_tracks)
    assert not days_due(context)
    saved = save_rules(context, rules_of("race: "), "anna")
    use = apply_rules(context, saved.version, None, NOON + 90 * ONE_DAY, "anna")
    update_between(context, None, use.from_time, use.until_time)
    categories = {category for _, _, category in found(context)}
    assert categories == {"race", "mine"} if keep_tracks else {"race"}, "also frozen tracks"


def test_a_purge_leaves_nothing(context: Context) -> None:
    save_rules(context, rules_of("race: device = ['van', 'van-*']"), "anna")
    purge(context, "van")
    assert read_version(context).rules.rules == rules_of("race: device = ['purged', 'van-*']").rules
    names = ("categories", "category_days", "category_decisions")
    assert not any(contents(context.store, *names).values())
