"""The receiver that `docs/mesh-service.md` shows takes what the service sends, and nothing else."""

import datetime as dt
import json
from typing import Any

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from trackflow_tests.docs.pages import ROOT, blocks
from trackflow_tests.helpers.mesh_services import SECRET


def test_the_receiver_of_the_page_keeps_the_newest_state() -> None:
    (block,) = blocks(ROOT / "docs" / "mesh-service.md", "python")
    names: dict[str, Any] = {}
    exec(compile(block, "docs/mesh-service.md", "exec"), names)

    def send(message_id: str, sequence: int, secret: str = SECRET) -> None:
        data = {"mesh_id": "m", "sequence": sequence}
        body = json.dumps({"type": "mesh.progress", "data": data})
        now = dt.datetime.now(dt.UTC)
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(message_id, now, body),
        }
        names["take"](SECRET, headers, body.encode())

    for message_id, sequence in (("a", 1), ("c", 3), ("b", 2), ("c", 3)):
        send(message_id, sequence)
    assert names["states"]["m"]["sequence"] == 3
    with pytest.raises(WebhookVerificationError):
        send("d", 4, "whsec_" + "YW5vdGhlciBzZWNyZXQgYWx0b2dldGhlciE=")
