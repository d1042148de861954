"""One tick of a sensor of the real definitions, on a store of a test."""

from pathlib import Path

import dagster as dg

from trackflow.definitions import defs
from trackflow.defs.resources import TrackflowResource


def tick(name: str, home: Path, instance: dg.DagsterInstance, cursor: str | None = None) -> object:
    """What the sensor answers."""
    context = dg.build_sensor_context(
        instance=instance,
        cursor=cursor,
        resources={"trackflow": TrackflowResource(home=str(home))},
        definitions=defs,
    )
    return defs.get_repository_def().get_sensor_def(name)(context)


def skipped(name: str, home: Path, instance: dg.DagsterInstance) -> str:
    """Why it requests nothing."""
    found = tick(name, home, instance)
    assert isinstance(found, dg.SkipReason), found
    return str(found.skip_message)
