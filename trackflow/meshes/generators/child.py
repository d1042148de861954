"""The child process that makes meshes: one image after another, within limits.

Images may be hostile: whatever they do to the libraries that read them, they do it here, to a
process without secrets in its environment, whose answers are JSON and bytes, and which the kernel
ends when it takes too much memory or time.

Over the connection: a job and its image in; the pixel count out; b"go" in when there is room;
then progress; last the report and the files, or why there are none.
"""

import contextlib
import signal
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import orjson

from trackflow.errors import BadInputError, TrackflowError
from trackflow.meshes.generate import GeneratedMesh, generate
from trackflow.meshes.generators.probing import pixel_count
from trackflow.meshes.json_values import parameters_from, report_values

ALARM_GRACE_S = 10.0
"""The kernel ends a child so long after its deadline, where no parent is left to do it."""

GO = b"go"


@dataclass(frozen=True, slots=True)
class Job:
    """What the parent asks for.

    Attributes:
        name: of the image, for messages.
        parameters: JSON values.
        most_pixels: more are refused.
        limit_s: seconds of work, from the moment that there is room.
        memory_bytes: beyond what the process holds at the start; for the message.
    """

    name: str
    parameters: dict[str, Any]
    most_pixels: int
    limit_s: float
    memory_bytes: int


def main() -> None:
    """Work until the parent closes the connection."""
    connection = Connection(int(sys.argv[1]))
    memory_bytes = int(sys.argv[2])
    _limit(memory_bytes)
    _send(connection, {"kind": "ready", "resident_bytes": _status_bytes("VmRSS")})
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            job = Job(**orjson.loads(connection.recv_bytes()))
            image = connection.recv_bytes()
            _work(connection, job, image)
            del image


def _limit(memory_bytes: int) -> None:
    """Limit the memory to what is held now and so much more; needs a kernel that keeps to it."""
    try:
        import resource
    except ImportError:
        return  # Windows
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    held = _status_bytes("VmSize")
    if held:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = held + memory_bytes
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _work(connection: Connection, job: Job, image: bytes) -> None:
    """Answer one job; every error is an answer."""
    held = _status_bytes("VmRSS")
    _forget_peak()
    try:
        pixels = pixel_count(image)
        if pixels > job.most_pixels:
            raise BadInputError(
                f"{job.name} has {pixels:,} pixels; at most {job.most_pixels:,} are allowed "
                "(TRACKFLOW_MESH_MEGAPIXELS)"
            )
        _send(connection, {"kind": "pixels", "pixels": pixels})
        if connection.recv_bytes() != GO:
            return
        began = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, job.limit_s + ALARM_GRACE_S)
        made = _generated(connection, job, image)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except BadInputError as error:
        _answer_error(connection, "refused", str(error))
    except MemoryError:
        _answer_error(
            connection,
            "refused",
            f"{job.name} needs more than {job.memory_bytes / 1e6:,.0f} MB of memory "
            "(TRACKFLOW_MESH_MEMORY_MB)",
        )
    except TrackflowError as error:
        _answer_error(connection, "failed" if error.retryable else "refused", str(error))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001  the parent reports it; this process works on
        first = (str(error).splitlines() or [""])[0][:300]
        _answer_error(connection, "failed", f"{type(error).__name__}: {first}")
    else:
        _answer(connection, made, pixels, time.monotonic() - began, held)


def _generated(connection: Connection, job: Job, image: bytes) -> GeneratedMesh:
    def on_progress(share: float, step: str) -> None:
        _send(connection, {"kind": "progress", "share": share, "step": step})

    return generate(image, job.name, parameters_from(job.parameters), on_progress)


def _answer(
    connection: Connection, made: GeneratedMesh, pixels: int, seconds: float, held: int
) -> None:
    """Send the result.

    Args:
        connection: to the parent.
        made: the mesh.
        pixels: of its image.
        seconds: that it took.
        held: bytes of memory before.
    """
    _send(
        connection,
        {
            "kind": "done",
            "report": report_values(made.report),
            "files": list(made.files),
            "pixels": pixels,
            "seconds": seconds,
            "peak_bytes": max(_status_bytes("VmHWM") - held, 0),
            "resident_bytes": _status_bytes("VmRSS"),
        },
    )
    for data in made.files.values():
        connection.send_bytes(data)


def _answer_error(connection: Connection, kind: str, message: str) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    _send(
        connection,
        {"kind": kind, "message": message, "resident_bytes": _status_bytes("VmRSS")},
    )


def _send(connection: Connection, values: dict[str, Any]) -> None:
    connection.send_bytes(orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY))


def _status_bytes(name: str) -> int:
    """A figure of /proc/self/status; 0 where there is none."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text("ascii").splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    return 0


def _forget_peak() -> None:
    """Begin to measure the peak of memory anew."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")


if __name__ == "__main__":
    main()
