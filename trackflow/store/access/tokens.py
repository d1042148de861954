"""Access tokens and their scopes. Only a hash is stored; the token itself is shown once."""

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import NotFoundError, SettingsError
from trackflow.store.access import no_token
from trackflow.store.service_tables import access_tokens

a = access_tokens.c

PREFIX = "tf_"
"""The beginning of every token, by which people and secret scanners recognise one."""


class Scope(StrEnum):
    """The rights of a token. An admin may do everything."""

    INGEST = "ingest"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret.

    Attributes:
        token_id: its id.
        name: its name, for people.
        scope: its rights.
        device_id: the only device that an ingest token may send points of; None for all.
        created_at: UTC.
        revoked_at: UTC; None while it can be used.
    """

    token_id: str
    name: str
    scope: Scope
    device_id: str | None
    created_at: dt.datetime
    revoked_at: dt.datetime | None = None


def create(
    connection: Connection,
    name: str,
    scope: Scope,
    device_id: str | None,
    now: dt.datetime,
    secret: str | None = None,
) -> tuple[str, Token]:
    """Make a token; its secret is returned here and nowhere else. It switches no-token mode off.

    Args:
        connection: in a transaction for writing.
        name: its name, for people.
        scope: its rights.
        device_id: the only device that an ingest token may send points of; None for all.
        now: the time, UTC.
        secret: its secret; by default a new one, which nobody can guess.

    Returns:
        The secret and the token.

    Raises:
        SettingsError: a device is named for a scope that is not for devices.
    """
    if device_id is not None and scope is not Scope.INGEST:
        raise SettingsError("only tokens for ingest belong to a device")
    secret = secret or PREFIX + secrets.token_urlsafe(32)
    token = Token(secrets.token_hex(4), name, scope, device_id, now)
    connection.execute(
        sa.insert(access_tokens).values(
            token_id=token.token_id,
            name=name,
            token_hash=hash_of(secret),
            scope=scope.value,
            device_id=device_id,
            created_at=now,
        )
    )
    no_token.switch_off(connection, no_token.TOKEN_EXISTED, now)
    return secret, token


def find(connection: Connection, secret: str) -> Token | None:
    """The token with this secret, unless it was revoked."""
    row = connection.execute(
        _select().where(a.token_hash == hash_of(secret), a.revoked_at.is_(None))
    ).one_or_none()
    return None if row is None else _token(row)


def is_known(connection: Connection, secret: str) -> bool:
    """Whether there is a token with this secret, or was one that has been revoked."""
    query = sa.select(a.token_id).where(a.token_hash == hash_of(secret))
    return connection.scalar(query) is not None


def in_use(connection: Connection) -> dict[str, Token]:
    """All tokens that can be used, by the hash of their secret."""
    rows = connection.execute(_select().add_columns(a.token_hash).where(a.revoked_at.is_(None)))
    return {row.token_hash: _token(row) for row in rows}


def exist(connection: Connection) -> bool:
    """Whether there is any token that can be used."""
    query = sa.select(a.token_id).where(a.revoked_at.is_(None)).limit(1)
    return connection.scalar(query) is not None


def read_tokens(connection: Connection) -> list[Token]:
    """All tokens, revoked ones too, in order of their creation."""
    rows = connection.execute(_select().order_by(a.created_at, a.token_id))
    return [_token(row) for row in rows]


def revoke(connection: Connection, token_id: str, now: dt.datetime) -> None:
    """Revoke a token: it is not accepted any more.

    Raises:
        NotFoundError: there is no such token, or it was revoked before.
    """
    changed = connection.execute(
        sa.update(access_tokens)
        .where(a.token_id == token_id, a.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    if changed.rowcount != 1:
        raise NotFoundError(f"there is no token {token_id} in use; see `trackflow token list`")


def hash_of(secret: str) -> str:
    """The hash of a secret, as it is stored."""
    # a random secret of 256 bits cannot be guessed from a fast hash, unlike a password
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _select() -> sa.Select[tuple[str, str, str, str | None, dt.datetime, dt.datetime | None]]:
    return sa.select(a.token_id, a.name, a.scope, a.device_id, a.created_at, a.revoked_at)


def _token(row: sa.Row[tuple[str, str, str, str | None, dt.datetime, dt.datetime | None]]) -> Token:
    return Token(
        row.token_id, row.name, Scope(row.scope), row.device_id, row.created_at, row.revoked_at
    )
