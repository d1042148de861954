"""The rules of alerts, as pure functions: what they find, and when an alert ends."""

import datetime as dt
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from trackflow.usecases.housekeeping.alerts.rules import (
    ADVICE,
    GB,
    RULES,
    SLACK,
    AlertLimits,
    DeviceReporting,
    DiskSpace,
    ServiceSnapshot,
    fills_in,
    find_alerts,
)

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
WELL = ServiceSnapshot(NOW)
LIMITS = AlertLimits()


def daily(device_id: str, silent_for: dt.timedelta) -> DeviceReporting:
    return DeviceReporting(device_id, 50, DAY, NOW - silent_for)


def found(seen: ServiceSnapshot, limits: AlertLimits = LIMITS) -> set[tuple[str, str]]:
    return set(find_alerts(seen, limits))


def test_a_service_that_is_well_has_no_alerts() -> None:
    seen = replace(
        WELL,
        waiting=5,
        waiting_since=NOW - dt.timedelta(minutes=59),
        refused_hour=99,
        worker_died_at=NOW - HOUR,
        synced_at={"liverc": NOW - DAY},
        devices=[daily("a", HOUR), daily("b", 2 * DAY)],
        disks=[DiskSpace("home", 100 * GB, 11 * GB)],
    )
    assert found(seen) == set()


def test_every_rule_finds_its_trouble_and_has_advice() -> None:
    seen = ServiceSnapshot(
        NOW,
        waiting=7,
        waiting_since=NOW - 2 * HOUR,
        failed_batches=1,
        failed_jobs={"rebuild": 2},
        refused_hour=100,
        refused_week=200,
        worker_died_at=NOW - HOUR,
        live_work_since=NOW - HOUR,
        synced_at={"liverc": NOW - 4 * DAY},
        devices=[daily("a", 26 * HOUR), daily("b", 5 * DAY), daily("c", 27 * HOUR)],
        disks=[DiskSpace("home", 100 * GB, 9 * GB)],
    )
    assert {rule for rule, _ in found(seen)} == set(RULES) == set(ADVICE)
    assert ("silent_device", "b") in found(seen)
    assert len([key for key in found(seen) if key[0] == "silent_device"]) == 1


@given(limit_h=st.floats(0.5, 100), share=st.floats(0.01, 2).filter(lambda s: abs(s - 1) > 1e-6))
def test_backlog_alerts_exactly_beyond_its_limit_and_ends_with_slack(
    limit_h: float, share: float
) -> None:
    limits = AlertLimits(backlog=limit_h * HOUR)
    seen = replace(WELL, waiting=1, waiting_since=NOW - share * limit_h * HOUR)
    is_on = ("backlog", "") in find_alerts(seen, limits)
    assert is_on == (share > 1)
    stays_on = ("backlog", "") in find_alerts(seen, limits, {("backlog", "")})
    assert stays_on == (share > 1 / SLACK)


@given(
    interval_h=st.floats(24, 240),
    days=st.integers(0, 60),
    silent_h=st.floats(0, 2000),
    limit_h=st.none() | st.floats(0.5, 500),
)
def test_a_device_is_silent_by_its_own_interval_or_by_the_limit(
    interval_h: float, days: int, silent_h: float, limit_h: float | None
) -> None:
    limits = AlertLimits(silent=None if limit_h is None else limit_h * HOUR)
    one = DeviceReporting("a", days, interval_h * HOUR, NOW - silent_h * HOUR)
    patience = interval_h * 3 if limit_h is None else limit_h
    is_silent = ("silent_device", "a") in found(replace(WELL, devices=[one]), limits)
    if abs(silent_h - patience) > 1e-6:
        assert is_silent == (days >= 5 and silent_h > patience)


def test_a_fleet_that_is_silent_as_a_whole_is_one_alert() -> None:
    devices = [daily(f"van-{k}", 5 * DAY) for k in range(100)]
    assert found(replace(WELL, devices=devices)) == {("stale", "")}
    devices[3] = daily("van-3", HOUR)
    silent = found(replace(WELL, devices=devices))
    assert ("stale", "") not in silent
    assert len(silent) == 99


def test_a_weekend_is_no_news_where_nobody_reports_at_weekends() -> None:
    one = DeviceReporting("a", 40, dt.timedelta(days=1.4), NOW - 66 * HOUR)
    assert found(replace(WELL, devices=[one, replace(one, device_id="b")])) == set()


def test_a_live_worker_that_died_matters_while_points_wait() -> None:
    seen = replace(WELL, worker_died_at=NOW - HOUR, live_work_since=None)
    assert found(seen) == set()
    assert found(replace(seen, live_work_since=NOW - dt.timedelta(minutes=2))) == set()
    assert found(replace(seen, live_work_since=NOW - 2 * HOUR)) == {("live_worker", "")}


def test_refused_input_alerts_when_it_is_far_more_than_usual() -> None:
    busy = 50 * 167
    assert found(replace(WELL, refused_hour=400, refused_week=busy + 400)) == set()
    assert found(replace(WELL, refused_hour=600, refused_week=busy + 600)) == {("quarantine", "")}


@given(rate=st.floats(0.01, 100), free_gb=st.floats(1, 1000), noise=st.floats(0, 0.001))
def test_a_disk_is_full_when_its_trend_says(rate: float, free_gb: float, noise: float) -> None:
    samples = [
        (
            NOW - k * dt.timedelta(minutes=10),
            round((free_gb + rate * k / 6 * (1 + noise * (-1) ** k)) * GB),
        )
        for k in range(13)
    ][::-1]
    space = DiskSpace("home", 5_000 * GB, round(free_gb * GB), samples)
    left = fills_in(space)
    assert left is not None
    assert abs(left / HOUR - free_gb / rate) <= 0.02 * free_gb / rate
    growing = [(at, 2 * samples[0][1] - free) for at, free in samples]
    assert fills_in(replace(space, samples=growing)) is None
    assert fills_in(replace(space, samples=samples[-3:])) is None


def test_disks_alert_by_share_by_size_and_by_trend() -> None:
    space = DiskSpace("home", 1000 * GB, 50 * GB)
    seen = replace(WELL, disks=[space])
    assert found(seen) == {("disk", "")}
    assert found(seen, AlertLimits(disk_bytes=20 * GB)) == set()
    assert found(seen, AlertLimits(disk_bytes=60 * GB)) == {("disk", "")}
    filling = [(NOW - k * HOUR / 6, 50 * GB + k * GB) for k in range(13)][::-1]
    seen = replace(WELL, disks=[replace(space, samples=filling)])
    text = find_alerts(seen, AlertLimits(disk_bytes=20 * GB))["disk", ""]
    assert "full in 8 hours" in text
