"""The road engine switched off and on again, and networks that go and come: lines follow."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import delete

from trackflow.demo.extract import helsinki_extract
from trackflow.matching.network_building import build_network
from trackflow.store.devices.settings import change_device
from trackflow.store.roads.networks import use_network
from trackflow.store.tables import processing_batches, road_networks
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.days.waiting import find_waiting
from trackflow.usecases.housekeeping.status import read_status
from trackflow.usecases.roads.rematching import match_outdated_again
from trackflow_tests.helpers.stores import NOON, contents, difference, open_context, statuses
from trackflow_tests.helpers.town import BATCHES, Town


def test_days_made_while_matching_was_off_are_matched_when_it_is_on_again(
    database_url: str, tmp_path: Path, town: Town
) -> None:
    with open_context("", tmp_path / "other", engine_url="") as context:
        town.open(context)
        town.deliver(context)
        assert not run(context).problems
        expected = contents(context.store)
    assert any(not row["is_raw"] for row in expected["cached_polylines"])

    with open_context(database_url, tmp_path, engine_url="none") as off:
        town.open(off)
        town.deliver(off)
        assert not run(off).problems
        assert contents(off.store)["cached_polylines"] == []
        assert read_status(off).outdated_days == 0, "nothing better is to be had"
        assert verify(off).ok
    with open_context(database_url, tmp_path, engine_url="") as on:
        assert read_status(on).outdated_days == BATCHES
        told = verify(on)
        assert not told.ok
        assert (told.unfinished, told.differences) == (BATCHES, [])
        report = run(on)
        assert not report.problems
        assert len(report["segmented"].days) == 0, "segments do not depend on roads"
        assert len(report["matched"].days) == BATCHES
        assert difference(contents(on.store), expected) == []
        assert set(statuses(on.store).values()) == {"completed"}
        assert read_status(on).outdated_days == 0
        assert verify(on).ok
        assert not any(stage.days for stage in run(on).stages)


def test_they_are_waited_on_without_a_run_by_hand(
    database_url: str, tmp_path: Path, town: Town
) -> None:
    with open_context(database_url, tmp_path, engine_url="none") as off:
        town.open(off)
        town.deliver(off)
        run(off)
    with open_context(database_url, tmp_path, engine_url="") as on:
        assert find_waiting(on).days == []
        assert match_outdated_again(on) == BATCHES
        assert len(find_waiting(on).days) == 2
        assert match_outdated_again(on) == 0


def test_a_network_that_went_while_matching_was_off_and_is_built_again(
    database_url: str, tmp_path: Path, town: Town
) -> None:
    with open_context(database_url, tmp_path, engine_url="") as on:
        town.open(on)
        town.deliver(on)
        run(on)
        expected = contents(on.store)
        with on.store.write() as connection:
            connection.execute(delete(road_networks))
    with open_context(database_url, tmp_path, engine_url="none") as off:
        with off.store.write() as connection:  # all days are worked on, without roads
            change_device(connection, "night", NOON, overrides={"gap_s": 590})
            change_device(connection, "noon", NOON, overrides={"gap_s": 590})
        run(off)
        assert contents(off.store)["cached_polylines"] == []
        with off.store.write() as connection:
            change_device(connection, "night", NOON, overrides={"gap_s": None})
            change_device(connection, "noon", NOON, overrides={"gap_s": None})
        run(off)
    with open_context(database_url, tmp_path, engine_url="") as on:
        assert not any(stage.days for stage in run(on).stages), "there is no network for them"
        town.open(on)
        assert not run(on).problems
        assert difference(contents(on.store), expected) == []


def test_another_network_and_another_profile_meanwhile(
    database_url: str, tmp_path: Path, town: Town
) -> None:
    bicycle = build_network(helsinki_extract(), "bicycle", tmp_path / "networks")
    with open_context(database_url, tmp_path, engine_url="none") as off:
        town.open(off)
        town.deliver(off)
        run(off)
        with off.store.write() as connection:
            use_network(connection, bicycle, tmp_path, NOON)
            change_device(connection, "noon", NOON, profile="bicycle")
        run(off)
    with open_context(database_url, tmp_path, engine_url="") as on:
        run(on)
        with on.store.read() as connection:
            b = processing_batches.c
            found = connection.execute(sa.select(b.device_id, b.matched_on).distinct()).all()
        assert dict(map(tuple, found)) == {
            "night": town.network.version,
            "noon": bicycle.version,
        }
        assert verify(on).ok
