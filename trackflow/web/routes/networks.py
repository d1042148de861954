"""Road networks: listed and removed. Building one takes a file and minutes: `network build`."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.roads.networks import list_networks, remove
from trackflow.web.answers import networks as answers
from trackflow.web.answers.sending import answer
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.parameters import NO_NUL
from trackflow.web.security.access import open_to

router = guarded_router()

Name = Annotated[
    str, Path(description="Of the network, as listed.", max_length=300, pattern=NO_NUL)
]


@router.get(
    "/api/v1/networks",
    tags=["devices"],
    summary="The road networks in use",
    responses=answers.NETWORKS,
)
@open_to(Scope.READ)
def networks(request: Request, context: ContextDep) -> Response:
    """By profile and name: version, source file, extent, size, and days that were matched on it.

    The version changes whenever the roads do.
    """
    return answer(request, answers.networks_answer(list_networks(context)))


@router.delete(
    "/api/v1/networks/{name:path}",
    tags=["devices"],
    summary="Remove a road network",
    response_model=None,
    responses=answers.REMOVED,
)
@open_to(Scope.ADMIN)
def remove_networks(
    context: ContextDep,
    name: Name,
    profile: Annotated[
        str | None,
        Query(
            description="car, bicycle or foot; without it, the networks of all profiles.",
            max_length=100,
            pattern=NO_NUL,
        ),
    ] = None,
) -> answers.RemovedNetworksAnswer:
    """Delete a network with its maps; what it had matched is matched again by another, or by none.

    404 if there is no such network.
    """
    return answers.removed_answer(remove(context, name, profile))
