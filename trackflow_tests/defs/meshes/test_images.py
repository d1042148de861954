"""Images become partitions, their meshes materializations with pictures, numbers and checks."""

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.defs.pools import set_default_limits
from trackflow.defs.resources import TrackflowResource
from trackflow.errors import BadInputError, SourceUnavailableError
from trackflow.store.meshes.tables import mesh_images, meshes
from trackflow.usecases.meshes.control import MeshStatus, list_meshes
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow_tests.defs.meshes.running import (
    history,
    images,
    materializations,
    results,
    run,
)
from trackflow_tests.defs.test_failures import heard
from trackflow_tests.helpers.ticks import tick
from trackflow_tests.usecases.meshes.pictures import TroubledGenerator, hills

HILLS = "inbox/hills.png"


def test_an_image_in_the_inbox_becomes_a_partition_a_run_and_a_mesh(
    home: Path, instance: dg.DagsterInstance, inbox: Path, generator: TroubledGenerator
) -> None:
    assert results("images_sensor", home, instance).run_requests == []
    (inbox / "hills.png").write_bytes(hills(1))

    (request,) = results("images_sensor", home, instance).run_requests or ()
    assert request.partition_key == HILLS
    assert images(instance) == [HILLS]
    (again,) = results("images_sensor", home, instance).run_requests or ()
    assert again.run_key == request.run_key  # Dagster starts one run for both

    done = run("make_mesh_job", home, instance, HILLS)
    assert done.success
    (made,) = materializations(instance, HILLS)
    assert str(made["picture"].value).startswith("![hills.png](data:image/png;base64,")
    assert len(str(made["picture"].value)) < 60_000  # the event log is kept
    for name in ("vertices", "triangles", "bytes"):
        assert made[name].value > 0, name
    assert made["max_error_m"].value <= made["asked_error_m"].value
    assert (made["tries"].value, made["watertight"].value) == (0, False)
    assert "mesh.glb" in str(made["files"].value)
    checks = done.get_asset_check_evaluations()
    assert {(check.check_name, check.passed, check.partition) for check in checks} == {
        ("error_is_within_limit", True, HILLS),
        ("solid_is_watertight", True, HILLS),
    }
    assert results("images_sensor", home, instance).run_requests == []
    assert run("make_mesh_job", home, instance, HILLS).success
    assert generator.calls["hills.png"] == 1  # what is there is shown, and not made again


@pytest.mark.usefixtures("generator")
def test_a_changed_image_gets_another_run_and_a_gone_one_loses_its_partition(
    home: Path, instance: dg.DagsterInstance, inbox: Path, context: Context
) -> None:
    (inbox / "hills.png").write_bytes(hills(1))
    (first,) = results("images_sensor", home, instance).run_requests or ()
    run("make_mesh_job", home, instance, HILLS)
    before = materializations(instance, HILLS)[-1]

    (inbox / "hills.png").write_bytes(hills(2, 30, 30))
    (second,) = results("images_sensor", home, instance).run_requests or ()
    assert second.run_key != first.run_key
    run("make_mesh_job", home, instance, HILLS)
    after = materializations(instance, HILLS)[-1]
    assert before["mesh_id"] != after["mesh_id"]

    (inbox / "hills.png").unlink()
    assert run("mesh_sync_job", home, instance).success
    results("mesh_events_sensor", home, instance)
    assert history(instance, HILLS)[-1].startswith("retired")
    _make_older(context, dt.timedelta(days=8))
    cleaning = {"ops": {"clean_meshes": {"config": {"what": "old_meshes"}}}}
    assert run("clean_meshes_job", home, instance, config=cleaning).success
    assert history(instance, HILLS)[-1] == "its retired mesh was deleted by a cleanup"
    results("images_sensor", home, instance)
    assert images(instance) == []


