"""What other thresholds would do is what they do once they are set."""

import datetime as dt
from pathlib import Path

import pytest

from trackflow.context import Context
from trackflow.errors import BadInputError, SettingsError
from trackflow.geo.time import to_us
from trackflow.tracks.what_if import TrackSpan
from trackflow.usecases.days import what_if as what_if_module
from trackflow.usecases.days.run import run
from trackflow.usecases.days.what_if import what_if
from trackflow.usecases.devices.settings import change_settings
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
)

DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("change", "preset"),
    [
        ({"gap_s": 120, "silence_s": 120}, None),
        ({"gap_s": 3600, "silence_s": 7200}, None),
        ({"min_track_m": 10_000}, None),
        ({}, "asset"),
        ({"min_track_m": None, "gap_s": 240}, ""),
    ],
)
def test_the_answer_is_what_a_run_makes(
    tmp_path: Path, change: dict[str, float | None], preset: str | None
) -> None:
    """Drives with silences of all lengths; some cross midnight, also those of the range's ends."""
    with open_context("", tmp_path) as context:
        start = NOON - DAY
        lon = 24.0
        for number in range(60):
            count = 12 + number % 30
            deliver(context.store, batch_of_device("van", drive(start, count, lon=lon)))
            pause = (3, 1, 15, 45, 70, 130, 260)[number % 7] * MINUTE
            start += dt.timedelta(seconds=10 * count) + pause
            lon += count * 2e-4 + pause.total_seconds() * 1e-5
        deliver(context.store, batch_of_device("van", drive(NOON + 0.45 * DAY, 900, lat=61)))
        if preset == "":  # there is something to take back
            change_settings(context, "van", overrides={"min_track_m": 900}, preset="asset")
        run(context)
        before = stored(context)
        first, last = NOON.date(), (NOON + DAY).date()
        report = what_if(context, "van", first, last, change, preset)
        assert stored(context) == before, "nothing is written"
        change_settings(context, "van", overrides=dict(change), preset=preset)
        run(context)
        after = stored(context)
        for side, every in (("before", before), ("after", after)):
            changed = [span for group in report.changes for span in getattr(group, side)]
            assert {ends(span) for span in changed} <= every
        assert report.changes
        old = {ends(span) for group in report.changes for span in group.before}
        new = {ends(span) for group in report.changes for span in group.after}
        inside = {
            one
            for one in before ^ after
            if one[1] >= to_us(NOON.replace(hour=0))
            and one[0] < to_us(NOON.replace(hour=0)) + 2 * 86_400_000_000
        }
        assert inside <= old | new, "no difference is left out"
        unchanged = report.counts["same"]
        assert report.tracks_before == unchanged + sum(len(g.before) for g in report.changes)
        assert report.tracks_after == unchanged + sum(len(g.after) for g in report.changes)
        assert report.distance_m_before > 0


def test_questions_that_make_no_sense(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        deliver(context.store, batch_of_device("van", drive(NOON, 30)))
        day = NOON.date()
        for device, first, last, change, preset in (
            ("nobody", day, day, {"gap_s": 60}, None),
            ("van", day + DAY, day, {"gap_s": 60}, None),
            ("van", day - 400 * DAY, day, {"gap_s": 60}, None),
            ("van", dt.date.max, dt.date.max, {"gap_s": 60}, None),
            ("van", day, day, {}, None),
            ("van", day, day, {"gap": 60}, None),
            ("van", day, day, {"silence_s": 43_200, "dwell_s": 21_600}, None),
            ("van", day, day, {}, "tank"),
        ):
            with pytest.raises((SettingsError, BadInputError)):
                what_if(context, device, first, last, change, preset)


def test_days_of_too_many_points_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their tracks would all be in the memory of the service."""
    monkeypatch.setattr(what_if_module, "MOST_POINTS", 29)
    with open_context("", tmp_path) as context:
        deliver(context.store, batch_of_device("van", drive(NOON, 30)))
        with pytest.raises(SettingsError, match="30 points"):
            what_if(context, "van", NOON.date(), NOON.date(), {"gap_s": 60})


def ends(span: TrackSpan) -> tuple[int, int]:
    return span.start_us, span.end_us


def stored(context: Context) -> set[tuple[int, int]]:
    rows = contents(context.store, "tracks")["tracks"]
    return {(to_us(row["start_time"]), to_us(row["end_time"])) for row in rows}
