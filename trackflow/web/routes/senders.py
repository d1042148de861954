"""The state of each live sender: its last report, and its refused input."""

from fastapi import Request, Response

from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.intake.quarantine import SenderState
from trackflow.web.answers.senders import SENDERS, senders_answer
from trackflow.web.answers.sending import answer
from trackflow.web.cached import CachedValue
from trackflow.web.dependencies import guarded_router
from trackflow.web.security.access import open_to

router = guarded_router()


@router.get("/api/v1/senders", tags=["delivery"], summary="How each sender does", responses=SENDERS)
@open_to(Scope.READ)
def list_senders(request: Request) -> Response:
    """Every sender that has reported, and its input in quarantine.

    `refused` counts by reason, `last_error` is the reason of the newest, and `advice` is what to
    set right. `files` stands for imported files. The input itself is not shown here: `trackflow
    quarantine show` shows it.
    """
    known: CachedValue[list[SenderState]] = request.app.state.senders
    return answer(request, senders_answer(known.get()))
