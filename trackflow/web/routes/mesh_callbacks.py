"""Takes the callbacks of the mesh service that this trackflow uses."""

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from trackflow.errors import BadInputError
from trackflow.usecases.meshes.generators import CALLBACK_PATH
from trackflow.usecases.meshes.receiving import HEADERS, MOST_BYTES, take_callback
from trackflow.web.answers.meshes import CALLBACK, CallbackAnswer
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.security.access import open_to

router = guarded_router()


@router.post(
    CALLBACK_PATH,
    tags=["meshes"],
    summary="Callback of a mesh service",
    response_model=None,
    responses=CALLBACK,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "type": {"type": "string", "examples": ["mesh.completed"]},
                            "timestamp": {"type": "string", "format": "date-time"},
                            "data": {"type": "object"},
                        },
                        "required": ["type", "data"],
                    }
                }
            },
        }
    },
)
@open_to(None)
async def receive(request: Request, context: ContextDep) -> CallbackAnswer:
    """News of a mesh, signed as Standard Webhooks says (`Webhook-Id`, `-Timestamp`, `-Signature`).

    403 if it is not signed with this trackflow's `TRACKFLOW_MESH_SECRET`, or older than five
    minutes. A repeated or a late one is answered like any other, so that it is not sent again, and
    changes nothing.
    """
    body = await request.body()
    if len(body) > MOST_BYTES:
        raise BadInputError("the callback is too large")
    headers = {name: request.headers[name] for name in HEADERS if name in request.headers}
    return {"taken": await run_in_threadpool(take_callback, context, headers, body)}
