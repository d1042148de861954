"""Notices: what they tell of, what they leave alone, and that their numbers are the ledgers'."""

import datetime as dt
import shlex

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trackflow.geo.points import Points
from trackflow.geo.time import midnight_us
from trackflow.tracks.decisions import EndReason
from trackflow.tracks.notices import (
    FEWEST_POINTS,
    LOST,
    ODD,
    NoticeKind,
    ledger_notices,
    lone_reasons,
    odd_classes,
    quarantine_notice,
)
from trackflow.tracks.rollovers import ROLLOVER, rollover_notice
from trackflow.tracks.segments import Ledger, segment_days
from trackflow.tracks.thresholds import Thresholds

DAY = dt.date(2026, 3, 2)
START_US = midnight_us(DAY) + 12 * 3_600_000_000
CLASSES = [name for name in Ledger().as_dict() if name != "points"]
counts = st.one_of(st.integers(0, 3), st.integers(0, 50))


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    found = {name: draw(counts) for name in CLASSES}
    return Ledger(points=sum(found.values()), **found)


days = st.dictionaries(st.dates(dt.date(2026, 1, 1), dt.date(2026, 2, 1)), ledgers(), max_size=6)


@given(days)
def test_notices_count_what_the_ledgers_hold(found: dict[dt.date, Ledger]) -> None:
    for notice in ledger_notices("d", found, Thresholds()):
        assert notice.first_day is not None
        assert notice.last_day is not None
        noticed = {
            day: one
            for day, one in found.items()
            if notice.kind in odd_classes(one) and notice.first_day <= day <= notice.last_day
        }
        assert notice.days == len(noticed)
        assert notice.points == sum(one.as_dict()[notice.kind] for one in noticed.values())
        assert notice.of_points == sum(one.points for one in noticed.values())
        assert notice.text.startswith(f"{notice.points:,} of {notice.of_points:,} points ")
        assert "{" not in notice.text + notice.advice


IDS = st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text)


@example("--", NoticeKind.MIXED)
@given(
    IDS | IDS.map("-{}".format),
    st.sampled_from(ODD + LOST),
)
def test_its_commands_name_the_device_as_a_shell_takes_it(device: str, kind: NoticeKind) -> None:
    lost = Ledger(points=99, **{kind: 99})
    causes = [None, *({reason: 9} for reason in EndReason)]
    for because in causes if kind is NoticeKind.LONE else [None]:
        for notice in ledger_notices(device, {DAY: lost}, Thresholds(), because):
            if "trackflow explain" in notice.advice or "trackflow device" in notice.advice:
                words = shlex.split(notice.advice.split("`", 1)[1].rsplit("`", 1)[0])
                at = len(words) - 1 - words[::-1].index(device)  # a device may be called --
                assert not device.startswith("-") or words[at - 1] == "--"
                assert all(not word.startswith("-") for word in words[at + 1 :])


@given(days)
def test_much_that_is_lost_is_always_reported(found: dict[dt.date, Ledger]) -> None:
    """However it is spread over days: a quarter of all is a quarter of some day."""
    lost = sum(sum(one.as_dict()[k] for k in LOST) for one in found.values())
    points = sum(one.points for one in found.values())
    noticed = ledger_notices("d", found, Thresholds())
    if lost >= 5 * FEWEST_POINTS + points / 4:
        assert any(notice.kind in LOST for notice in noticed)
    for kind in ODD:
        odd = sum(one.as_dict()[kind] for one in found.values())
        if odd >= FEWEST_POINTS + points / 4:
            assert kind in [notice.kind for notice in noticed]


@given(days)
def test_ordinary_days_change_nothing(found: dict[dt.date, Ledger]) -> None:
    odd = {day: one for day, one in found.items() if odd_classes(one)}
    assert ledger_notices("d", found, Thresholds()) == ledger_notices("d", odd, Thresholds())


