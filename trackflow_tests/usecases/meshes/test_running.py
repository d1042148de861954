"""Meshes are made once each, by priority, with retries where these help, on both databases."""

import itertools
import threading
import time
from collections.abc import Callable

import pytest

from trackflow.context import Context
from trackflow.errors import (
    BadInputError,
    MeshServiceError,
    MeshServiceUnavailableError,
    PageMissingError,
    SourceUnavailableError,
)
from trackflow.store.meshes.meshes import MeshStatus
from trackflow.usecases.meshes import control
from trackflow.usecases.meshes.control import (
    cancel_mesh,
    files_of_mesh,
    list_meshes,
    read_file,
    read_mesh,
    retry_meshes,
)
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow_tests.helpers.stores import Clock
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until
from trackflow_tests.usecases.meshes.pictures import TroubledGenerator, hills


def ask(context: Context, seed: int, **more: object) -> str:
    request = MeshRequest(image=hills(seed), name=f"{seed}.png", **more)  # type: ignore[arg-type]
    return request_mesh(context, request).mesh_id


def test_a_request_becomes_a_mesh_with_files_and_a_report(context: Context) -> None:
    mesh_id = ask(context, 1, parameters={"detail_factor": 0.1}, project="harbour")
    report = run_due_meshes(context, TroubledGenerator())
    assert (report.completed, report.failed, report.waiting) == (1, 0, 0)
    mesh = read_mesh(context, mesh_id)
    assert mesh.status is MeshStatus.COMPLETED
    assert (mesh.progress, mesh.error_message, mesh.tries) == (1.0, None, 0)
    assert mesh.report is not None
    assert mesh.report["triangle_count"] > 0
    assert mesh.size_bytes == sum(file.size_bytes for file in files_of_mesh(context, mesh_id))
    file, content = read_file(context, mesh_id)
    assert len(content) == file.size_bytes
    assert content.startswith(b"glTF")


def test_the_same_request_twice_gives_one_mesh(context: Context) -> None:
    first = ask(context, 1)
    assert ask(context, 1) == first
    assert ask(context, 1, parameters={"levels": 1}) == first, "the default, written out"
    other = ask(context, 1, parameters={"detail_factor": 0.5})
    assert other != first
    keyed = ask(context, 1, idempotency_key="k")
    assert keyed == ask(context, 1, idempotency_key="k")
    with pytest.raises(BadInputError, match="idempotency key"):
        ask(context, 2, idempotency_key="k")
    named = ask(context, 3, mesh_id="order-7")
    assert named == ask(context, 3, mesh_id="order-7") == "order-7"
    with pytest.raises(BadInputError, match="order-7"):
        ask(context, 4, mesh_id="order-7")


def test_equal_work_is_done_once(context: Context) -> None:
    ids = [ask(context, 1, mesh_id=f"same-{k}") for k in range(4)]
    generator = TroubledGenerator()
    assert run_due_meshes(context, generator).completed == 4
    assert generator.calls == {"1.png": 1}
    assert {read_mesh(context, one).status for one in ids} == {MeshStatus.COMPLETED}
    stored = {tuple(f.stored_name for f in files_of_mesh(context, one)) for one in ids}
    assert len(stored) == 1


def test_persons_come_before_batches_and_batches_before_syncs(
    context: Context, clock: Clock
) -> None:
    wanted = {}
    for priority in (2, 1, 0):
        clock.advance(1)
        wanted[ask(context, priority, priority=priority)] = priority
    order: list[int] = []
    for _ in wanted:  # one at a time: of two workers, the first to begin may be the last to end
        run_due_meshes(
            context,
            TroubledGenerator(),
            limit=1,
            on_mesh=lambda mesh, _status: order.append(wanted[mesh.mesh_id]),
        )
    assert order == [0, 1, 2]