def test_the_whole_life_of_a_failing_mesh_can_be_read(
    home: Path,
    instance: dg.DagsterInstance,
    inbox: Path,
    context: Context,
    generator: TroubledGenerator,
) -> None:
    """A server that is away for two tries, then a mistake that no retry mends."""
    assert inbox
    generator.troubles["coast.png"] = lambda: SourceUnavailableError("the server is away")
    request = MeshRequest(image=hills(3), name="coast.png")
    mesh_id = request_mesh(context, request).mesh_id
    (first,) = results("images_sensor", home, instance).run_requests or ()
    (key,) = images(instance)

    assert run("make_mesh_job", home, instance, key).success  # it is tried again: no failed run
    results("mesh_events_sensor", home, instance)
    assert results("images_sensor", home, instance).run_requests == []  # it rests
    _let_it_rest_no_more(context)
    (second,) = results("images_sensor", home, instance).run_requests or ()
    assert second.run_key != first.run_key
    run_due_meshes(context, generator)  # outside Dagster
    results("mesh_events_sensor", home, instance)

    generator.troubles["coast.png"] = lambda: ValueError("no heights in it")
    _let_it_rest_no_more(context)
    failed = run("make_mesh_job", home, instance, key)
    assert not failed.success
    results("mesh_events_sensor", home, instance)  # nothing twice

    told = [line.split(" after ")[0] for line in history(instance, key)]
    assert told == [
        "try 1 failed; tried again",
        "try 2 failed; tried again",
        "given up",
    ]
    assert materializations(instance, key) == []
    (event,) = [event for event in failed.all_events if event.is_step_failure]
    assert "no heights in it" in event.step_failure_data.user_failure_data.description

    generator.troubles.clear()
    assert run("make_mesh_job", home, instance, key).success  # a person's run tries it once more
    (made,) = materializations(instance, key)
    assert made["mesh_id"].value == mesh_id


def test_meshes_made_outside_dagster_are_shown_once_with_their_checks(
    home: Path, instance: dg.DagsterInstance, context: Context, generator: TroubledGenerator
) -> None:
    for seed in range(3):
        request_mesh(context, MeshRequest(image=hills(seed), name=f"{seed}.png"))
    run_due_meshes(context, generator)

    first = results("mesh_events_sensor", home, instance)
    made = [e for e in first.asset_events if isinstance(e, dg.AssetMaterialization)]
    checked = [e for e in first.asset_events if isinstance(e, dg.AssetCheckEvaluation)]
    assert len(made) == 3
    assert len(checked) == 6
    assert all(check.passed and check.partition for check in checked)
    for cursor in (first.cursor, None):
        assert not results("mesh_events_sensor", home, instance, cursor).asset_events