@pytest.mark.parametrize(
    "ledger",
    [
        Ledger(points=1000, track=800, stop=100, spike=60, duplicate=40),
        Ledger(points=9, lone=9),
        Ledger(points=100, stop=80, excursion=20),
        Ledger(points=0),
    ],
    ids=["a few spikes", "nine points", "a few excursions", "nothing"],
)
def test_what_is_ordinary_is_not_reported(ledger: Ledger) -> None:
    assert ledger_notices("d", {DAY: ledger}, Thresholds()) == []


def points(minutes: list[float], lon: list[float]) -> Points:
    time_us = [START_US + int(m * 60e6) for m in minutes]
    return Points.of(time_us, lon, np.full(len(minutes), 60.17))


def of(found: Points, thresholds: Thresholds = Thresholds()) -> str:  # noqa: B008  frozen
    """All notices of a day's points, as they are shown."""
    (day,) = segment_days(found, DAY, DAY, thresholds)
    because = lone_reasons(found, midnight_us(DAY), midnight_us(DAY) + 86_400_000_000, thresholds)
    notices = ledger_notices("d", {DAY: day.ledger}, thresholds, because)
    return "\n".join(f"{notice} {notice.advice}" for notice in notices)


def test_points_all_over_the_earth_are_too_fast() -> None:
    random = np.random.default_rng(3)
    wild = points([k * 0.5 for k in range(26)], list(random.uniform(-170, 170, 26)))
    text = of(wild)
    assert "of 26 points" in text
    assert "too fast" in text or "two senders" in text or "spikes" in text


def test_rare_reports_are_too_far_apart_and_a_preset_helps() -> None:
    short = Thresholds(silence_s=0, gap_s=600)
    rare = points([k * 30.0 for k in range(20)], [24.9 + 0.05 * k for k in range(20)])
    text = of(rare, short)
    assert "20 of 20 points belong to no track (too far apart in time" in text
    assert "--preset asset" in text
    assert of(rare) == ""


@pytest.mark.parametrize("every_s", [5, 30, 60])
@pytest.mark.parametrize("apart_km", [15, 300])
def test_two_senders_under_one_id_are_named(every_s: int, apart_km: int) -> None:
    minutes = [k * every_s / 60 for k in range(64)]
    lon = [24.9 + k * every_s * 2e-4 / 10 + (k % 2) * apart_km / 55.5 for k in range(64)]
    assert "two senders under one id, or a clock that jumps?" in of(points(minutes, lon))


@pytest.mark.parametrize("late_min", [0.25, 0.1])
def test_a_clock_that_jumps_an_hour_ahead_and_back_is_named(late_min: float) -> None:
    """A drive whose clock is an hour ahead for ten minutes, while the hour after is driven too."""
    true_min = np.arange(0, 150, 0.5)
    lon = 24.0 + true_min * 0.018  # 1 km a minute
    ahead = (true_min >= 30) & (true_min < 45)
    found = points(list(true_min + np.where(ahead, 60.0, 0.0) + ahead * late_min), list(lon))
    assert "a clock that jumps?" in of(found[np.argsort(found.time_us)])


def test_vague_fixes_name_the_limit() -> None:
    found = points([k / 6 for k in range(60)], [24.9 + k * 2e-4 for k in range(60)])
    vague = Points.of(found.time_us, found.lon, found.lat, np.where(np.arange(60) % 2, 20.0, 900.0))
    text = of(vague)
    assert "30 of 60 points claim too low an accuracy (500 m is the limit)" in text
    assert "--set max_accuracy_m=" in text


def test_short_tracks_name_the_limit() -> None:
    ledger = Ledger(points=40, track=0, short=40)
    (notice,) = ledger_notices("d", {DAY: ledger}, Thresholds(min_track_m=500))
    assert "under 500 m" in notice.text


def test_lone_points_of_unknown_cause_are_reported_without_one() -> None:
    (notice,) = ledger_notices("d", {DAY: Ledger(points=20, lone=20)}, Thresholds())
    assert notice.text == "20 of 20 points belong to no track: each is alone"


