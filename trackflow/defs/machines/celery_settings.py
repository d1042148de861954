"""Celery's settings, the same for the launcher and the workers."""

from typing import Any

from trackflow.errors import SettingsError
from trackflow.settings import Settings

QUEUE = "dagster"

REDELIVERED_AFTER_S = 13 * 3600
"""Redis gives a message to another worker when it has not been acknowledged for so long: longer
than any run takes. RabbitMQ does so when the connection ends. A run that was started is not started
again in either case."""


def celery_app_arguments(settings: Settings) -> dict[str, Any]:
    """The arguments of Dagster's `make_app`.

    Results are not kept: a run's state is in Dagster's own database.

    Raises:
        SettingsError: no broker is set.
    """
    if not settings.broker_url:
        raise SettingsError(
            "TRACKFLOW_EXECUTION=celery needs a broker: set TRACKFLOW_BROKER_URL, such as "
            "redis://broker:6379/0"
        )
    return {
        "broker": settings.broker_url,
        "backend": "disabled",
        "config_source": {
            "task_default_queue": QUEUE,
            "task_ignore_result": True,
            # a message is acknowledged when its run has ended, and a worker holds no more messages
            # than it executes: a run never waits at a busy worker while another one is idle
            "task_acks_late": True,
            "worker_prefetch_multiplier": 1,
            "broker_transport_options": {"visibility_timeout": REDELIVERED_AFTER_S},
            "broker_connection_retry_on_startup": True,
            "broker_connection_max_retries": None,
        },
    }
