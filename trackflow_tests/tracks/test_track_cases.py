"""Inputs whose meaning came out wrong once, with what is right, and others of their kind."""

import io

import numpy as np
import pytest

from trackflow.tracks.merging import merge
from trackflow.tracks.segments import segment_days
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.benchmarks.track_cases import RIGHT, cases, cases_folder
from trackflow_tests.helpers.histories import FIRST
from trackflow_tests.helpers.paths import at_metres


def test_all_cases_come_out_right() -> None:
    if not cases_folder().is_dir():
        pytest.skip("no cases beside the test data")
    out = io.StringIO()
    assert cases(out) == dict.fromkeys(RIGHT, "right"), out.getvalue()


@pytest.mark.parametrize("every_s", [300, 600, 900])
def test_a_track_of_rare_reports_shows_its_way_as_unobserved(every_s: float) -> None:
    points = at_metres(np.arange(10) * every_s, np.arange(10) * every_s * 6.0)
    (day,) = segment_days(points, FIRST, FIRST, Thresholds())
    (track,) = merge(day.segments)
    assert track.unobserved_mm == track.distance_mm
    often = at_metres(np.arange(100) * 60.0, np.arange(100) * 360.0)
    (day,) = segment_days(often, FIRST, FIRST, Thresholds())
    assert merge(day.segments)[0].unobserved_mm == 0
