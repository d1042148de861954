"""Tokens, without their secrets but for a new one's."""

import datetime as dt
from typing import TypedDict

from trackflow.usecases.access.tokens import AccessState, Scope, Token
from trackflow.web.answers.describing import described, shows


@described
class TokenEntry(TypedDict):
    """A token."""

    token_id: str
    name: str
    """Its purpose, for people."""
    scope: str
    """ingest, read or admin."""
    device_id: str | None
    """The only device whose points an ingest token delivers; null for any."""
    created_at: dt.datetime
    revoked_at: dt.datetime | None
    """Null while it can be used."""


@described
class TokensAnswer(TypedDict):
    """All tokens."""

    tokens: list[TokenEntry]


@described
class NewTokenAnswer(TokenEntry):
    """A new token with its secret."""

    secret: str
    """What a program sends; it is shown here and nowhere else."""


@described
class RevokedAnswer(TypedDict):
    """A token that opens nothing any more."""

    token_id: str
    others: bool
    """Whether another one is in use."""


def tokens_answer(state: AccessState) -> TokensAnswer:
    """All tokens."""
    return {"tokens": [token_answer(token) for token in state.tokens]}


def token_answer(token: Token) -> TokenEntry:
    """A token."""
    return {
        "token_id": token.token_id,
        "name": token.name,
        "scope": token.scope.value,
        "device_id": token.device_id,
        "created_at": token.created_at,
        "revoked_at": token.revoked_at,
    }


_TOKEN = token_answer(
    Token("9f2c", "phone of Anna", Scope.INGEST, "anna", dt.datetime(2026, 9, 21, tzinfo=dt.UTC))
)

TOKENS = shows(TokensAnswer, {"tokens": [_TOKEN]})
REVOKED = shows(RevokedAnswer, {"token_id": "9f2c", "others": True})
NEW_TOKEN = shows(NewTokenAnswer, {**_TOKEN, "secret": "tf_3kZ…"})
