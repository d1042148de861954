"""Another road network, for real: closed months stay, and the book as amended follows the map."""

import datetime as dt
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.demo.extract import helsinki_extract
from trackflow.exports.mileage.csv import entries_csv
from trackflow.geo.bbox import Bbox
from trackflow.geo.time import to_us
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.network_building import build_network
from trackflow.matching.networks import RoadNetwork
from trackflow.usecases.categories.categorising import update_between
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.categories.rule_versions import apply_rules, save_rules
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.mileage import fleet
from trackflow.usecases.mileage.books import BookTrip, list_entries, verify_books
from trackflow.usecases.mileage.closing import close_due
from trackflow.usecases.mileage.reconciling import compare_month
from trackflow.usecases.mileage.reports import month_reports
from trackflow_tests.helpers.drives import a_tour, driven
from trackflow_tests.helpers.extracts import cut_out
from trackflow_tests.helpers.roads import use
from trackflow_tests.helpers.stores import (
    Clock,
    batch_of_device,
    deliver,
    open_context,
    part_of,
)
from trackflow_tests.usecases.categories.test_categorising import rules_of

CLOSED = dt.datetime(2026, 2, 28, 21, 50, tzinfo=dt.UTC)
"""In Helsinki ten minutes to March: a drive over the end of the month."""

OPEN = dt.datetime(2026, 3, 29, 0, 50, tzinfo=dt.UTC)
"""In Helsinki ten minutes before clocks go forward."""

NOW = dt.datetime(2026, 4, 2, 12, tzinfo=dt.UTC)
MONTHS = ("2026-02", "2026-03")
LONG_AGO, LATER = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 5, 1, tzinfo=dt.UTC)

PARTS = {"half": slice(0, None, 2), "begin": slice(0, 60), "all": slice(None)}
STEPS = st.one_of(
    st.tuples(st.just("network"), st.sampled_from(["all", "west"])),
    st.tuples(st.just("points"), st.sampled_from(sorted(PARTS))),
    st.tuples(st.just("rule"), st.sampled_from(["business", "private"])),
)


class Town:
    """Central Helsinki, its western half alone, and drives through all of it."""

    def __init__(self, whole: RoadNetwork, folder: Path) -> None:
        west, south, _, north = whole.bbox
        half = cut_out(
            helsinki_extract(), Bbox(west, south, 24.9445, north), folder / "west.osm.pbf"
        )
        built = build_network(half, "car", folder / "networks")
        # of one name, so that one replaces the other
        self.networks = {"all": whole, "west": replace(built, source_name=whole.source_name)}
        engine = EmbeddedEngine(whole.dataset, whole.profile, whole.version)
        lon, lat = a_tour(engine)
        engine.close()
        self.drives = [
            driven(lon[: len(lon) // 2], lat[: len(lat) // 2], every_s=15, start_us=to_us(start))
            for start in (CLOSED, OPEN)
        ]


@pytest.fixture(scope="module")
def town(helsinki_network: RoadNetwork, tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(helsinki_network, tmp_path_factory.mktemp("halves"))


class Story:
    """What has happened to the book of a van, and to a second one that is made in one pass."""

    def __init__(self, context: Context, town: Town) -> None:
        self.context, self.town = context, town
        self.parts: list[str] = []
        self.state = {"network": "west", "rule": "business"}
        fleet.save_vehicle(context, "V", time_zone="Europe/Helsinki")

    def tell(self, what: str, value: str) -> None:
        if what == "points":
            self.parts.append(value)
            for drive in self.town.drives:
                whole = batch_of_device("van", drive)
                deliver(self.context.store, part_of(whole, np.arange(len(drive))[PARTS[value]]))
        elif what == "network":
            use(self.context, self.town.networks[value])
        else:
            version = save_rules(self.context, rules_of(f"{value}: "), "anna").version
            used = apply_rules(self.context, version, LONG_AGO, LATER, "anna")
            update_between(self.context, None, used.from_time, used.until_time)
        if what != "points":
            self.state[what] = value

    def settle(self) -> None:
        assert not run(self.context).problems
        assert not follow_tracks(self.context).errors

    def trips(self) -> list[BookTrip]:
        return [trip for trip in list_entries(self.context) if not trip.is_gone]

    def says(self) -> list[dict[str, Any]]:
        """What the book says as amended, without what closing adds."""
        names = ("start_time", "end_time", "distance_m", "category", "matched_permille", "mode")
        return [{name: trip.content[name] for name in names} for trip in self.trips()]

    def closed_csv(self) -> dict[str, bytes]:
        (february,) = month_reports(self.context, MONTHS[0])
        return {MONTHS[0]: entries_csv(february)}


@pytest.mark.slow
@given(steps=st.lists(STEPS, min_size=2, max_size=5))
@settings(
    max_examples=3,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_closed_month_stays_whatever_the_map_says(
    town: Town, steps: list[tuple[str, str]]
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        open_context("", Path(folder) / "a", Clock(NOW), engine_url="") as context,
        open_context("", Path(folder) / "b", Clock(NOW), engine_url="") as other,
    ):
        story = begun(Story(context, town))
        closed = story.closed_csv()
        for step in [*steps, ("points", "all"), ("network", "all"), ("network", "west")]:
            story.tell(*step)
            story.settle()
            assert story.closed_csv() == closed
            amended = [len(trip.amendments) for trip in story.trips()]
            follow_tracks(context, everything=True)
            assert [len(trip.amendments) for trip in story.trips()] == amended, "once each"
            for month in MONTHS:
                for sums in compare_month(context, month):
                    assert (sums.differences, sums.book_m) == ([], sums.tracks_m)
            assert all(one.is_intact for one in verify_books(context))

        once = Story(other, town)
        for part in story.parts:
            once.tell("points", part)
        once.tell("network", story.state["network"])
        fleet.put_device(other, "V", "van")
        once.tell("rule", story.state["rule"])
        once.settle()
        assert story.says() == once.says()

        purge(context, "van")
        follow_tracks(context)
        assert story.closed_csv() == closed
        assert story.trips() == []
        assert all(one.is_intact for one in verify_books(context))


def begun(story: Story) -> Story:
    """Two trips by the map of the west; that of February is closed."""
    story.tell("points", "begin")
    story.tell("network", "west")
    fleet.put_device(story.context, "V", "van")
    story.tell("rule", "business")
    story.context.clock.time = CLOSED  # type: ignore[attr-defined]
    story.settle()
    story.context.clock.time = NOW  # type: ignore[attr-defined]
    assert close_due(story.context).closed == 1
    assert [trip.status for trip in story.trips()] == ["closed", "open"]
    return story


def test_the_map_changes_kilometres(town: Town, tmp_path: Path) -> None:
    """Else the test above would say nothing."""
    with open_context("", tmp_path, Clock(NOW), engine_url="") as context:
        story = begun(Story(context, town))
        story.tell("points", "all")
        story.settle()
        before = story.says()
        story.tell("network", "all")
        story.settle()
        (first, second), (first_now, second_now) = before, story.says()
        assert first_now["distance_m"] != first["distance_m"]
        assert second_now["distance_m"] != second["distance_m"]
        assert "distance_m" in story.trips()[0].amendments[-1].changes
        assert story.trips()[1].status == "open"
        assert not story.trips()[1].amendments
