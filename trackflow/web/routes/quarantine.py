"""Refused input: listed, shown, read again, deleted."""

from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from trackflow.errors import BadInputError
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.intake import quarantine
from trackflow.usecases.intake.quarantine import QuarantineFilter
from trackflow.web.answers import quarantine as answers
from trackflow.web.answers.sending import answer
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.parameters import NO_NUL
from trackflow.web.security.access import open_to

router = guarded_router()

MOST_IDS = 1_000


class QuarantineChoice(BaseModel):
    """Which refused inputs: those that meet all that is given; without any, all."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(default_factory=list, description="These.", max_length=MOST_IDS)
    sender: str | None = Field(
        None, description="Of this sender; `files` for what was imported.", max_length=100
    )
    reason: str | None = Field(None, description="Refused for this reason.", max_length=100)

    def filter(self) -> QuarantineFilter:
        """The choice as queries take it."""
        _check(self.sender, self.reason, *self.ids)
        return QuarantineFilter(self.sender, self.reason, tuple(self.ids))


@router.get(
    "/api/v1/quarantine",
    tags=["delivery"],
    summary="Refused input",
    responses=answers.REFUSED,
)
@open_to(Scope.ADMIN)
def refused(
    request: Request,
    context: ContextDep,
    sender: Annotated[
        str | None,
        Query(description="Of this sender; `files` for what was imported.", max_length=100),
    ] = None,
    reason: Annotated[
        str | None, Query(description="Refused for this reason.", max_length=100, pattern=NO_NUL)
    ] = None,
    limit: Annotated[int, Query(description="So many of the newest.", ge=1, le=1000)] = 100,
) -> Response:
    """The newest refused inputs, without the input itself; `/api/v1/senders` has the counts."""
    _check(sender, reason)
    found = quarantine.newest(context, QuarantineFilter(sender, reason), limit)
    return answer(request, answers.refused_answer(found))


@router.get(
    "/api/v1/quarantine/{refused_id}",
    tags=["delivery"],
    summary="One refused input",
    responses=answers.WHOLE,
)
@open_to(Scope.ADMIN)
def show(
    request: Request,
    context: ContextDep,
    refused_id: Annotated[
        str, Path(description="As listed.", pattern="^[0-9a-f]+$", min_length=4, max_length=100)
    ],
) -> Response:
    """The input itself, the reason, and what to set right. 404 if there is none."""
    return answer(request, quarantine.shown(context, refused_id))


@router.post(
    "/api/v1/quarantine/retry",
    tags=["delivery"],
    summary="Read refused input again",
    response_model=None,
    responses=answers.RETRIED,
)
@open_to(Scope.ADMIN)
def retry(context: ContextDep, wanted: QuarantineChoice) -> answers.RetryAnswer:
    """With this version's readers and today's settings. A repetition changes nothing more."""
    return answers.retry_answer(quarantine.retry(context, wanted.filter()))


@router.post(
    "/api/v1/quarantine/delete",
    tags=["delivery"],
    summary="Delete refused input",
    response_model=None,
    responses=answers.DELETED,
)
@open_to(Scope.ADMIN)
def delete(context: ContextDep, wanted: QuarantineChoice) -> answers.DeletedAnswer:
    """It cannot be taken back."""
    return {"deleted": quarantine.delete(context, wanted.filter())}


def _check(*texts: str | None) -> None:
    if any("\0" in text for text in texts if text):
        raise BadInputError("no sender, reason or id has a NUL in it")
