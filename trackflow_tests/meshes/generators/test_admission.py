import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.errors import StoppedError
from trackflow.meshes.generators.admission import (
    Admission,
    PixelCost,
    memory_budget_bytes,
)
from trackflow.meshes.report import MeshCost
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until


@settings(max_examples=25)
@given(
    st.lists(st.integers(1, 150), min_size=1, max_size=25),
    st.integers(1, 5),
    st.integers(1, 12),
)
def test_no_more_than_fits_is_at_work_and_all_get_their_turn(
    sizes: list[int], slots: int, threads: int
) -> None:
    budget = 100
    admission, lock = Admission(slots, budget), threading.Lock()
    running: list[int] = []
    seen: list[tuple[int, int]] = []

    def work(size: int) -> None:
        with admission.admitted(size, lambda: None):
            with lock:
                running.append(size)
                seen.append((len(running), sum(running)))
            time.sleep(0.0005)
            with lock:
                running.remove(size)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, sizes))
    assert len(seen) == len(sizes)
    assert all(count <= slots and (total <= budget or count == 1) for count, total in seen)


def test_small_ones_pass_a_large_one_that_waits() -> None:
    admission = Admission(3, 100)
    entered: list[str] = []
    first_may_end = threading.Event()

    def hold(name: str, size: int, until: threading.Event) -> None:
        with admission.admitted(size, lambda: None):
            entered.append(name)
            assert until.wait(PATIENCE_S)

    with ThreadPoolExecutor(3) as pool:
        pool.submit(hold, "first", 60, first_may_end)
        wait_until(lambda: entered == ["first"], lambda: entered)
        done = threading.Event()
        done.set()
        pool.submit(hold, "large", 90, done)
        pool.submit(hold, "small", 10, done)
        wait_until(lambda: "small" in entered, lambda: entered)
        assert "large" not in entered
        first_may_end.set()
        wait_until(lambda: "large" in entered, lambda: entered)


def test_a_wait_ends_when_its_caller_gives_up() -> None:
    admission = Admission(1, 100)

    def give_up() -> None:
        raise StoppedError("cancelled")

    with (
        admission.admitted(1, lambda: None),
        pytest.raises(StoppedError),
        admission.admitted(1, give_up),
    ):
        pass
    with admission.admitted(1, give_up):
        pass


@given(st.lists(st.floats(0, 5000), max_size=40), st.integers(100_000, 10**8))
def test_the_known_cost_is_never_below_the_last_one(costs: list[float], pixels: int) -> None:
    known = PixelCost()
    for one in costs:
        peak = int(64_000_000 + one * pixels)
        known = known.noted(MeshCost(pixels, 1.0, peak))
        assert known.estimate_bytes(pixels) >= peak * 0.999
        assert known.bytes_per_pixel <= max(5000.0, PixelCost().bytes_per_pixel)


def test_after_many_cheap_images_the_estimate_comes_down() -> None:
    known = PixelCost()
    for _ in range(60):
        known = known.noted(MeshCost(10**6, 1.0, 64_000_000 + 10 * 10**6))
    assert known.bytes_per_pixel == pytest.approx(10, abs=1)
    assert known.doubled().bytes_per_pixel == pytest.approx(20, abs=2)


def test_the_machine_has_some_memory_for_images() -> None:
    assert memory_budget_bytes() > 10_000_000
