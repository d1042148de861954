"""Takes the callbacks of a mesh service: checked, each once, and the state never goes back."""

import math
from collections.abc import Mapping
from typing import Any

import orjson
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from trackflow.context import Context
from trackflow.errors import AccessError, BadInputError
from trackflow.store.meshes import remote
from trackflow.store.meshes.remote import RemoteMesh

MOST_BYTES = 1_000_000
MOST_ID_CHARACTERS = 200
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")

_STATUSES = frozenset({"queued", "running", "completed", "failed", "cancelled"})
_LARGEST_NUMBER = 2**62


def take_callback(context: Context, headers: Mapping[str, str], body: bytes) -> bool:
    """Note what a callback tells; False if it is a repeated or a late one, which changes nothing.

    Raises:
        AccessError: it is not signed by the service, too old, or from the future.
        BadInputError: it is no callback of a mesh service.
    """
    _check_signature(context, headers, body)
    reported = _reported_mesh(body)
    message_id = headers["webhook-id"][:MOST_ID_CHARACTERS]
    with context.store.write() as connection:
        return remote.take(connection, message_id, reported, context.clock())


def _check_signature(context: Context, headers: Mapping[str, str], body: bytes) -> None:
    if not context.settings.mesh_secret:
        raise AccessError("no callbacks are expected here: TRACKFLOW_MESH_SECRET is not set")
    given = {name: headers[name] for name in HEADERS if name in headers}
    try:
        Webhook(context.settings.mesh_secret).verify(body, given, json_parse=False)
    except WebhookVerificationError as error:
        raise AccessError(
            f"the callback is refused: {error}; the secret has to be the same on both sides, and "
            "both clocks right"
        ) from None
    except ValueError:  # a signature that is no Base64, a body that is no text
        raise AccessError("the callback is refused: its signature cannot be read") from None


def _reported_mesh(body: bytes) -> RemoteMesh:
    try:
        data = orjson.loads(body)["data"]
        reported = RemoteMesh(
            str(data["mesh_id"]),
            int(data["sequence"]),
            str(data["status"]),
            float(data["progress"]),
            _text(data.get("step")),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise BadInputError("this is no callback of a mesh service") from None
    is_sound = (
        reported.status in _STATUSES
        and 0 <= reported.sequence <= _LARGEST_NUMBER
        and math.isfinite(reported.progress)
        and "\0" not in reported.mesh_id
    )
    if not is_sound:
        raise BadInputError("this is no callback of a mesh service")
    return reported


def _text(value: Any) -> str | None:
    return None if value is None else str(value).replace("\0", "")
