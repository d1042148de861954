"""Tokens, without their secrets but for a new one's."""

import datetime as dt
from typing import TypedDict

import segno

from trackflow.sources.devices.setups import AppSetup, Reporting, app_setups
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
class AppSetupAnswer(TypedDict):
    """What an app has to be told to send with a token."""

    app: str
    """Its name."""
    link: str | None
    """Opened on the phone, it fills in everything; null where the app knows no such link."""
    picture: str | None
    """The link as a QR code: a data address of an SVG."""
    fields: dict[str, str]
    """Its settings, by the words that the app uses."""


@described
class NewTokenAnswer(TokenEntry):
    """A new token with its secret."""

    secret: str
    """What a program sends; it is shown here and nowhere else."""
    setups: list[AppSetupAnswer]
    """How apps send with it; empty for tokens that send nothing."""


@described
class RevokedAnswer(TypedDict):
    """A token that opens nothing any more."""

    token_id: str
    others: bool
    """Whether another one is in use."""


def tokens_answer(state: AccessState) -> TokensAnswer:
    """All tokens."""
    return {"tokens": [token_answer(token) for token in state.tokens]}


def new_token_answer(token: Token, secret: str, address: str) -> NewTokenAnswer:
    """A new token, with what apps need to send with it to an address of this server."""
    setups: list[AppSetupAnswer] = []
    if token.scope is Scope.INGEST:
        reporting = Reporting(address, secret, token.device_id or token.name)
        setups = [_setup(one) for one in app_setups(reporting).values()]
    return {**token_answer(token), "secret": secret, "setups": setups}


def _setup(one: AppSetup) -> AppSetupAnswer:
    picture = one.link and str(
        segno.make(one.link, micro=False).svg_data_uri(scale=4, light="#fff")
    )
    return {"app": one.app, "link": one.link, "picture": picture, "fields": dict(one.fields)}


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


_ANNAS = Token(
    "9f2c", "phone of Anna", Scope.INGEST, "anna", dt.datetime(2026, 9, 21, tzinfo=dt.UTC)
)
_TOKEN = token_answer(_ANNAS)

TOKENS = shows(TokensAnswer, {"tokens": [_TOKEN]})
REVOKED = shows(RevokedAnswer, {"token_id": "9f2c", "others": True})
NEW_TOKEN = shows(
    NewTokenAnswer,
    {
        **_TOKEN,
        "secret": "tf_3kZ…",
        "setups": [
            {
                "app": "Overland",
                "link": "overland://setup?url=…",
                "picture": "data:image/svg+xml…",
                "fields": {"Receiver endpoint": "https://trackflow.example/ingest/overland"},
            }
        ],
    },
)
