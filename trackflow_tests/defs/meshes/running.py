"""Ticks and runs of the jobs of meshes, and what Dagster knows of an image."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from trackflow.definitions import defs
from trackflow.defs.resources import TrackflowResource
from trackflow_tests.helpers.ticks import tick

MESHES = dg.AssetKey("meshes")


def results(
    name: str, home: Path, instance: dg.DagsterInstance, cursor: str | None = None
) -> dg.SensorResult:
    """What a sensor answers; its changes of partitions and its events are put into effect."""
    found = tick(name, home, instance, cursor)
    assert isinstance(found, dg.SensorResult), found
    for change in found.dynamic_partitions_requests or ():
        name_of, keys = change.partitions_def_name, change.partition_keys
        if isinstance(change, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(name_of, keys)
        else:
            for key in keys:
                instance.delete_dynamic_partition(name_of, key)
    for event in found.asset_events:
        instance.report_runless_asset_event(event)
    return found


def run(
    name: str,
    home: Path,
    instance: dg.DagsterInstance,
    image_key: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job in this process."""
    return defs.resolve_job_def(name).execute_in_process(
        run_config=config,
        partition_key=image_key,
        instance=instance,
        resources={"trackflow": TrackflowResource(home=str(home))},
        raise_on_error=False,
    )


def images(instance: dg.DagsterInstance) -> list[str]:
    """The partitions."""
    return sorted(instance.get_dynamic_partitions("images"))


def materializations(
    instance: dg.DagsterInstance, image_key: str
) -> list[Mapping[str, dg.MetadataValue]]:
    """Metadata of the materializations of an image, the oldest first."""
    wanted = dg.AssetRecordsFilter(MESHES, asset_partitions=[image_key])
    records = instance.fetch_materializations(wanted, limit=100).records
    return [
        record.asset_materialization.metadata
        for record in reversed(records)
        if record.asset_materialization
    ]


def history(instance: dg.DagsterInstance, image_key: str) -> list[str]:
    """What was observed of an image, the oldest first."""
    wanted = dg.AssetRecordsFilter(MESHES, asset_partitions=[image_key])
    records = instance.fetch_observations(wanted, limit=100).records
    found = [record.asset_observation for record in reversed(records)]
    return [str(event.metadata["what"].value) for event in found if event]
