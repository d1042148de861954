"""Whether all is well, for load balancers and container health checks."""

from trackflow.api.access import open_to
from trackflow.api.dependencies import WorkDep, guarded_router

router = guarded_router()


@router.get("/health", tags=["service"], summary="Whether the service and its database answer")
@open_to(None)
def health(work: WorkDep) -> dict[str, str]:
    """Answers `{"status": "ok"}`; 503 while the database is away. Open to everyone."""
    with work.store.read():
        return {"status": "ok"}
