"""Dagster's records as a dagster.yaml describes them, in a folder or in PostgreSQL."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from dagster import DagsterInstance
from sqlalchemy import make_url

from trackflow_tests.helpers import postgres

OURS = {"module": "trackflow.defs.machines.records", "class": "PooledPostgresStorage"}


def opened(folder: Path, storage: Mapping[str, Any]) -> DagsterInstance:
    """The records of a folder that has this storage in its dagster.yaml."""
    folder.mkdir(exist_ok=True)
    (folder / "dagster.yaml").write_text(yaml.safe_dump({"storage": dict(storage)}))
    return DagsterInstance.from_config(str(folder))


def in_postgresql(url: str, *, is_dagsters: bool = False) -> dict[str, Any]:
    """Our storage in a database, or Dagster's own."""
    address = make_url(url).set(drivername="postgresql+psycopg2")
    config = {"postgres_url": address.render_as_string(hide_password=False)}
    return {"postgres": config} if is_dagsters else {"custom": OURS | {"config": config}}


@contextmanager
def empty_database(postgres_url: str) -> Iterator[str]:
    """The URL of a new database, which is dropped at the end."""
    server = make_url(postgres_url)
    name = postgres.make(server, "template1")
    yield server.set(database=name).render_as_string(hide_password=False)
    postgres.drop(server, name)
