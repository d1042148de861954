"""What other thresholds would do to tracks."""

import datetime as dt

from pydantic import BaseModel, ConfigDict, Field

from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.days.what_if import what_if as ask_what_if
from trackflow.web.answers.what_if import WHAT_IF, WhatIfAnswer, what_if_answer
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.security.access import open_to

router = guarded_router()


class WhatIfBody(BaseModel):
    """A device, days, and other thresholds."""

    model_config = ConfigDict(extra="forbid")

    device_id: str = Field(description="The device.", max_length=200)
    from_: dt.date = Field(alias="from", description="First day (UTC).")
    to: dt.date = Field(description="Last day, included; at most a year.")
    thresholds: dict[str, float | int | None] = Field(
        default_factory=dict,
        description="The other thresholds by name; null takes the own one back. All else stays.",
        max_length=20,
    )
    preset: str | None = Field(
        None,
        description="The other preset: vehicle, phone, asset or sport; empty for the defaults.",
        max_length=20,
    )


@router.post(
    "/api/v1/what-if",
    tags=["tracks"],
    summary="What other thresholds would do",
    response_model=None,
    responses=WHAT_IF,
)
@open_to(Scope.READ)
def what_if(context: ContextDep, wanted: WhatIfBody) -> WhatIfAnswer:
    """Tracks that would be added, removed, split or merged, and kilometres. Nothing is written."""
    report = ask_what_if(
        context, wanted.device_id, wanted.from_, wanted.to, wanted.thresholds, wanted.preset
    )
    return what_if_answer(report)
