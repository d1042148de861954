"""What is wrong with the service now."""

from fastapi import Request, Response

from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.housekeeping.alerts.watching import Alert
from trackflow.web.answers.alerts import ALERTS, alerts_answer
from trackflow.web.answers.sending import answer
from trackflow.web.cached import CachedValue
from trackflow.web.dependencies import guarded_router
from trackflow.web.security.access import open_to

router = guarded_router()


@router.get("/api/v1/alerts", tags=["service"], summary="What is wrong now", responses=ALERTS)
@open_to(Scope.READ)
def list_alerts(request: Request) -> Response:
    """Alerts that are on, each with what to do; they may be some seconds old.

    The same as `trackflow alerts`. Messages about them go to `TRACKFLOW_NOTIFY_URLS`.
    """
    known: CachedValue[list[Alert]] = request.app.state.alerts
    return answer(request, alerts_answer(known.get()))
