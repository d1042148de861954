"""Rules: read, previewed, saved, applied, undone."""

import datetime as dt
import uuid
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from trackflow.categories.rules.rules import RuleSet
from trackflow.categories.rules.toml import parse_table, parse_toml
from trackflow.errors import BadInputError
from trackflow.geo.time import within_calendars
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.categories.following import decide_between
from trackflow.usecases.categories.previewing import PreviewRange, preview_rules
from trackflow.usecases.categories.rule_versions import (
    RulesVersion,
    UseRow,
    apply_rules,
    read_history,
    read_version,
    save_rules,
    undo_use,
)
from trackflow.usecases.categories.track_rules import draft_of_track
from trackflow.web.answers import rule_examples as examples
from trackflow.web.answers import rules as answers
from trackflow.web.answers.sending import answer
from trackflow.web.dependencies import CallerDep, ContextDep, guarded_router
from trackflow.web.parameters import EndTime, moment
from trackflow.web.security.access import decider, open_to

router = guarded_router()

MOST_CHANGES = 1000
LONGEST_TOML = 500_000


class RulesBody(BaseModel):
    """Rules as TOML, or as the tables of such a file."""

    model_config = ConfigDict(extra="forbid")

    toml: str | None = Field(None, description="The rules as TOML.", max_length=LONGEST_TOML)
    rules: list[dict[str, Any]] | None = Field(
        None, description="Instead of `toml`: the tables `[[rules]]`.", max_length=500
    )
    holidays: dict[str, Any] | None = Field(
        None, description="With `rules`: country, subdivision and dates."
    )

    def parsed(self) -> RuleSet:
        """The rules.

        Raises:
            BadInputError: they make no sense, or are given twice or not at all.
        """
        if self.toml is not None and self.rules is None and self.holidays is None:
            return parse_toml(self.toml)
        if self.rules is None or self.toml is not None:
            raise BadInputError("give the rules either as `toml` or as `rules`")
        return parse_table({"rules": self.rules, "holidays": self.holidays or {}})


class RulesSave(RulesBody):
    """Rules to save."""

    comment: str | None = Field(None, description="Why, for the history.", max_length=500)
    made_from: int | None = Field(
        None,
        description="The version that was changed: 409 if another one is in use by now.",
        ge=0,
        le=2**31 - 1,
    )


class RulesPreview(RulesBody):
    """A draft of rules, and the tracks to compare."""

    device_ids: list[str] | None = Field(
        None, description="Only these devices; null for all.", max_length=1000
    )
    from_: dt.datetime | None = Field(
        None, alias="from", description="Tracks that begin at this time or later."
    )
    to: EndTime | None = Field(
        None, description="Tracks that begin before this time; a day alone is included."
    )
    offset: int = Field(0, description="Changes to leave out at the beginning.", ge=0)
    limit: int = Field(100, description="Most changes of the answer.", ge=0, le=MOST_CHANGES)


class RulesApply(BaseModel):
    """A version, and the time for which to use it."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(description="The version.", ge=1, le=2**31 - 1)
    from_: dt.datetime = Field(alias="from", description="Tracks that begin at this time or later.")
    to: EndTime = Field(description="Tracks that begin before this time; a day alone is included.")


class UseUndo(BaseModel):
    """The use to undo."""

    model_config = ConfigDict(extra="forbid")

    use_no: int | None = Field(
        None, description="Its number; null for the newest that counts.", ge=1, le=2**31 - 1
    )


@router.get("/api/v1/rules", tags=["rules"], summary="The rules in use", responses=examples.RULES)
@open_to(Scope.READ)
def rules(
    request: Request,
    context: ContextDep,
    version: Annotated[
        int | None,
        Query(description="Another version than the one in use now.", ge=1, le=2**31 - 1),
    ] = None,
) -> Response:
    """The rules for tracks that begin now, or of a version; `toml` is the same as a file."""
    return answer(request, answers.rules_answer(read_version(context, version)))


@router.get(
    "/api/v1/rules/history",
    tags=["rules"],
    summary="Versions of the rules, and when each is used",
    responses=examples.HISTORY,
)
@open_to(Scope.READ)
def history(request: Request, context: ContextDep) -> Response:
    """The newest first. The use with the highest number that covers a track's start decides."""
    return answer(request, answers.history_answer(read_history(context)))


@router.get(
    "/api/v1/rules/from-track/{track_id}",
    tags=["rules"],
    summary="A rule made of a track",
    responses=examples.DRAFT,
)
@open_to(Scope.READ)
def from_track(
    request: Request,
    context: ContextDep,
    track_id: Annotated[uuid.UUID, Path(description="The track.")],
) -> Response:
    """The draft of a rule that holds for a track and for those like it; nothing is saved."""
    draft = draft_of_track(context, track_id)
    return answer(request, answers.rules_answer(RulesVersion(0, draft)))


@router.post(
    "/api/v1/rules",
    tags=["rules"],
    summary="Save rules",
    response_model=None,
    responses=examples.SAVED,
)
@open_to(Scope.ADMIN)
def save(context: ContextDep, caller: CallerDep, wanted: RulesSave) -> answers.SaveReportAnswer:
    """Save a new version, for tracks that begin from now on. The past stays as it is.

    400 names everything that is wrong with the rules.
    """
    saved = save_rules(
        context, wanted.parsed(), decider(caller), wanted.comment, made_from=wanted.made_from
    )
    return answers.saved_answer(saved)


@router.post(
    "/api/v1/rules/preview",
    tags=["rules"],
    summary="What a draft of rules would change",
    response_model=None,
    responses=examples.PREVIEW,
)
@open_to(Scope.READ)
def preview(context: ContextDep, wanted: RulesPreview) -> answers.PreviewAnswer:
    """Past tracks that would change if the draft were applied, and sums. Nothing is written."""
    devices = None
    if wanted.device_ids is not None:
        # PostgreSQL's text cannot hold a NUL, so no device has such an id
        devices = tuple(one for one in wanted.device_ids if "\0" not in one)
    chosen = PreviewRange(
        devices, moment(wanted.from_), moment(wanted.to), wanted.offset, wanted.limit
    )
    return answers.preview_answer(preview_rules(context, wanted.parsed(), chosen))


@router.post(
    "/api/v1/rules/apply",
    tags=["rules"],
    summary="Use a version for a time in the past",
    response_model=None,
    responses=examples.USE,
)
@open_to(Scope.ADMIN)
def apply(context: ContextDep, caller: CallerDep, wanted: RulesApply) -> answers.ChangedUseAnswer:
    """Tracks that begin in the time are decided anew, and the logbook follows at once.

    What people decided stays.
    """
    start, end = within_calendars(wanted.from_), within_calendars(wanted.to)
    return _changed(context, apply_rules(context, wanted.version, start, end, decider(caller)))


@router.post(
    "/api/v1/rules/undo",
    tags=["rules"],
    summary="Undo a use of rules",
    response_model=None,
    responses=examples.USE,
)
@open_to(Scope.ADMIN)
def undo(context: ContextDep, wanted: UseUndo) -> answers.ChangedUseAnswer:
    """What was used before decides again, and the logbook follows at once. 404 for none to undo."""
    return _changed(context, undo_use(context, wanted.use_no))


def _changed(context: ContextDep, use: UseRow) -> answers.ChangedUseAnswer:
    changed, _ = decide_between(context, None, use.from_time, use.until_time)
    return {"use": answers.use_answer(use), "changed": changed}