def test_several_causes_on_one_day_are_one_notice() -> None:
    ledger = Ledger(points=100, track=70, spike=14, lone=10, short=6)
    (notice,) = ledger_notices("d", {DAY: ledger}, Thresholds())
    assert notice.kind is NoticeKind.SPIKE
    assert "16 more are in neither a track nor a stop" in notice.text


# --- 1,024 weeks ----------------------------------------------------------------------------------

later = DAY + dt.timedelta(days=3)


@pytest.mark.parametrize(
    ("found", "received", "concerned"),
    [
        ({DAY - ROLLOVER: 40, DAY: 60}, None, 40),
        ({DAY - ROLLOVER: 40, later - ROLLOVER: 2, DAY: 60, later: 9}, None, 42),
        ({DAY - ROLLOVER: 40}, DAY + dt.timedelta(days=2), 40),
        ({DAY - ROLLOVER: 40}, None, None),
        ({DAY - ROLLOVER: 40}, DAY + dt.timedelta(days=20), None),
        ({DAY: 40}, DAY, None),
        ({DAY - ROLLOVER: 40, DAY - dt.timedelta(days=40): 60}, None, None),
        ({DAY - ROLLOVER - dt.timedelta(days=8): 40, DAY: 60}, None, None),
        ({DAY - ROLLOVER: 9, DAY: 60}, None, None),
        ({}, None, None),
    ],
)
def test_times_1024_weeks_early_are_named(
    found: dict[dt.date, int], received: dt.date | None, concerned: int | None
) -> None:
    notice = rollover_notice("my van's", found, received)
    assert (notice and notice.points) == concerned
    if notice:
        assert "my van's" in shlex.split(notice.advice.split("`")[1])
        assert "times jump by 1,024 weeks" in notice.text
        assert f"--from {notice.first_day} --to {notice.last_day}" in notice.advice
        assert notice.of_points == sum(found.values())


@given(
    st.sets(st.integers(0, 60), min_size=1),
    st.sets(st.integers(0, 60), min_size=1),
)
def test_of_a_rollover_in_use_just_its_days_are_named(early: set[int], right: set[int]) -> None:
    """A device that lost its week for some days, between and beside days that are right."""
    found = {DAY + dt.timedelta(days=k): 30 for k in right}
    lost = {DAY + dt.timedelta(days=k) - ROLLOVER: 30 for k in early}
    notice = rollover_notice("d", found | lost)
    near = min(early) <= max(right) + 7 and max(early) >= min(right) - 7
    assert (notice is not None) == near
    if notice:
        assert (notice.first_day, notice.last_day) == (min(lost), max(lost))
        assert notice.days == len(lost)


def test_a_diary_of_many_years_is_no_rollover() -> None:
    found = {DAY - dt.timedelta(days=k): 500 for k in range(0, 7_500, 20)}
    assert rollover_notice("d", found, DAY) is None


# --- refused input --------------------------------------------------------------------------------


@given(st.dictionaries(st.sampled_from(["no_time", "bad_time", "x"]), counts), st.integers(0, 500))
def test_much_refused_input_is_reported(reasons: dict[str, int], points_in: int) -> None:
    notice = quarantine_notice("d", reasons, points_in)
    refused = sum(reasons.values())
    assert (notice is not None) == (refused >= 10 and 3 * refused >= points_in)
    if notice:
        assert (notice.points, notice.of_points) == (refused, refused + points_in)
        assert all(reason in notice.text for reason in reasons)


def test_reasons_of_lone_points_add_up_to_the_ledger() -> None:
    random = np.random.default_rng(1)
    minutes = np.sort(random.uniform(0, 600, 60)).tolist()
    found = points(minutes, list(24.9 + random.uniform(0, 60, 60)))
    (day,) = segment_days(found, DAY, DAY, Thresholds())
    because = lone_reasons(found, midnight_us(DAY), midnight_us(DAY) + 86_400_000_000, Thresholds())
    assert sum(because.values()) == day.ledger.lone
    assert set(because) <= {EndReason.SPEED, EndReason.GAP, EndReason.MIXED}
