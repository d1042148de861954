"""The launcher that gives runs to Celery's workers."""

from dagster import DagsterRun
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext
from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher

from trackflow.defs.machines.celery_settings import QUEUE, celery_app_arguments
from trackflow.defs.machines.signs_of_life import WORKER_TAG, WorkerWatch
from trackflow.settings import Settings


class CeleryLauncher(CeleryRunLauncher):
    """Dagster's launcher for Celery, which sees dead workers.

    Dagster's own asks Celery for the state of the task. This stays "started" for ever when a worker
    is killed, and is lost with the broker.
    """

    def __init__(self, settings: Settings, inst_data: ConfigurableClassData) -> None:
        """Connect lazily.

        Args:
            settings: with the broker.
            inst_data: Dagster's record of this launcher.

        Raises:
            SettingsError: no broker is set.
        """
        super().__init__(default_queue=QUEUE, inst_data=inst_data, **celery_app_arguments(settings))
        self._watch = WorkerWatch(settings.lease_s)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Send a run to the broker; no worker has taken it, as one may have its first try."""
        self._instance.add_run_tags(context.dagster_run.run_id, {WORKER_TAG: ""})
        super().launch_run(context)

    @property
    def supports_resume_run(self) -> bool:
        """No: a lost run is tried again as a new run, as on one machine."""
        return False

    def terminate(self, run_id: str) -> bool:
        """Ask the worker to interrupt a run: it looks at the run's status every few seconds."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the run's worker is alive and still executes it."""
        return self._watch.health(self._instance, run)

    def get_run_worker_debug_info(
        self, run: DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        """The worker's name."""
        del include_container_logs  # unused: logs are where the worker runs
        worker = run.tags.get(WORKER_TAG)
        return f"executed by {worker}" if worker else "no worker has taken it"
