"""One memory of compiled statements for all stores of a test process.

SQLAlchemy keeps compiled statements for each engine. A test has an engine of its own, and would
compile again whatever the tests before it have compiled: a sixth of the time of many tests.
"""

from collections.abc import Callable

from sqlalchemy.engine import Engine

type Open = Callable[[str], Engine]


def with_shared_statements(open_engine: Open) -> Open:
    """A function that opens engines which share what is known of their kind of database."""
    first: dict[str, Engine] = {}

    def opened(url: str) -> Engine:
        engine = open_engine(url)
        known = first.setdefault(engine.dialect.name, engine)
        if known.dialect.server_version_info is None:  # it never had a connection
            first[engine.dialect.name] = engine
        else:
            # statements are remembered by the dialect, which knows the driver and the server
            engine.dialect = known.dialect
            engine._compiled_cache = known._compiled_cache
        return engine

    return opened
