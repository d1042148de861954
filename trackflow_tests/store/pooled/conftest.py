"""Tests of the store again, with a real PgBouncer in transaction mode before PostgreSQL."""

from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from trackflow_tests.helpers import postgres
from trackflow_tests.helpers.pgbouncer import pgbouncer_before


@pytest.fixture(scope="session")
def pgbouncer_url(postgres_url: str) -> Iterator[str]:
    """A PgBouncer before all databases of the server."""
    with pgbouncer_before(postgres_url) as url:
        yield url


@pytest.fixture
def database_url(pgbouncer_url: str, postgres_databases: postgres.Databases) -> Iterator[str]:
    """The URL of a store behind it with nothing in it; the next transaction may get any session."""
    with postgres_databases.lend() as url:
        name = make_url(url).database
        yield make_url(pgbouncer_url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def blank_database(postgres_url: str) -> Iterator[str]:
    """The URL of a database without any schema, not behind PgBouncer."""
    server = make_url(postgres_url)
    name = postgres.make(server, "template1")
    yield server.set(database=name).render_as_string(hide_password=False)
    postgres.drop(server, name)
