"""Explanations: the right rule, the right numbers, plain words."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.geo.points import Points
from trackflow.geo.time import midnight_us
from trackflow.tracks.decisions import decide
from trackflow.tracks.explain import Explanation, explain
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.helpers.histories import DEGREE_M, FIRST, US, History, histories
from trackflow_tests.helpers.paths import at_metres

START_US = midnight_us(FIRST) + 12 * 3600 * US


def explained(
    t_s: list[float], x_m: list[float], ask_s: float, accuracy_m: list[float] | None = None
) -> Explanation:
    time_us = START_US + (np.array(t_s) * US).astype(np.int64)
    points = Points.of(time_us, np.array(x_m) / DEGREE_M, np.zeros(len(x_m)), accuracy_m)
    return explain(points, START_US + int(ask_s * US), Thresholds())


def test_a_spike_is_explained_with_both_speeds() -> None:
    found = explained([0, 5, 10, 15, 20], [0, 100, 9100, 300, 400], 10)
    (finding,) = found.findings
    assert (found.kind, finding.rule, finding.threshold) == ("spike", "max_speed_kmh", 250)
    assert finding.measured == pytest.approx(8800 / 5 * 3.6, rel=1e-3)
    assert str(found) == (
        "Point of 2026-03-01T12:00:10Z: spike.\n"
        "It lies 9,000 m from the kept point 5 s before it (6,480 km/h) and 8,800 m from the one "
        "5 s after it (6,336 km/h); the limit is 250 km/h. Those two fit together: 200 m in 10 s."
    )


def test_a_track_is_explained_with_both_its_ends() -> None:
    t = [0, 60, 120, 180, 240, 10_000, 10_060, 10_065]
    x = [0, 800, 1600, 2400, 3200, 33_300, 34_100, 39_999]
    around = explained(t, x, 63).track
    assert around is not None
    assert (around.points, round(around.distance_m)) == (5, 3200)
    assert (around.began.rule, around.began.measured) == ("silence_s", None)
    assert (around.ended.rule, around.ended.measured, around.ended.threshold) == (
        "silence_s", 9760, 9000,
    )  # fmt: skip
    later = explained(t, x, 10_000)
    assert later.track is not None
    assert later.track.ended.rule == "max_speed_kmh"
    assert later.track.ended.measured == pytest.approx(5899 / 5 * 3.6, rel=1e-3)
    assert "the point after it is 5,899 m away after 5 s, which is 4,247 km/h" in str(later)
    assert "the limit is 250 km/h, beyond 50 m of noise, for a speed that no neigh" in str(later)
    assert "the point before it is 2.7 h away; the limit of a silence is 2.5 h" in str(later)


def test_a_stop_of_a_restless_phone_is_told_from_rounds() -> None:
    wander = np.random.default_rng(4).normal(0, 20, 90).tolist()
    found = explained([10 * k for k in range(90)], wander, 450)
    assert (found.kind, found.findings[-1].rule) == ("stop", "rhythm")
    assert found.findings[-1].threshold == 6
    assert f"is sure by {found.findings[-1].measured:.1f}; above 6.0" in str(found)


def test_the_nearest_point_is_explained() -> None:
    found = explained([0, 60, 120], [0, 800, 1600], 75)
    assert found.lines()[1] == "It is the nearest to 2026-03-01T12:01:15Z, 15 s away."
    assert explained([0, 60], [0, 800], 30).time_us == START_US, "of two as near, the earlier"


def test_a_stop_is_explained_with_its_time_and_what_shows_it() -> None:
    t = [*range(0, 120, 10), *range(120, 500, 20), *range(500, 620, 10)]
    x = [*range(-1800, 0, 150), *[0] * 19, *range(150, 1950, 150)]
    found = explained(t, x, 300)
    assert found.kind == "stop"
    rules = [f.rule for f in found.findings]
    assert rules == ["dwell_s", "dwell_radius_m", "agreed_speed"]
    (lasts, wide, pace) = found.findings
    assert lasts.measured == pytest.approx(375)
    assert (wide.measured, wide.threshold) == (0, 100)
    assert (pace.measured, pace.threshold) == (0, pytest.approx(1.44))
    assert "from 2026-03-01T12:02:00Z to 2026-03-01T12:08:00Z" in str(found)
    arriving, leaving = explained(t, x, 60).track, explained(t, x, 560).track
    assert arriving is not None
    assert leaving is not None
    assert (arriving.ended.rule, arriving.ended.measured) == ("dwell_s", pytest.approx(375))
    assert (leaving.began.rule, leaving.began.measured) == ("dwell_s", pytest.approx(375))


def test_a_pause_is_explained_on_both_sides() -> None:
    drive = [k * 150 for k in range(20)]
    t = [*range(0, 200, 10), *range(3790, 3990, 10)]
    x = [*drive, *(2850 + 400 + k for k in drive)]
    before, after = explained(t, x, 100).track, explained(t, x, 3900).track
    assert before is not None
    assert after is not None
    assert (before.ended.measured, before.ended.threshold) == (3600, 300)
    assert before.ended.text == (
        "a silence of 60 min with a way of 400 m leaves time for a stop of 5 min: the device slept "
        "while it was parked."
    )
    assert "and its 400 m are added to the track" in after.began.text


def test_a_rest_before_a_pause_is_explained_with_the_pause() -> None:
    drive = [k * 150 for k in range(20)]
    t = [*range(0, 300, 10), *range(3890, 4090, 10)]
    x = [*drive, *[2850] * 10, *(2850 + 400 + k for k in drive)]
    found, arriving = explained(t, x, 250), explained(t, x, 100).track
    assert found.kind == "stop"
    assert found.findings[0].measured == pytest.approx(3705)
    assert "and sleeps there in the silence of 60 min after it, together 61.8 min;" in str(found)
    assert arriving is not None
    assert arriving.ended == found.findings[0]


def test_a_way_out_of_a_silence_is_explained_with_its_length() -> None:
    drive = [k * 150 for k in range(20)]
    t = [*range(0, 200, 10), *range(2190, 2390, 10)]
    leaving = explained(t, [*drive, *(2850 + 90 + k for k in drive)], 2300).track
    assert leaving is not None
    assert (leaving.began.rule, leaving.began.threshold) == ("noise_m", 50)
    assert leaving.began.measured == pytest.approx(90, abs=1)
    assert "90 m are added to the track. It was silent" in leaving.began.text


def test_a_frozen_fix_is_explained_with_the_jump_after_it() -> None:
    t = list(range(0, 600, 10))
    x = [15 * s if not 200 <= s < 400 else 15 * 200 for s in t]
    found = explained(t, x, 300)
    assert found.kind == "spike"
    assert (found.findings[0].rule, found.findings[0].measured) == ("frozen", 100)
    assert "It repeats the position of 100 s before; the next one is 3,000 m away" in str(found)


def test_an_excursion_is_explained_with_its_distance() -> None:
    t = list(range(0, 7200, 60))
    found = explained(t, [170 if k == 60 else 0 for k in range(120)], 3600)
    assert found.kind == "excursion"
    assert found.findings[0].measured == pytest.approx(170, abs=0.1)
    assert found.findings[0].threshold == 100
    assert "reached and left without a fix in between (1 fix)" in str(found)


def test_a_vague_excursion_is_explained_with_what_it_claims() -> None:
    t, away = np.arange(0, 7200, 60), np.arange(120) == 60
    points = at_metres(t, away * 800, accuracy_m=np.where(away, 444, 20))
    found = explain(points, int(points.time_us[60]), Thresholds())
    assert found.kind == "excursion"
    assert (found.findings[1].rule, found.findings[1].threshold) == ("claim", 888)
    assert found.findings[1].measured == pytest.approx(800, abs=0.1)


def test_a_mixture_is_explained_as_one() -> None:
    t = list(range(0, 1200, 20))
    found = explained(t, [k * 160 + 300_000 * (k % 2) for k in range(60)], 600)
    assert found.kind == "mixed"
    assert "two senders under one id, or a clock that jumps" in str(found)


def test_a_lone_point_is_explained_with_the_cuts_on_both_sides() -> None:
    found = explained([0, 9700, 9720], [0, 0, 11_000], 9700)
    assert found.kind == "lone"
    assert [f.rule for f in found.findings] == ["lone", "silence_s", "max_speed_kmh"]


def test_inaccuracy_and_duplicates_are_explained() -> None:
    poor = explained([0, 5, 10], [0, 50, 100], 5, [5, 900, 5])
    assert (poor.kind, poor.findings[0].measured, poor.findings[0].threshold) == (
        "inaccurate", 900, 500,
    )  # fmt: skip
    twice = explained([0, 5, 5, 10], [0, 50, 90, 100], 5, [5, 9, 4.5, 5])
    assert twice.kind == "track"
    assert twice.findings[1].text == (
        "2 points have this time; the most accurate was taken (the best claims 4.5 m), "
        "1 dropped as duplicates."
    )


def test_without_points_there_is_nothing_to_tell() -> None:
    with pytest.raises(BadInputError, match="no points around 2026-03-01T12:00:00Z"):
        explain(Points.empty(), START_US, Thresholds())


@settings(max_examples=40, deadline=None)
@given(history=histories(), share=st.floats(0, 1))
def test_any_point_is_explained_as_it_was_decided(history: History, share: float) -> None:
    points = history.points
    time_us = int(points.time_us[int(share * (len(points) - 1))])
    found = explain(points, time_us, history.thresholds)
    decisions = decide(points, history.thresholds)
    kept = decisions.cleaned.points.time_us
    expected = {
        "track": kept[decisions.on_track],
        "stop": kept[decisions.stopped],
        "excursion": kept[decisions.away & ~decisions.on_track],
        "mixed": kept[decisions.is_mixed],
        "lone": kept[
            ~(decisions.on_track | decisions.stopped | decisions.away | decisions.is_mixed)
        ],
        "spike": decisions.cleaned.spike_us,
        "inaccurate": decisions.cleaned.inaccurate_us,
    }
    assert time_us in expected[found.kind]
    for finding in found.findings:
        if finding.unit in ("m", "km/h") and finding.measured is not None:
            decimals = 1 if finding.rule == "agreed_speed" else 0
            for value in (finding.measured, finding.threshold):
                assert f"{value:,.{decimals}f} {finding.unit}" in finding.text
    assert (found.track is None) == (found.kind != "track")
    for part in (found.as_dict(), {"lines": found.lines()}):
        assert "nan" not in json.dumps(part, allow_nan=False)
    if found.kind == "stop":
        for finding in found.findings:
            assert finding.rule != "rhythm" or finding.measured <= finding.threshold
        measured, limit = found.findings[0].measured, found.findings[0].threshold
        assert measured is not None
        assert limit is not None
        assert measured >= limit