def test_a_batch_of_events_larger_than_a_tick_is_reported_completely(
    home: Path,
    instance: dg.DagsterInstance,
    context: Context,
    generator: TroubledGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trackflow.defs.meshes.sensors.EVENTS_PER_TICK", 2)
    for seed in range(5):
        request_mesh(context, MeshRequest(image=hills(seed), name=f"{seed}.png"))
    run_due_meshes(context, generator)

    at_once = context.clock()
    with context.store.write() as connection:
        connection.execute(sa.update(meshes).values(finished_at=at_once))
    cursor = None
    for _ in range(6):
        cursor = results("mesh_events_sensor", home, instance, cursor).cursor
    keys = {mesh.image_key for mesh in list_meshes(context)}
    assert all(len(materializations(instance, key)) == 1 for key in keys)
    assert len(keys) == 5


@pytest.mark.usefixtures("generator")
def test_many_images_are_made_by_one_run(
    home: Path, instance: dg.DagsterInstance, inbox: Path, context: Context
) -> None:
    for seed in range(4):
        (inbox / f"{seed}.png").write_bytes(hills(seed))
    (inbox / "notes.txt").write_bytes(b"no image")
    request_mesh(context, MeshRequest(image=hills(9), name="asked.png"))

    assert results("images_sensor", home, instance).run_requests == []
    assert len(images(instance)) == 6
    found = results_of_waiting(home, instance)
    assert isinstance(found, dg.RunRequest)
    assert found.tags["trackflow/images"] == "6"
    assert run("make_waiting_meshes_job", home, instance).success
    results("mesh_events_sensor", home, instance)

    by_status = {mesh.image_key: mesh.status for mesh in list_meshes(context)}
    assert by_status.pop("inbox/notes.txt") is MeshStatus.FAILED
    assert set(by_status.values()) == {MeshStatus.COMPLETED}
    assert all(len(materializations(instance, key)) == 1 for key in by_status)
    assert history(instance, "inbox/notes.txt") == ["given up after one try"]
    assert isinstance(results_of_waiting(home, instance), dg.SkipReason)


def results_of_waiting(home: Path, instance: dg.DagsterInstance) -> object:
    return tick("waiting_meshes_sensor", home, instance)


def test_a_backfill_reports_each_image_by_itself_and_one_bad_image_stops_none(
    home: Path, instance: dg.DagsterInstance, inbox: Path, generator: TroubledGenerator
) -> None:
    assert generator
    for name in ("a.png", "b.png", "c.png"):
        (inbox / name).write_bytes(hills(len(name)) if name != "b.png" else b"no image")
    keys = [f"inbox/{name}" for name in ("a.png", "b.png", "c.png")]
    instance.add_dynamic_partitions("images", keys)
    (inbox / "c.png").write_bytes(hills(5))
    ranged = {
        "dagster/asset_partition_range_start": keys[0],
        "dagster/asset_partition_range_end": keys[-1],
    }
    done = _run_range(home, instance, ranged)

    assert not done.success
    assert [len(materializations(instance, key)) for key in keys] == [1, 0, 1]
    for _ in range(2):
        results("mesh_events_sensor", home, instance)
    assert [len(materializations(instance, key)) for key in keys] == [1, 0, 1]
    assert history(instance, keys[1]) == ["given up after one try"]
    made = materializations(instance, keys[0])[0]["mesh_id"].value
    assert made != materializations(instance, keys[2])[0]["mesh_id"].value


def _run_range(
    home: Path, instance: dg.DagsterInstance, tags: dict[str, str]
) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("make_mesh_job").execute_in_process(
        instance=instance,
        tags=tags,
        resources={"trackflow": TrackflowResource(home=str(home))},
        raise_on_error=False,
    )


@pytest.mark.filterwarnings("ignore:Parameter `repository_def` of")  # of a test's own
@pytest.mark.parametrize("is_requested", [True, False])
def test_people_are_told_once_of_a_mesh_that_is_given_up(
    home: Path,
    instance: dg.DagsterInstance,
    inbox: Path,
    context: Context,
    generator: TroubledGenerator,
    messages: list[dict[str, str]],
    is_requested: bool,
) -> None:
    """A requested mesh sends a message of its own; of others, the failed run tells."""
    generator.troubles["coast.png"] = lambda: BadInputError("no heights in it")
    if is_requested:
        request_mesh(context, MeshRequest(image=hills(3), name="coast.png"))
    else:
        (inbox / "coast.png").write_bytes(hills(3))
    results("images_sensor", home, instance)
    (key,) = images(instance)
    failed = run("make_mesh_job", home, instance, key)
    assert not failed.success
    assert len(messages) == (1 if is_requested else 0)
    assert (heard(failed, instance) == "told") is not is_requested
    assert len(messages) == 1
    assert "no heights in it" in messages[0]["message"]


def test_pools_have_limits_unless_a_person_has_set_others(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as kept:
        storage = kept.event_log_storage
        storage.set_concurrency_slots("meshes", 3)
        for _ in range(2):
            set_default_limits(kept)
        limits = {found.name: found.limit for found in storage.get_pool_limits()}
    assert limits == {"meshes": 3, "mesh_batches": 2}


def _make_older(context: Context, by: dt.timedelta) -> None:
    old = context.clock() - by
    with context.store.write() as connection:
        retired = meshes.c.status == MeshStatus.RETIRED.value
        connection.execute(sa.update(meshes).where(retired).values(retired_at=old))
        connection.execute(
            sa.update(mesh_images).where(mesh_images.c.gone_at.is_not(None)).values(gone_at=old)
        )


def _let_it_rest_no_more(context: Context) -> None:
    with context.store.write() as connection:
        connection.execute(sa.update(meshes).values(next_try_at=None))
