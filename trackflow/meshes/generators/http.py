"""Makes meshes by a mesh service over HTTP.

The same request has the same idempotency key, so that a caller that was killed finds its mesh at
the service when it asks again. The service is asked for news now and then; where its callbacks
arrive, they save most of these requests, and none of them is needed.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.deadline import Deadline, TooLateError
from trackflow.concurrency.http import Reply, TooLargeError, ask, retry_after_s
from trackflow.concurrency.permits import ConnectionLimit
from trackflow.concurrency.switch import Switch
from trackflow.errors import (
    BadInputError,
    MeshServiceError,
    MeshServiceUnavailableError,
    StoppedError,
)
from trackflow.meshes.generate import GeneratedMesh
from trackflow.meshes.json_values import parameter_values, report_from
from trackflow.meshes.parameters import MeshParameters
from trackflow.meshes.report import MeshCost, OnProgress

FINAL = frozenset({"completed", "failed", "cancelled"})
MOST_ANSWER_BYTES = 1_000_000

type Guard = Callable[[Callable[[], Reply]], Reply]
"""Makes a request behind a circuit breaker."""

type ReadReported = Callable[[str], Mapping[str, Any] | None]
"""What callbacks have reported of a mesh: its `status`, `progress` and `step`; None for nothing."""


class MeshServiceBusyError(MeshServiceUnavailableError):
    """The service asks for a rest.

    Attributes:
        retry_after_s: its length in seconds; None where it names none.
    """

    def __init__(self, message: str, retry_after_s: float | None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class ServiceTimes:
    """Times of a client, in seconds.

    Attributes:
        request_s: for one request.
        transfer_s: for sending an image or receiving a file.
        healthy_s: how long an answer about the service's health is valid.
        look_s: between two looks at what callbacks have reported.
        first_poll_s: until the service is first asked for news; then the wait grows.
        longest_poll_s: the longest wait between two such questions.
    """

    request_s: float = 10.0
    transfer_s: float = 120.0
    healthy_s: float = 5.0
    look_s: float = 0.25
    first_poll_s: float = 0.25
    longest_poll_s: float = 5.0


@dataclass(slots=True)
class HttpGenerator:
    """A `MeshGenerator` that uses a service. Threads may share one.

    Attributes:
        base_url: of the service, without a stroke at its end.
        client: makes the requests; closed with this object.
        token: of the service; empty for none.
        callback_url: where the service sends callbacks; None for none.
        reported: what these have reported.
        guard: makes each request.
        switch: the kill switch of the service.
        most_file_bytes: of one file of a mesh.
        times: of requests and waits.
        connections: limits the requests at once; None for no limit.
    """

    base_url: str
    client: HttpClient
    token: str = ""
    callback_url: str | None = None
    reported: ReadReported = lambda _: None
    guard: Guard = lambda request: request()
    switch: Switch = field(default_factory=lambda: Switch("the mesh service"))
    most_file_bytes: int = 1_000_000_000
    times: ServiceTimes = field(default_factory=ServiceTimes)
    connections: ConnectionLimit | None = None
    _version: str = ""
    _healthy_until_s: float = float("-inf")

    @property
    def version(self) -> str:
        """The version of the service's generator.

        Raises:
            MeshServiceUnavailableError: it does not answer.
        """
        self._check_health()
        return self._version

    def generate(
        self,
        image: bytes,
        name: str,
        parameters: MeshParameters,
        *,
        on_progress: OnProgress = lambda _share, _step: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> GeneratedMesh:
        """Make a mesh; see `MeshGenerator`."""
        self._check_health()
        first = self._submitted(image, name, parameters)
        mesh_id, answer = _text(first, "mesh_id"), first
        progress = _Progress(on_progress)
        for answer in self._news(mesh_id, first):
            progress.pass_on(answer)
            if is_cancelled():
                self._ask("DELETE", f"/meshes/{mesh_id}")
                raise StoppedError(f"{name}: the mesh was cancelled")
        if answer.get("status") != "completed":
            raise _failure(name, answer)
        return self._result(answer)

    def close(self) -> None:
        """Close all connections."""
        self.client.close()

    def _check_health(self) -> None:
        if time.monotonic() < self._healthy_until_s:
            return
        answer = self._ask("GET", "/health")
        self._version = _text(answer, "generator_version")
        self._healthy_until_s = time.monotonic() + self.times.healthy_s

    def _submitted(self, image: bytes, name: str, parameters: MeshParameters) -> Mapping[str, Any]:
        values = orjson.dumps(parameter_values(parameters), option=orjson.OPT_SORT_KEYS)
        key = hashlib.sha256(
            b"\0".join((self._version.encode(), name.encode(), values, image))
        ).hexdigest()
        form = {"name": name, "parameters": values.decode()}
        if self.callback_url:
            form["callback_url"] = self.callback_url
        # httpx composes the body; the request itself is sent by `ask`, with one deadline
        composed = httpx.Request(
            "POST", self.base_url, data=form, files={"image": ("image", image)}
        )
        content = composed.read()
        headers = {"Content-Type": composed.headers["Content-Type"], "Idempotency-Key": key}
        return self._ask("POST", "/meshes", content=content, headers=headers)

    def _news(self, mesh_id: str, answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """What is known of a mesh, again and again; the last one comes from the service itself."""
        wait_s, asked_s = self.times.first_poll_s, time.monotonic()
        while answer.get("status") not in FINAL:
            yield answer
            time.sleep(min(self.times.look_s, wait_s))
            reported = self.reported(mesh_id)
            is_over = reported is not None and reported.get("status") in FINAL
            if is_over or time.monotonic() - asked_s >= wait_s:
                answer = self._ask("GET", f"/meshes/{mesh_id}")
                wait_s = min(wait_s * 1.5, self.times.longest_poll_s)
                asked_s = time.monotonic()
            elif reported is not None:
                answer = reported
        yield answer

    def _result(self, answer: Mapping[str, Any]) -> GeneratedMesh:
        mesh_id = _text(answer, "mesh_id")
        try:
            report = report_from(answer["report"])
            names = [_text(file, "name") for file in answer["files"]]
            hashes = [_text(file, "sha256") for file in answer["files"]]
            cost = MeshCost(
                int(answer["pixels"] or 0),
                float(answer["seconds"] or 0.0),
                int(answer["peak_memory_bytes"] or 0),
            )
        except (KeyError, TypeError, ValueError, BadInputError) as error:
            raise MeshServiceError(f"the mesh service's answer makes no sense: {error}") from None
        files = {}
        for name, digest in zip(names, hashes, strict=True):
            reply = self._reply("GET", f"/meshes/{mesh_id}/files/{name}", is_file=True)
            if hashlib.sha256(reply.body).hexdigest() != digest:
                raise MeshServiceError(f"{name} came damaged from the mesh service")
            files[name] = reply.body
        return GeneratedMesh(files, report, cost)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """The JSON answer to a request."""
        reply = self._reply(method, path, content=content, headers=headers)
        try:
            values = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            values = None
        if not isinstance(values, dict):
            raise MeshServiceError("the mesh service's answer is no JSON: is it a mesh service?")
        return values

    def _reply(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        is_file: bool = False,
    ) -> Reply:
        """The answer to a request, if it is no error.

        Raises:
            BadInputError: the service refuses what was sent.
            MeshServiceUnavailableError: it is away, busy or fails.
            SwitchedOffError: the kill switch is thrown.
        """
        sent = {"Accept-Encoding": "identity", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        is_large = is_file or content is not None

        def request() -> Reply:
            self.switch.check()
            deadline = Deadline.after(self.times.transfer_s if is_large else self.times.request_s)
            limit = self.connections
            try:
                with limit.held(deadline, self.switch) if limit else nullcontext():
                    reply = ask(
                        self.client,
                        httpx.URL(self.base_url + path),
                        deadline_s=deadline.left_s,
                        max_bytes=self.most_file_bytes if is_file else MOST_ANSWER_BYTES,
                        headers=sent,
                        stop=self.switch,
                        method=method,
                        content=content,
                    )
            except StoppedError:
                self.switch.check()
                raise
            except TooLateError:
                raise MeshServiceUnavailableError(
                    f"the mesh service {self.base_url} gave no answer in time"
                ) from None
            except TooLargeError:
                raise MeshServiceError("the mesh service's answer is too large") from None
            except httpx.HTTPError as error:
                raise MeshServiceUnavailableError(
                    f"the mesh service {self.base_url} cannot be reached ({type(error).__name__})"
                ) from None
            return _checked(reply, self.base_url)

        return self.guard(request)


@dataclass(slots=True)
class _Progress:
    """Passes on progress that goes forward."""

    on_progress: OnProgress
    share: float = -1.0
    step: str = ""

    def pass_on(self, answer: Mapping[str, Any]) -> None:
        share, step = answer.get("progress"), answer.get("step")
        if not isinstance(share, int | float) or not isinstance(step, str):
            return
        if share > self.share or (share == self.share and step != self.step):
            self.share, self.step = share, step
            self.on_progress(min(max(share, 0.0), 1.0), step)


def _checked(reply: Reply, base_url: str) -> Reply:
    if 200 <= reply.status < 300:
        return reply
    message = f"the mesh service {base_url} answers with HTTP {reply.status}: {_error(reply)}"
    if reply.status in (429, 503):
        wait_s = retry_after_s(reply.headers.get("Retry-After"), time.time())
        raise MeshServiceBusyError(message, wait_s)
    if reply.status in (401, 403):
        raise MeshServiceUnavailableError(message + " (TRACKFLOW_MESH_TOKEN)")
    if reply.status in (400, 413, 415, 422):
        raise BadInputError(_error(reply))
    if reply.status >= 500:
        raise MeshServiceUnavailableError(message)
    raise MeshServiceError(message)


def _error(reply: Reply) -> str:
    try:
        return str(orjson.loads(reply.body)["error"])[:500]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "no reason given"


def _failure(name: str, answer: Mapping[str, Any]) -> Exception:
    """The error of a mesh that has ended without a result."""
    message = str(answer.get("error_message") or f"{name}: the service gave no reason")
    if answer.get("status") == "cancelled":
        return MeshServiceError(f"{name}: the mesh was cancelled at the service")
    return MeshServiceError(message) if answer.get("retryable") else BadInputError(message)


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or "/" in value or value in ("", ".", ".."):
        raise MeshServiceError(f"the mesh service's answer has no {name}: is it a mesh service?")
    return value