@pytest.mark.parametrize(
    ("error", "kind", "tries"),
    [
        (MeshServiceUnavailableError("away"), "unavailable", 5),
        (MeshServiceError("broken"), "service", 3),
        (RuntimeError("a mistake of ours"), "unexpected", 3),
        (BadInputError("no image"), "image", 1),
    ],
)
def test_a_failure_is_tried_again_as_often_as_its_kind_deserves(
    context: Context, clock: Clock, error: Exception, kind: str, tries: int
) -> None:
    mesh_id = ask(context, 1)
    generator = TroubledGenerator({"1.png": lambda: error})
    waits = []
    for _ in range(10):
        run_due_meshes(context, generator)
        mesh = read_mesh(context, mesh_id)
        if mesh.next_try_at is None:
            break
        waits.append((mesh.next_try_at - clock()).total_seconds())
        run_due_meshes(context, generator)
        assert read_mesh(context, mesh_id).tries == mesh.tries, "it rests"
        clock.advance(waits[-1])
    assert generator.calls["1.png"] == tries
    assert waits == [15.0 * 2**k for k in range(tries - 1)]
    mesh = read_mesh(context, mesh_id)
    assert (mesh.status, mesh.error_kind, mesh.tries) == (MeshStatus.FAILED, kind, tries)
    assert str(error) in (mesh.error_message or "")
    generator.troubles.clear()
    retry_meshes(context, [mesh_id])
    run_due_meshes(context, generator)
    assert read_mesh(context, mesh_id).status is MeshStatus.COMPLETED


def test_a_failure_that_passes_leaves_no_trace_in_the_result(
    context: Context, clock: Clock
) -> None:
    mesh_id = ask(context, 1)
    errors: list[Exception | None] = [MeshServiceError("once"), None]
    generator = TroubledGenerator({"1.png": lambda: errors.pop(0)})
    run_due_meshes(context, generator)
    clock.advance(60)
    run_due_meshes(context, generator)
    mesh = read_mesh(context, mesh_id)
    assert (mesh.status, mesh.error_message, mesh.error_kind) == (
        MeshStatus.COMPLETED,
        None,
        None,
    )


def test_one_bad_image_does_not_disturb_its_neighbours(context: Context) -> None:
    good = [ask(context, seed) for seed in range(1, 5)]
    bad = request_mesh(context, MeshRequest(image=b"nonsense", name="bad.png")).mesh_id
    report = run_due_meshes(context, TroubledGenerator())
    assert (report.completed, report.failed) == (4, 1)
    assert all(read_mesh(context, one).status is MeshStatus.COMPLETED for one in good)
    assert "bad.png" in (read_mesh(context, bad).error_message or "")


class StopThatQueues:
    """Never stops; calls a function as the second worker begins and the first has found nothing."""

    def __init__(self, queue: Callable[[], object]) -> None:
        self._queue, self._asked = queue, itertools.count(1)

    def is_set(self) -> bool:
        if next(self._asked) == 2:
            time.sleep(0.3)
            self._queue()
        return False


def test_a_slow_image_that_comes_as_a_run_ends_holds_nobody_up(context: Context) -> None:
    """It is not left to the last worker of that run: its neighbours would wait for it."""
    is_quick_done = threading.Event()
    waited: list[bool] = []
    generator = TroubledGenerator(
        {
            "1.png": lambda: waited.append(is_quick_done.wait(PATIENCE_S)),
            "2.png": is_quick_done.set,
        }
    )
    stop = StopThatQueues(lambda: [ask(context, 1), ask(context, 2)])
    reports = [run_due_meshes(context, generator, stop=stop) for _ in range(2)]
    assert sum(one.completed for one in reports) == 2
    assert waited == [True]


def test_addresses_are_fetched_once_and_their_errors_are_told(
    context: Context, clock: Clock
) -> None:
    pages: dict[str, list[bytes | Exception]] = {
        "https://x.example/a.png": [SourceUnavailableError("the site is away"), hills(1)],
        "https://x.example/gone.png": [PageMissingError("HTTP 404")],
    }

    def fetch(_context: Context, url: str) -> bytes:
        answer = pages[url].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(BadInputError, match="image_url"):  # no database would hold it
        request_mesh(context, MeshRequest(image_url="https://x.example/\0.png"))
    found, gone = (request_mesh(context, MeshRequest(image_url=url)).mesh_id for url in pages)
    generator = TroubledGenerator()
    run_due_meshes(context, generator, fetch=fetch)
    assert read_mesh(context, found).status is MeshStatus.QUEUED
    assert read_mesh(context, gone).status is MeshStatus.FAILED
    assert read_mesh(context, gone).error_message == "HTTP 404"
    clock.advance(60)
    run_due_meshes(context, generator, fetch=fetch)
    assert read_mesh(context, found).status is MeshStatus.COMPLETED
    again = request_mesh(
        context,
        MeshRequest(image_url="https://x.example/a.png", parameters={"detail_factor": 0.3}),
    )
    run_due_meshes(context, generator, fetch=fetch)
    assert read_mesh(context, again.mesh_id).status is MeshStatus.COMPLETED


