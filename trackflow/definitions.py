"""The one Dagster entry: everything that the UI, the daemon and runs know of trackflow.

Loading it needs no environment, no database and no network.
"""

import dagster as dg

from trackflow.defs.catalogue import checks as catalogue_checks
from trackflow.defs.catalogue.assets import track_catalogue, track_places, track_visits
from trackflow.defs.catalogue.jobs import check_catalogue_job, find_visits_job, sync_catalogue_job
from trackflow.defs.catalogue.schedules import (
    catalogue_checks_schedule,
    catalogue_schedule,
    visits_schedule,
)
from trackflow.defs.days import checks
from trackflow.defs.days.assets import process_days
from trackflow.defs.days.jobs import process_days_job
from trackflow.defs.days.live_jobs import live_job
from trackflow.defs.days.live_sensors import live_sensor
from trackflow.defs.days.older import process_older_days_job
from trackflow.defs.days.schedules import daily_schedule
from trackflow.defs.days.sensors import older_days_sensor, pending_batches_sensor
from trackflow.defs.housekeeping.jobs import housekeeping_job
from trackflow.defs.housekeeping.schedules import housekeeping_schedule
from trackflow.defs.intake.assets import gps_points
from trackflow.defs.intake.inbox_jobs import import_inbox_job
from trackflow.defs.intake.inbox_sensors import inbox_sensor
from trackflow.defs.intake.sensors import followed_table_sensor, gps_points_sensor
from trackflow.defs.jobs.jobs import requested_job
from trackflow.defs.jobs.sensors import requested_jobs_sensor
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.roads.assets import road_network
from trackflow.defs.roads.jobs import build_road_network_job

defs = dg.Definitions(
    assets=[
        gps_points,
        road_network,
        process_days,
        track_catalogue,
        track_places,
        track_visits,
    ],
    asset_checks=[
        checks.ledger_balances,
        checks.devices_are_sound,
        checks.seams_meet,
        checks.match_share,
        checks.no_overlapping_tracks,
        catalogue_checks.catalogue_is_fresh,
        catalogue_checks.catalogue_is_complete,
        catalogue_checks.catalogue_has_not_shrunk,
    ],
    jobs=[
        process_days_job,
        process_older_days_job,
        live_job,
        requested_job,
        build_road_network_job,
        import_inbox_job,
        housekeeping_job,
        sync_catalogue_job,
        check_catalogue_job,
        find_visits_job,
    ],
    sensors=[
        live_sensor,
        pending_batches_sensor,
        older_days_sensor,
        requested_jobs_sensor,
        gps_points_sensor,
        followed_table_sensor,
        inbox_sensor,
    ],
    schedules=[
        daily_schedule,
        housekeeping_schedule,
        catalogue_schedule,
        catalogue_checks_schedule,
        visits_schedule,
    ],
    resources={"trackflow": TrackflowResource()},
    # a step of a run shares its process: another one for each step costs seconds and gains nothing
    executor=dg.in_process_executor,
)
