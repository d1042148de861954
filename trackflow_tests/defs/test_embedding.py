"""trackflow beside a company's own assets: other keys, owners and days, in one code location."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster.components.testing import create_defs_folder_sandbox

from trackflow.definitions import defs as own
from trackflow.defs import build
from trackflow.defs.component import TrackflowComponent
from trackflow_tests.helpers.dagster_server import ROOT
from trackflow_tests.helpers.fleet import FIRST_DAY, import_drives, write_drives
from trackflow_tests.usecases.meshes.pictures import hills

PREFIX = ("acme", "gps")
PAGE = (ROOT / "docs" / "how-to" / "embed-in-dagster.md").read_text()


@dg.asset(deps=[dg.AssetKey([*PREFIX, "tracks"])], owners=["team:sales"])
def invoices() -> None: ...


@dg.asset
def tracks() -> None:
    """A company may have an asset of the same name."""


def embedded(home: Path) -> dg.Definitions:
    gps = build(key_prefix=PREFIX, first_day="2026-03-01", owners=["team:gps"], home=home)
    return dg.Definitions.merge(gps, dg.Definitions(assets=[invoices, tracks]))


def test_all_keys_have_the_prefix_and_the_lineage_is_the_same(tmp_path: Path) -> None:
    graph, plain = embedded(tmp_path).resolve_asset_graph(), own.resolve_asset_graph()
    keys = graph.get_all_asset_keys() - {invoices.key, tracks.key}

    assert keys == {key.with_prefix(PREFIX) for key in plain.get_all_asset_keys()}
    for key in plain.get_all_asset_keys():
        found = graph.get(key.with_prefix(PREFIX))
        assert found.parent_keys == {up.with_prefix(PREFIX) for up in plain.get(key).parent_keys}
        assert found.owners == ["team:gps"]
        assert found.group_name == plain.get(key).group_name
        if isinstance(found.partitions_def, dg.DailyPartitionsDefinition):
            assert found.partitions_def.get_first_partition_key() == "2026-03-01"
    assert {(check.asset_key, check.name) for check in graph.asset_check_keys} == {
        (check.asset_key.with_prefix(PREFIX), check.name) for check in plain.asset_check_keys
    }
    assert graph.get(invoices.key).parent_keys == {dg.AssetKey([*PREFIX, "tracks"])}
    assert own.resolve_asset_graph().get(dg.AssetKey("tracks")).owners == ["team:trackflow"]


def test_no_job_of_trackflows_takes_a_foreign_asset(tmp_path: Path) -> None:
    repository = embedded(tmp_path).get_repository_def()
    for job in repository.get_all_jobs():
        if not job.name.startswith("__"):
            assert job.owners == ["team:gps"]
            assert not {invoices.key, tracks.key} & job.asset_layer.executable_asset_keys
    for automation in (*repository.sensor_defs, *repository.schedule_defs):
        assert automation.owners == ["team:gps"]


def test_its_days_are_made_checked_and_shown_by_their_own_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance
) -> None:
    monkeypatch.setenv("TRACKFLOW_ENGINE_URL", "none")
    home = tmp_path / "home"
    import_drives(home, write_drives(tmp_path / "d.csv", 2, 1, points=20))
    defs = embedded(home)
    sensor = defs.get_repository_def().get_sensor_def("pending_batches_sensor")
    resources = dict(defs.resources or {})
    context = dg.build_sensor_context(instance=instance, definitions=defs, resources=resources)
    (request,) = _list(sensor(context))

    done = defs.resolve_job_def("process_days_job").execute_in_process(
        instance=instance, run_config=request.run_config, tags=request.tags
    )

    assert done.success
    days = {(FIRST_DAY + dt.timedelta(days=k)).isoformat() for k in range(2)}
    for name in ("segments", "matched_polylines", "tracks"):
        assert instance.get_materialized_partitions(dg.AssetKey([*PREFIX, name])) == days
        assert not instance.get_materialized_partitions(dg.AssetKey(name))
    checked = {(check.asset_key, check.partition) for check in done.get_asset_check_evaluations()}
    assert {(dg.AssetKey([*PREFIX, "segments"]), day) for day in days} < checked
    assert instance.fetch_observations(dg.AssetKey([*PREFIX, "gps_points"]), limit=5).records


def _list(found: Any) -> list[dg.RunRequest]:
    assert isinstance(found, list), found
    return found


def test_the_example_of_the_page_works(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example.replace("/srv/trackflow", str(tmp_path)), names)

    graph = names["defs"].resolve_asset_graph()

    key = dg.AssetKey("driven_last_month")
    assert graph.get(key).parent_keys == {dg.AssetKey(["fleet", "tracks"])}
    assert graph.get(dg.AssetKey(["fleet", "tracks"])).owners == ["team:dispatch"]


# what Dagster 1.13 itself uses to load components
@pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated")
@pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
def test_the_component_of_the_page_gives_the_same(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    declared = yaml.safe_load(text)
    assert declared["type"] == f"{TrackflowComponent.__module__}.{TrackflowComponent.__name__}"
    with create_defs_folder_sandbox() as sandbox:
        path = sandbox.scaffold_component(
            component_cls=TrackflowComponent, defs_yaml_contents=declared
        )
        with sandbox.load_component_and_build_defs(defs_path=path) as (component, defs):
            assert isinstance(component, TrackflowComponent)
            graph = defs.resolve_asset_graph()
            tracks_ = graph.get(dg.AssetKey(["fleet", "tracks"]))
            assert tracks_.owners == ["team:dispatch"]
            assert tracks_.partitions_def.get_first_partition_key() == "2026-01-01"


@pytest.mark.usefixtures("files_settle_at_once")
def test_its_images_are_made_and_shown_by_their_own_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "hills.png").write_bytes(hills(1))
    monkeypatch.setenv("TRACKFLOW_MESH_INBOX", str(images))
    monkeypatch.setenv("TRACKFLOW_ENGINE_URL", "none")
    instance.add_dynamic_partitions("/".join([*PREFIX, "images"]), ["inbox/hills.png"])
    done = (
        embedded(tmp_path / "home")
        .resolve_job_def("make_mesh_job")
        .execute_in_process(partition_key="inbox/hills.png", instance=instance)
    )
    key = dg.AssetKey([*PREFIX, "meshes"])
    assert instance.get_materialized_partitions(key) == {"inbox/hills.png"}
    checked = {check.asset_key for check in done.get_asset_check_evaluations()}
    assert checked == {key}