def test_a_waiting_mesh_is_cancelled_at_once_and_made_on_request(context: Context) -> None:
    mesh_id = ask(context, 1)
    assert cancel_mesh(context, mesh_id).status is MeshStatus.CANCELLED
    assert run_due_meshes(context, TroubledGenerator()).done == 0
    retry_meshes(context, [mesh_id])
    assert run_due_meshes(context, TroubledGenerator()).completed == 1
    assert cancel_mesh(context, mesh_id).status is MeshStatus.COMPLETED
    with pytest.raises(BadInputError, match="completed"):
        retry_meshes(context, [mesh_id])


class SlowGenerator(TroubledGenerator):
    """Works until it is told to end, and shows progress that goes to and fro."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()

    def generate(self, image, name, parameters, *, on_progress, is_cancelled):  # type: ignore[no-untyped-def]
        until = time.monotonic() + PATIENCE_S
        shares = [0.5, 0.2, 0.7, 0.1]
        while not is_cancelled():
            assert time.monotonic() < until, "it was never told to end"
            on_progress(shares[0], "triangulating")
            shares.append(shares.pop(0))
            self.begun.set()
            time.sleep(0.01)
        return super().generate(
            image, name, parameters, on_progress=on_progress, is_cancelled=is_cancelled
        )


def test_a_mesh_under_way_is_cancelled_and_its_progress_never_goes_back(context: Context) -> None:
    mesh_id = ask(context, 1)
    generator = SlowGenerator()
    seen: list[float] = []

    def cancel() -> None:
        assert generator.begun.wait(PATIENCE_S)
        seen.append(wait_until(lambda: read_mesh(context, mesh_id).progress, "progress") or 0)
        cancel_mesh(context, mesh_id)

    thread = threading.Thread(target=cancel)
    thread.start()
    report = run_due_meshes(
        context, generator, on_beat=lambda _mesh, share, _step: seen.append(share)
    )
    thread.join()
    assert report.cancelled == 1
    mesh = read_mesh(context, mesh_id)
    assert (mesh.status, mesh.cancel_requested) == (MeshStatus.CANCELLED, False)
    assert mesh.progress >= 0.5
    assert seen == sorted(seen)


def test_a_stopped_run_gives_its_mesh_back_untried(context: Context) -> None:
    mesh_id = ask(context, 1)
    generator = SlowGenerator()
    report = run_due_meshes(context, generator, stop=generator.begun)
    assert report.waiting == 1
    mesh = read_mesh(context, mesh_id)
    assert (mesh.status, mesh.tries) == (MeshStatus.QUEUED, 0)
    assert run_due_meshes(context, TroubledGenerator()).completed == 1


def test_no_more_than_the_workers_are_at_work(context: Context) -> None:
    for seed in range(6):
        ask(context, seed)
    generator = TroubledGenerator()
    assert run_due_meshes(context, generator).completed == 6
    assert generator.most_at_once <= context.settings.mesh_workers


def test_two_runs_at_once_make_each_mesh_once(context: Context) -> None:
    for seed in range(8):
        ask(context, seed)
    generator = TroubledGenerator()
    reports = []
    threads = [
        threading.Thread(target=lambda: reports.append(run_due_meshes(context, generator)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.completed for report in reports) == 8
    assert set(generator.calls.values()) == {1}
    assert {mesh.status for mesh in list_meshes(context)} == {MeshStatus.COMPLETED}


def test_all_failed_meshes_are_tried_again_however_many_they_are(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {ask(context, seed) for seed in range(5)}
    trouble = {f"{seed}.png": lambda: BadInputError("no image") for seed in range(5)}
    assert run_due_meshes(context, TroubledGenerator(trouble)).failed == 5
    monkeypatch.setattr(control, "MOST_LISTED", 2)
    assert {mesh.mesh_id for mesh in control.retry_failed(context)} == asked
    assert run_due_meshes(context, TroubledGenerator()).completed == 5
