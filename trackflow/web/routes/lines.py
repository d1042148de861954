"""Lines of the last hours, and the state of processing."""

from fastapi import Request, Response

from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.queries.lines import cached_paths
from trackflow.usecases.queries.processing import StoreCounts, worker_status
from trackflow.web.answers.lines import PATHS, paths_answer
from trackflow.web.answers.sending import answer
from trackflow.web.answers.service import WORKER_STATUS, worker_status_answer
from trackflow.web.cached import CachedValue
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.parameters import DeviceIds, RecentTime
from trackflow.web.security.access import open_to

router = guarded_router()


@router.get(
    "/paths/cached",
    tags=["lines"],
    summary="Matched lines as encoded polylines",
    responses=PATHS,
)
@open_to(Scope.READ)
def paths(request: Request, context: ContextDep, device: DeviceIds, when: RecentTime) -> Response:
    """Lines of five-minute windows that overlap the time, by device, ready to be drawn.

    `polyline` has precision 5; `confidence` is how well the line explains its points (0 to 1);
    `matched_share` is the share of the window's time that follows roads; `is_raw` means that the
    line joins the reported points, since they follow no road; `against_oneway` that one-ways had to
    be ignored. The lines of a device hold all its points up to its `complete_until`; null means
    none yet; `pending_days` is the number of days that still wait. The outer `complete_until` holds
    for all devices.
    """
    found = cached_paths(context, device, when)
    read = [device.device_id for device in found.devices if device.lines]
    request.app.state.accessed.note(read, when)
    return answer(request, paths_answer(found))


@router.get(
    "/worker/status", tags=["service"], summary="How the work stands", responses=WORKER_STATUS
)
@open_to(Scope.READ)
def status(request: Request, context: ContextDep) -> Response:
    """Whether processing keeps up, and what stops it.

    Points of pending device-days and of completed ones; devices that have sent something
    within 24 hours; cached lines; how long the oldest work has waited; failed, pending and
    processing device-days; the live worker; circuit breakers. In a large store, counts may be some
    seconds old.
    """
    counts: CachedValue[StoreCounts] = request.app.state.counts
    return answer(request, worker_status_answer(worker_status(context, counts.get())))
