"""Definitions of requested jobs."""

import dagster as dg

from trackflow.defs.jobs.jobs import requested_job
from trackflow.defs.jobs.sensors import requested_jobs_sensor
from trackflow.defs.resources import TrackflowResource


def definitions(_: TrackflowResource) -> dg.Definitions:
    """The job that runs requested jobs, and its sensor."""
    return dg.Definitions(jobs=[requested_job], sensors=[requested_jobs_sensor])
