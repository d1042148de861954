"""The generator of child processes, with real ones."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trackflow.errors import BadInputError, MeshServiceError, StoppedError, TrackflowError
from trackflow.meshes.generate import generate
from trackflow.meshes.generators.embedded import ChildLimits, EmbeddedGenerator
from trackflow.meshes.generators.processes import Child
from trackflow.meshes.parameters import MeshParameters
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until
from trackflow_tests.meshes.pictures import bomb, claims_to_be, kinds_of_images, png

pytestmark = pytest.mark.xdist_group("mesh children")

FINE = MeshParameters(detail_factor=0.0001)
LIMITS = ChildLimits(most_pixels=9_000_000, memory_bytes=600_000_000, limit_s=300)


@pytest.fixture(scope="module")
def generator() -> Iterator[EmbeddedGenerator]:
    found = EmbeddedGenerator(LIMITS, workers=2)
    yield found
    found.close()


def children_of(pid: int) -> set[int]:
    """Child processes, as the kernel lists them."""
    return {
        int(child)
        for path in Path(f"/proc/{pid}/task").glob("*/children")
        for child in path.read_text().split()
        if b"generators.child" in Path(f"/proc/{child}/cmdline").read_bytes()
    }


@pytest.fixture
def mine() -> Callable[[], set[int]]:
    """The children of this test, without those of the shared generator."""
    before = children_of(os.getpid())
    return lambda: children_of(os.getpid()) - before


def test_a_child_makes_what_the_function_makes(generator: EmbeddedGenerator) -> None:
    image, parameters = png(60, 80, smooth=True), MeshParameters(detail_factor=0.02, width_m=900)
    here = generate(image, "hill.png", parameters)
    there = generator.generate(image, "hill.png", parameters)
    assert there.files == here.files
    assert there.report == here.report
    assert there.cost is not None
    assert there.cost.pixels == 60 * 80


def test_progress_goes_forward_and_names_its_steps(generator: EmbeddedGenerator) -> None:
    told: list[tuple[float, str]] = []
    generator.generate(
        png(40, 40), "a.png", FINE, on_progress=lambda share, step: told.append((share, step))
    )
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert len({step for _, step in told}) > 1


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"", "a.png"),
        (b"hello", "a.png"),
        (bomb(), "900,000,000 pixels"),
        (claims_to_be(2**31 - 1, 2**31 - 1), "pixels"),
    ],
    ids=["empty", "text", "bomb", "header"],
)
def test_what_is_no_fit_image_is_refused_and_its_child_goes_on(
    generator: EmbeddedGenerator, image: bytes, message: str
) -> None:
    generator.generate(png(8, 8), "before.png", FINE)
    before = children_of(os.getpid())
    with pytest.raises(BadInputError, match=message):
        generator.generate(image, "a.png", MeshParameters())
    generator.generate(png(8, 8), "after.png", FINE)
    assert children_of(os.getpid()) == before


def test_every_kind_of_image_is_made_or_refused_with_a_reason(
    generator: EmbeddedGenerator, mine: Callable[[], set[int]]
) -> None:
    """None of them ends its child, and none leaves it in disorder."""
    for kind, image in kinds_of_images().items():
        refusal = None
        try:
            made = generator.generate(image, "a.png", MeshParameters())
        except (BadInputError, MeshServiceError) as error:
            refusal = str(error)
        if refusal is None:
            assert made.report.triangle_count > 0, kind
        else:
            assert "a.png" in refusal, kind
            assert "child process" not in refusal, kind
        assert generator.generate(png(8, 8), "next.png", FINE).files, kind
    assert len(mine()) <= 1


def test_a_bomb_is_refused_before_it_is_unpacked(mine: Callable[[], set[int]]) -> None:
    generator = EmbeddedGenerator(LIMITS, workers=1)
    try:
        with pytest.raises(BadInputError, match="pixels"):
            generator.generate(bomb(), "bomb.png", MeshParameters())
        (child,) = mine()
        status = Path(f"/proc/{child}/status").read_text().splitlines()
        peak_kb = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        assert peak_kb < 500_000  # unpacked it would take 900 MB
    finally:
        generator.close()


def test_an_image_that_takes_too_much_memory_is_refused_and_others_go_on() -> None:
    small = ChildLimits(memory_bytes=250_000_000)
    generator = EmbeddedGenerator(small, workers=2)
    try:
        with ThreadPoolExecutor(2) as pool:
            large = pool.submit(generator.generate, bomb(6500, 6500), "large.png", MeshParameters())
            for seed in range(5):
                assert generator.generate(png(20, 20, seed=seed), "small.png", FINE).files
            # where a library ends the process instead, that is an error of the service
            with pytest.raises((BadInputError, MeshServiceError), match=r"memory|child process"):
                large.result(PATIENCE_S)
    finally:
        generator.close()


def test_an_image_that_takes_too_long_is_refused_at_the_limit(mine: Callable[[], set[int]]) -> None:
    generator = EmbeddedGenerator(ChildLimits(limit_s=0.3), workers=1)
    try:
        with pytest.raises(BadInputError, match=r"longer than 0\.3 s"):
            generator.generate(png(1500, 1500), "noise.png", FINE)
        wait_until(lambda: not mine(), "the child is still there")
    finally:
        generator.close()


def test_cancelling_ends_the_child_within_moments(mine: Callable[[], set[int]]) -> None:
    generator = EmbeddedGenerator(workers=1)
    cancelled = threading.Event()
    try:
        with ThreadPoolExecutor(1) as pool:
            result = pool.submit(
                generator.generate,
                png(1500, 1500),
                "noise.png",
                FINE,
                on_progress=lambda *_: cancelled.set(),
                is_cancelled=cancelled.is_set,
            )
            with pytest.raises(StoppedError):
                result.result(PATIENCE_S)
        assert not mine()
    finally:
        generator.close()


@pytest.mark.parametrize(
    ("number", "message"), [(signal.SIGKILL, "memory"), (signal.SIGSEGV, "SIGSEGV")]
)
def test_a_child_that_dies_is_an_error_that_may_pass(
    number: signal.Signals, message: str, mine: Callable[[], set[int]]
) -> None:
    generator = EmbeddedGenerator(workers=1)
    begun = threading.Event()
    try:
        with ThreadPoolExecutor(1) as pool:
            result = pool.submit(
                generator.generate,
                png(1500, 1500),
                "noise.png",
                FINE,
                on_progress=lambda *_: begun.set(),
            )
            assert begun.wait(PATIENCE_S)
            for child in mine():
                os.kill(child, number)
            with pytest.raises(MeshServiceError, match=message):
                result.result(PATIENCE_S)
        assert generator.generate(png(10, 10), "next.png", FINE).files
    finally:
        generator.close()


def test_a_child_that_died_while_it_was_idle_is_replaced(mine: Callable[[], set[int]]) -> None:
    generator = EmbeddedGenerator(workers=1)
    try:
        generator.generate(png(10, 10), "a.png", FINE)
        for child in mine():
            os.kill(child, signal.SIGKILL)
        wait_until(lambda: all(map(_is_zombie, mine())), "the child does not die")
        assert generator.generate(png(10, 10), "b.png", FINE).files
    finally:
        generator.close()


def test_children_are_kept_and_replaced_after_their_share_of_images(
    mine: Callable[[], set[int]],
) -> None:
    generator = EmbeddedGenerator(ChildLimits(jobs_per_child=3), workers=1)
    try:
        seen = []
        for _ in range(6):
            generator.generate(png(10, 10), "a.png", FINE)
            seen.append(frozenset(mine()))
        assert seen[0] == seen[1] != frozenset()
        assert seen[3] == seen[4] != seen[0]
        assert not seen[2]
    finally:
        generator.close()


def test_a_child_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKFLOW_DATABASE_URL", "postgresql://user:secret@host/db")
    child = Child.start(100_000_000)
    try:
        environment = Path(f"/proc/{child.process.pid}/environ").read_bytes()
    finally:
        child.kill()
    assert b"secret" not in environment
    assert b"PATH=" in environment


def test_children_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import time\n"
        "from trackflow.meshes.generators.processes import Child\n"
        "child = Child.start(100_000_000)\n"
        "print(child.process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    wait_until(lambda: not Path(f"/proc/{child}").exists() or _is_zombie(child), "it lives on")


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_closed_generator_makes_nothing() -> None:
    generator = EmbeddedGenerator()
    generator.close()
    with pytest.raises(StoppedError):
        generator.generate(png(4, 4), "a.png", FINE)


def test_many_threads_get_each_their_own_mesh(generator: EmbeddedGenerator) -> None:
    images = [png(12 + k, 20, seed=k) for k in range(12)]
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda one: generator.generate(one, "a.png", FINE).files, images))
    assert made == [generate(one, "a.png", FINE).files for one in images]
    assert len(children_of(os.getpid())) <= 2


def test_a_mistake_in_the_parameters_is_told(generator: EmbeddedGenerator) -> None:
    with pytest.raises(TrackflowError):
        generator.generate(png(4, 4), "a.png", MeshParameters(kind="sphere"))  # type: ignore[arg-type]
