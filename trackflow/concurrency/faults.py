"""Classifies errors of a database: the one place that decides whether the database is at fault.

A fault is temporary, or is mended outside: the database is away, lets nobody in, is read-only after
a fail-over, full, locked, damaged, or it ended a statement. Any other error (a value of a wrong
type, a duplicate key, an unknown column) is a mistake in the statement, which a retry would repeat.
"""

import re
import sqlite3
from enum import StrEnum


class Fault(StrEnum):
    """A kind of fault; people read the values."""

    AWAY = "away"
    CLOSED = "no way in"
    READ_ONLY = "read-only"
    FULL = "full"
    BUSY = "busy"
    ENDED = "it ended the statement"
    LACKING = "not what it should be"
    DAMAGED = "damaged"


ADVICE = {
    Fault.AWAY: "",
    Fault.CLOSED: "look at the address, user, password and database in TRACKFLOW_DATABASE_URL, and "
    "at the server's rules of who may connect",
    Fault.READ_ONLY: "it takes no writes: after a fail-over, or as this user may not write there "
    "(a service's commands begin with `sudo trackflow`); nothing was stored, and work goes on by "
    "itself once it does",
    Fault.FULL: "there is no room left: free some on the database's disk; work goes on by itself",
    Fault.BUSY: "another transaction holds a lock that is needed; try again",
    Fault.ENDED: "the statement was cancelled or took longer than statement_timeout allows; "
    "try again",
    Fault.LACKING: "a table is not there, or the right to use it",
    Fault.DAMAGED: "restore a backup into an empty store",
}
"""What a person should do about each; shown after the driver's message."""

_SQLITE = {
    sqlite3.SQLITE_BUSY: Fault.BUSY,
    sqlite3.SQLITE_LOCKED: Fault.BUSY,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
    sqlite3.SQLITE_FULL: Fault.FULL,
    sqlite3.SQLITE_INTERRUPT: Fault.ENDED,
    sqlite3.SQLITE_ABORT: Fault.ENDED,
    sqlite3.SQLITE_IOERR: Fault.AWAY,
    sqlite3.SQLITE_CANTOPEN: Fault.AWAY,
    sqlite3.SQLITE_PERM: Fault.LACKING,
    sqlite3.SQLITE_AUTH: Fault.LACKING,
    sqlite3.SQLITE_NOMEM: Fault.AWAY,
    sqlite3.SQLITE_PROTOCOL: Fault.AWAY,
    sqlite3.SQLITE_CORRUPT: Fault.DAMAGED,
    sqlite3.SQLITE_NOTADB: Fault.DAMAGED,
    # SQLite cannot make the small file that it needs to read: there is no room for it
    sqlite3.SQLITE_IOERR_SHMSIZE: Fault.FULL,
}
"""By extended result code, else by its lowest byte, the primary one."""

_NO_TABLE = "no such table"
"""SQLite's message after its file was replaced by an empty one; it has no code of its own."""

_STATES = {
    "25006": Fault.READ_ONLY,
    "53100": Fault.FULL,
    "57014": Fault.ENDED,
    "25P03": Fault.ENDED,
    "42501": Fault.LACKING,  # the role has lost a right
    "42P01": Fault.LACKING,  # no table: another or an empty database
    "3F000": Fault.LACKING,
    "3D000": Fault.CLOSED,
    "XX001": Fault.DAMAGED,
    "XX002": Fault.DAMAGED,
}
"""By PostgreSQL's SQLSTATE."""

_CLASSES = {
    "08": Fault.AWAY,  # connection
    "28": Fault.CLOSED,  # login
    "40": Fault.BUSY,  # deadlock, serialization
    "53": Fault.AWAY,  # no memory, too many connections
    "55": Fault.BUSY,  # locks
    "57": Fault.AWAY,  # shut down
    "58": Fault.AWAY,  # input and output
    "XX": Fault.AWAY,  # its own mistakes
}
"""By the first two characters of the SQLSTATE, for codes that are not in `_STATES`."""

_UNREACHABLE = frozenset({"OperationalError", "InterfaceError"})
"""PEP 249's names of what a driver raises, without any state, when it has no connection."""

_NO_WAY_IN = re.compile(
    r"password authentication failed|SASL authentication failed|no password supplied"
    r"|no such (?:user|database)|(?:role|database) \".*\" does not exist"
    r"|is not (?:permitted to log in|currently accepting connections)"
    r"|permission denied for database|pg_hba\.conf"
    r"|invalid response to SSL negotiation|expected authentication request|SSL error:"
    r"|server does not support SSL"
)
"""In what PostgreSQL, PgBouncer and the driver say of a connection that waiting will not make.

The driver gives no state before there is a connection. Of a server in another language some of
these are not known: it counts as away.
"""


def fault_of(error: BaseException) -> Fault | None:
    """The fault behind an error of a driver or SQLAlchemy's wrapping of one; None for a mistake."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.Error):
        if str(cause).startswith(_NO_TABLE):
            return Fault.LACKING
        code = getattr(cause, "sqlite_errorcode", None)
        if code is not None:
            return _SQLITE.get(code, _SQLITE.get(code & 0xFF))
    state = getattr(cause, "sqlstate", None)
    if state:
        return _STATES.get(state, _CLASSES.get(state[:2]))
    names = {kind.__name__ for kind in type(cause).__mro__}
    if names.isdisjoint(_UNREACHABLE):
        return None
    return Fault.CLOSED if _NO_WAY_IN.search(str(cause)) else Fault.AWAY


def message_of(error: BaseException) -> str:
    """The driver's message in one line. `str(error)` would show parameters: people's positions."""
    cause = getattr(error, "orig", None) or error
    # PostgreSQL's further lines (DETAIL, CONTEXT) may quote a row; SQLite quotes what is no text
    first = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
    return first.partition(" with text ")[0].strip()
