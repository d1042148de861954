"""Who works on days, where and how long, and on which roads."""

import os
from dataclasses import dataclass

from trackflow.settings.parsing import storage_address
from trackflow.variables import number, set_by, whole_number


def _execution(text: str) -> str:
    if text not in ("local", "celery", "k8s"):
        raise ValueError("must be local, celery or k8s")
    return text


@dataclass(frozen=True)
class WorkSettings:
    """Who works on days, where and how long, and on which roads.

    Attributes:
        engine_url: base URL of an OSRM server; empty means the embedded engine; "none" switches
            matching off, so that tracks keep their raw lines.
        engine_connections: requests to that server at once, of all processes.
        workers: processes that work at the same time.
        execution: where Dagster's runs are executed: local, celery or k8s.
        broker_url: the broker of Celery, never shown; it may hold a password.
        machines: machines that share the days of a run.
        networks: where road networks are published for other machines: a folder or an address of
            fsspec; empty for nowhere.
        lease_s: how many seconds a worker may hold a batch without a sign of life.
        max_tries: tries of a batch before it is marked failed.
    """

    engine_url: str = set_by(
        "ENGINE_URL",
        "",
        "an OSRM server, such as `http://osrm:5000`, which knows no "
        "[drives against one-ways](../matching.md#with-an-osrm-server); `none` for raw lines only",
        unset="the embedded engine",
    )
    engine_connections: int = set_by(
        "ENGINE_CONNECTIONS",
        32,
        "requests to that server at once, of all processes",
        parse=whole_number(1, 1024),
    )
    workers: int = set_by(
        "WORKERS",
        2,
        "processes that work at the same time",
        unset="one per core",
        parse=whole_number(1, 256),
        from_machine=lambda: os.cpu_count() or 1,
    )
    execution: str = set_by(
        "EXECUTION",
        "local",
        "where Dagster's runs are executed: `local`, `celery` or `k8s`, see "
        "[many machines](../operations/many-machines.md)",
        unset="local: beside Dagster",
        parse=_execution,
    )
    broker_url: str = set_by(
        "BROKER_URL",
        "",
        "the broker of `TRACKFLOW_EXECUTION=celery`, such as `redis://broker:6379/0`",
        unset="none",
        is_secret=True,
    )
    machines: int = set_by(
        "MACHINES",
        1,
        "machines that share the days of one run",
        parse=whole_number(1, 100),
    )
    networks: str = set_by(
        "NETWORKS",
        "",
        "where `network build` publishes road networks for other machines, which fetch them once: "
        "a folder, or an address of fsspec such as `s3://bucket/networks`",
        unset="nowhere: on this machine only",
        parse=storage_address,
        is_secret=True,
    )
    lease_s: float = set_by(
        "LEASE_S",
        120.0,
        "for how many seconds a worker may hold a day without a sign of life",
        parse=number(1, 86_400),
    )
    max_tries: int = set_by(
        "MAX_TRIES",
        5,
        "tries of a day before it is given up; `run --retry-failed` takes it up again",
        parse=whole_number(1, 100),
    )
