"""Tokens: listed, made and revoked by admins."""

from typing import Annotated

from fastapi import Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from trackflow.usecases.access import tokens as access
from trackflow.usecases.access.tokens import Scope
from trackflow.web.answers import tokens as answers
from trackflow.web.answers.sending import answer
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.parameters import NO_NUL
from trackflow.web.security.access import open_to

router = guarded_router()


class TokenBody(BaseModel):
    """A new token."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Its purpose, for people.", max_length=200)
    scope: Scope = Field(description="ingest, read or admin.")
    device_id: str | None = Field(
        None, description="The only device whose points it delivers (ingest).", max_length=200
    )


@router.get("/api/v1/tokens", tags=["access"], summary="All tokens", responses=answers.TOKENS)
@open_to(Scope.ADMIN)
def tokens(request: Request, context: ContextDep) -> Response:
    """Without their secrets, which are not stored; revoked ones are among them."""
    return answer(request, answers.tokens_answer(access.read_access(context)))


@router.post(
    "/api/v1/tokens",
    tags=["access"],
    summary="Make a token",
    response_model=None,
    responses=answers.NEW_TOKEN,
)
@open_to(Scope.ADMIN)
def create(request: Request, context: ContextDep, wanted: TokenBody) -> answers.NewTokenAnswer:
    """The secret is in this answer and nowhere else. The first token ends access without one.

    With a token for sending comes what phones' apps have to be told, by the address of
    TRACKFLOW_PUBLIC_URL, or else by that of this request.
    """
    secret, token = access.create_token(context, wanted.name, wanted.scope, wanted.device_id)
    address = context.settings.public_url or str(request.base_url).rstrip("/")
    return answers.new_token_answer(token, secret, address)


@router.post(
    "/api/v1/tokens/{token_id}/revoke",
    tags=["access"],
    summary="Revoke a token",
    response_model=None,
    responses=answers.REVOKED,
)
@open_to(Scope.ADMIN)
def revoke(
    context: ContextDep,
    token_id: Annotated[
        str, Path(description="The token, as listed.", max_length=100, pattern=NO_NUL)
    ],
) -> answers.RevokedAnswer:
    """It opens nothing any more. 404 if there is no such token, or it was revoked before."""
    return {"token_id": token_id, "others": access.revoke_token(context, token_id)}
