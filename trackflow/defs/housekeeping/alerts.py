"""Looks every minute for what is wrong with the service, and tells people."""

import dagster as dg

from trackflow.defs.errors import tick
from trackflow.defs.housekeeping.jobs import TAGS
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.housekeeping.alerts.watching import watch


@dg.sensor(
    name="alerts_sensor",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Looks for work that waits too long, failures, devices that fell silent and disks "
    "that fill up, and sends messages to TRACKFLOW_NOTIFY_URLS when that begins and ends. It "
    "starts no runs; the API looks too, so that a daemon that is down is noticed.",
)
@tick
def alerts_sensor(trackflow: dg.ResourceParam[TrackflowResource]) -> dg.SkipReason:
    """Look once."""
    with trackflow.open() as trackflow_context:
        report = watch(trackflow_context)
    rules = ", ".join(dict.fromkeys(alert.rule for alert in report.on))
    return dg.SkipReason(f"Alerts: {rules}." if rules else "Nothing is wrong.")
