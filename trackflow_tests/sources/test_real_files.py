"""The real files that the team shares; skipped where they are absent."""

import os
from collections import Counter
from pathlib import Path

import pytest

from trackflow_tests.helpers.reading import Outcome, read_path

DATA = Path(os.environ.get("TRACKFLOW_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no shared test data")

ACCEPTED = {
    "gpx_edge_cases/around-visnjan-with-car.gpx": (104, {}),
    "gpx_edge_cases/korita-zbevnica.gpx": (513, {"no_time": 358}),
    "gpx_edge_cases/Mojstrovka.gpx": (0, {"time_out_of_range": 184}),
    "gpx_edge_cases/track-with-extremes.gpx": (0, {"no_time": 25}),
    "gpx_edge_cases/track-with-empty-segment.gpx": (9, {}),
    "gpx_edge_cases/gpx-with-node-with-comments.gpx": (1, {}),
    "gpx_edge_cases/unicode_with_bom.gpx": (0, {}),
    "graphhopper_pairs/issue-13.gpx": (29, {}),
    "graphhopper_pairs/andorra_for_map_matching.gpx": (0, {"no_time": 21}),
    "liverpool_bus/route14_outbound.csv": (1533, {}),
    "itinero_belgium/fiets_gent_2018-12-19.tsv": (3179, {}),
    "itinero_belgium/bicycle-test8-track.geojson": (0, {"no_time": 1993}),
    "barefoot_munich/x0001-001.json": (1194, {}),
}


@pytest.fixture(scope="module")
def every() -> dict[str, Outcome]:
    """What comes of each file, all of them read at once."""
    return read_path(DATA)


@pytest.mark.parametrize("name", ACCEPTED)
def test_counts(name, every):
    found = every[name]
    counts = Counter()
    for refusal in found.refused:
        counts[refusal.reason.value] += refusal.count
    assert (len(found.points), counts) == ACCEPTED[name]
    assert found.error == ""


def test_buses_are_devices_and_bearings_are_courses(every):
    found = every["liverpool_bus/route14_outbound.csv"]
    assert len(found.points.devices) == 8
    assert found.rows[0] == (
        "4716", 1_769_443_022_000_000, -2.925173, 53.44451, None, None, None, None,
    )  # fmt: skip
    assert found.rows[1][7] == 53.0


def test_markers_with_times_read_and_relative_times_do_not(every):
    found = {name: o for name, o in every.items() if name.startswith("kubicka/dev/")}
    relative = [o for name, o in found.items() if name.endswith(".track.csv.gz")]
    assert relative
    assert all("no column of time" in o.error and "t_offset_s" in o.error for o in relative)
    markers = [o for name, o in found.items() if "markers" in name]
    assert all(len(o.points) > 100 and not o.refused and not o.error for o in markers)


def test_every_shared_file_gives_an_answer(every):
    for outcome in every.values():
        assert "\n" not in outcome.error
