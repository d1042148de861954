"""Sends the callbacks of a mesh service: signed, again and again until they are taken.

The form is that of Standard Webhooks: an id that stays the same for each try of a callback, the
time of the try, and a signature of both and of the body.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import orjson
from standardwebhooks import Webhook

from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.deadline import TooLateError
from trackflow.concurrency.http import TooLargeError, ask
from trackflow.concurrency.public_addresses import PublicAddresses
from trackflow.context import Context
from trackflow.errors import (
    AddressRefusedError,
    BadInputError,
    NotFoundError,
    SourceUnavailableError,
)
from trackflow.store.meshes import outbox
from trackflow.store.meshes.outbox import DueCallback
from trackflow.usecases.meshes.service_states import mesh_state

MOST_ADDRESS_CHARACTERS = 2000
MOST_ANSWER_BYTES = 65_536

_GONE = 410


@dataclass(frozen=True, slots=True)
class CallbackTimes:
    """Times of callbacks, in seconds.

    Attributes:
        request_s: for one try.
        first_rest_s: after the first failed try; it doubles with each further one.
        longest_rest_s: the longest such rest.
        progress_rest_s: between two callbacks of a mesh.
        give_up_s: a callback that was not taken for so long is given up.
    """

    request_s: float = 10.0
    first_rest_s: float = 5.0
    longest_rest_s: float = 600.0
    progress_rest_s: float = 1.0
    give_up_s: float = 3 * 86_400.0

    def rest_s(self, tries: int) -> float:
        """The rest after so many failed tries."""
        return min(self.first_rest_s * 2.0 ** min(tries - 1, 16), self.longest_rest_s)


def register_callback(context: Context, mesh_id: str, address: str, base_url: str) -> None:
    """Tell an address of all changes of a mesh.

    Args:
        context: the store.
        mesh_id: of the mesh.
        address: where callbacks go.
        base_url: of this service, as the requester reaches it.
    """
    with context.store.write() as connection:
        outbox.register(
            connection,
            mesh_id,
            address,
            context.clock(),
            host=urlsplit(address).netloc.rpartition("@")[2].lower(),
            base_url=base_url,
        )


def check_callback(context: Context, address: str) -> None:
    """Check that callbacks to an address are possible.

    Raises:
        BadInputError: it is no web address, or there is no secret to sign by.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInputError("callback_url is no web address; it begins with https:// or http://")
    if len(address) > MOST_ADDRESS_CHARACTERS:
        raise BadInputError(f"callback_url has more than {MOST_ADDRESS_CHARACTERS} characters")
    if not context.settings.mesh_secret:
        raise BadInputError(
            "this service sends no callbacks, as it has no TRACKFLOW_MESH_SECRET: ask for the "
            "mesh's state instead"
        )


def callback_client(context: Context) -> HttpClient:
    """A client that connects to the internet only, and to what the settings allow.

    Raises:
        SettingsError: they make no sense.
    """
    addresses = PublicAddresses.allowing(context.settings.mesh_allow_hosts)
    return HttpClient(resolve=addresses.resolve)


class CallbackSender:
    """Sends what is due. Threads may share one."""

    def __init__(
        self,
        context: Context,
        client: HttpClient,
        times: CallbackTimes = CallbackTimes(),
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        """A sender.

        Args:
            context: the store and the secret.
            client: makes the requests.
            times: of tries and rests.
            now: the time for signatures, which receivers compare with their own clocks.
        """
        self._context, self._client, self._times, self._now = context, client, times, now
        self._webhook = Webhook(context.settings.mesh_secret)

    def send_next(self) -> bool:
        """Send the callback that is due first; False if none is."""
        context, times = self._context, self._times
        with context.store.write() as connection:
            # longer than a request takes: no other process sends it meanwhile
            due = outbox.take_due(connection, context.clock(), times.request_s + 20)
        if due is None:
            return False
        try:
            status = self._sent(due)
            error = None if 200 <= status < 300 else f"the receiver answers with HTTP {status}"
            is_hopeless = status == _GONE
        except (AddressRefusedError, NotFoundError) as refused:
            error, is_hopeless = str(refused), True
        except (TooLateError, TooLargeError, SourceUnavailableError, httpx.HTTPError) as failed:
            error, is_hopeless = str(failed) or type(failed).__name__, False
        self._note(due, error, is_hopeless)
        return True

    def _note(self, due: DueCallback, error: str | None, is_hopeless: bool) -> None:
        context, times = self._context, self._times
        now = context.clock()
        is_old = (now - due.changed_at).total_seconds() > times.give_up_s
        with context.store.write() as connection:
            if error is None:
                outbox.note_taken(connection, due, now, rest_s=times.progress_rest_s)
            elif is_hopeless or is_old:
                outbox.give_up(connection, due, error, now)
            else:
                rest_s = times.rest_s(due.tries + 1)
                outbox.note_failed(connection, due, error, now, rest_s=rest_s)

    def _sent(self, due: DueCallback) -> int:
        """Make one try; returns the status of the answer."""
        body = self._body(due)
        now = self._now()
        reply = ask(
            self._client,
            httpx.URL(due.address),
            deadline_s=self._times.request_s,
            max_bytes=MOST_ANSWER_BYTES,
            headers={
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
                "Webhook-Id": due.message_id,
                "Webhook-Timestamp": str(int(now.timestamp())),
                "Webhook-Signature": self._webhook.sign(due.message_id, now, body.decode()),
            },
            method="POST",
            content=body,
        )
        return reply.status

    def _body(self, due: DueCallback) -> bytes:
        state = mesh_state(self._context, due.mesh_id, due.base_url)
        # the state may be newer than what is due: it is sent once more then, with a higher number
        reported = {
            **state,
            "status": due.status,
            "progress": due.progress,
            "sequence": due.sequence,
        }
        kind = "progress" if due.status in ("queued", "running") else due.status
        return orjson.dumps(
            {"type": f"mesh.{kind}", "timestamp": due.changed_at, "data": reported},
            option=orjson.OPT_UTC_Z,
        )
