"""One setting decides where runs are executed: `TRACKFLOW_EXECUTION`, local, celery or k8s.

dagster.yaml names `ChosenRunLauncher`, which becomes the launcher of that setting. Whole runs go to
other machines, not their steps. A run is one step, and shares its days with other runs by claims in
the store. A run that is lost is noticed by Dagster's run monitoring and started again, whereas
Dagster's Celery executor waits for a lost step for ever.
"""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
from dagster._config import UserConfigSchema, process_config, resolve_to_config_type
from dagster._core.launcher import RunLauncher
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from trackflow.errors import SettingsError
from trackflow.settings import Settings

type LauncherConfig = Mapping[str, Any]


class ChosenRunLauncher(RunLauncher, ConfigurableClass):
    """For dagster.yaml: becomes the launcher that `TRACKFLOW_EXECUTION` names."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """The section `k8s` is that of Dagster's K8sRunLauncher; the others need none."""
        return {"k8s": dg.Field(dict, is_required=False, default_value={})}

    @classmethod
    def from_config_value(  # type: ignore[override]  # it is a factory of other launchers
        cls, inst_data: ConfigurableClassData, config_value: LauncherConfig
    ) -> RunLauncher:
        """The launcher of the setting.

        Raises:
            SettingsError: its extra is not installed, or a setting is missing.
        """
        settings = Settings.from_env()
        return _MAKERS[settings.execution](settings, inst_data, config_value)


def _local(_: Settings, inst_data: ConfigurableClassData, __: LauncherConfig) -> RunLauncher:
    from trackflow.defs.machines.local_launcher import LocalLauncher

    return LocalLauncher(inst_data)


def _celery(settings: Settings, inst_data: ConfigurableClassData, _: LauncherConfig) -> RunLauncher:
    try:
        from trackflow.defs.machines.celery_launcher import CeleryLauncher
    except ModuleNotFoundError as error:
        raise _missing_extra("celery", error) from error
    return CeleryLauncher(settings, inst_data)


def _k8s(
    _: Settings, inst_data: ConfigurableClassData, config_value: LauncherConfig
) -> RunLauncher:
    try:
        from dagster_k8s import K8sRunLauncher
    except ModuleNotFoundError as error:
        raise _missing_extra("k8s", error) from error
    schema = resolve_to_config_type(K8sRunLauncher.config_type())  # type: ignore[no-untyped-call]
    given = process_config(schema, config_value["k8s"])
    if not given.success or given.value is None:
        reasons = "; ".join(error.message for error in given.errors or ())
        raise SettingsError(f"run_launcher.config.k8s in dagster.yaml: {reasons}")
    made = K8sRunLauncher.from_config_value(inst_data, given.value)  # type: ignore[no-untyped-call]
    launcher: RunLauncher = made
    return launcher


def _missing_extra(extra: str, error: ModuleNotFoundError) -> SettingsError:
    return SettingsError(
        f"TRACKFLOW_EXECUTION={extra} needs the package {error.name}: "
        f"pip install 'trackflow[{extra}]'"
    )


_MAKERS: dict[str, Callable[[Settings, ConfigurableClassData, LauncherConfig], RunLauncher]] = {
    "local": _local,
    "celery": _celery,
    "k8s": _k8s,
}
