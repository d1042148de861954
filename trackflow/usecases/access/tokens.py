"""Tokens: made, listed, revoked, and looked up for each request."""

from collections.abc import Sequence
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.sources.admission import fit_device
from trackflow.store.access import no_token, tokens
from trackflow.store.access.no_token import NoTokenMode
from trackflow.store.access.tokens import Scope, Token, hash_of

__all__ = [
    "AccessState",
    "NoTokenMode",
    "Scope",
    "Token",
    "create_token",
    "find_tokens",
    "give_token",
    "hash_of",
    "read_access",
    "revoke_token",
    "tokens_in_use",
]


SHORTEST_GIVEN = 32
"""Characters of a secret that people make by themselves, such as `openssl rand -hex 32`."""


@dataclass(frozen=True, slots=True)
class AccessState:
    """All tokens, revoked ones too, and the mode without one."""

    tokens: Sequence[Token]
    mode: NoTokenMode

    @property
    def has_token_in_use(self) -> bool:
        """Whether any token is in use."""
        return any(token.revoked_at is None for token in self.tokens)


def create_token(
    context: Context, name: str, scope: Scope, device_id: str | None
) -> tuple[str, Token]:
    """Make a token; its secret is returned here and nowhere else. It switches no-token mode off.

    Args:
        context: the store.
        name: its purpose, for people.
        scope: the routes that it opens.
        device_id: the device whose points it delivers, for `ingest` only; None for any.

    Raises:
        SettingsError: the name or the device is invalid, or a device is named for a scope without
            devices.
    """
    for what, text in (("name", name), ("device", device_id)):
        if text is not None and not fit_device(text.strip()):
            raise SettingsError(
                f"the {what} of a token must have 1 to 200 visible characters, not {text!r}"
            )
    bound_to = device_id.strip() if device_id else None
    with context.store.write() as connection:
        return tokens.create(connection, name.strip(), scope, bound_to, context.clock())


def give_token(context: Context, name: str, scope: Scope, secret: str) -> None:
    """Let a secret in that both sides know from their settings; one that was revoked stays out.

    Args:
        context: the store.
        name: its purpose, for people.
        scope: the routes that it opens.
        secret: the token.

    Raises:
        SettingsError: it is so short that it could be guessed.
    """
    if len(secret) < SHORTEST_GIVEN:
        raise SettingsError(
            f"{name} needs {SHORTEST_GIVEN} characters or more: `openssl rand -hex 32` makes one"
        )
    with context.store.write() as connection:
        if not tokens.is_known(connection, secret):
            tokens.create(connection, name, scope, None, context.clock(), secret)


def read_access(context: Context) -> AccessState:
    """All tokens, without their secrets, and no-token mode, as they are at one moment."""
    with context.store.read() as connection:
        return AccessState(tokens.read_tokens(connection), no_token.read_mode(connection))


def revoke_token(context: Context, token_id: str) -> bool:
    """Revoke a token; returns whether another one is in use.

    Raises:
        NotFoundError: there is no such token, or it was revoked before.
    """
    with context.store.write() as connection:
        tokens.revoke(connection, token_id, context.clock())
        return tokens.exist(connection)


def tokens_in_use(context: Context) -> dict[str, Token]:
    """All tokens that can be used, by the hash of their secret (`hash_of`)."""
    with context.store.read() as connection:
        return tokens.in_use(connection)


def find_tokens(context: Context, secrets: Sequence[str]) -> tuple[list[Token], NoTokenMode | None]:
    """The tokens in use among some secrets; without any, no-token mode as it is now.

    Returns:
        The tokens, and the mode, which is None if there are tokens: it is not needed then.
    """
    with context.store.read() as connection:
        found = [t for secret in secrets if (t := tokens.find(connection, secret)) is not None]
        return found, None if found else no_token.read_mode(connection)
