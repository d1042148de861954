"""The health of the service, for load balancers and container health checks."""

from fastapi import Request

from trackflow.usecases.housekeeping.health import WriteProbe
from trackflow.web.answers.service import HEALTH, HEALTHY, HealthAnswer
from trackflow.web.dependencies import guarded_router
from trackflow.web.security.access import open_to

router = guarded_router()


@router.get(
    "/health",
    tags=["service"],
    summary="Whether the service can store points",
    response_model=None,
    responses=HEALTH,
)
@open_to(None)
def health(request: Request) -> HealthAnswer:
    """Answers `{"status": "ok"}`; 503 while the database is away or takes no writes. Open to all.

    A database is read-only after some fail-overs, and a full disk takes no more points: reading
    still works then, and the message names the problem.
    """
    probe: WriteProbe = request.app.state.write_probe
    probe.check()
    return HEALTHY
