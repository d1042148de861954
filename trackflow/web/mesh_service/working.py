"""The service's own work beside its answers, in threads: meshes, callbacks, cleaning."""

import logging
import threading
from collections.abc import Callable

from trackflow.context import Context
from trackflow.errors import RetryableError, StoreUnavailableError
from trackflow.meshes.generators.protocol import MeshGenerator
from trackflow.usecases.meshes.cleanup import clean_all
from trackflow.usecases.meshes.outbox import CallbackSender, callback_client
from trackflow.usecases.meshes.running import run_due_meshes

log = logging.getLogger(__name__)

IDLE_S = 1.0
"""How often a thread without work looks for some: another process may have queued it."""

AWAY_S = 5.0
"""Rest after the database was away."""

CLEAN_EVERY_S = 3600.0

SENDERS = 3
"""A receiver that does not answer holds one of them for ten seconds."""

STOP_S = 30.0


class MeshWork:
    """Threads that work while the service runs."""

    def __init__(self, context: Context, generator: MeshGenerator) -> None:
        """Threads that are not started yet.

        Args:
            context: the store and settings.
            generator: makes the meshes; closed at the end.
        """
        self._context, self._generator = context, generator
        self._client = callback_client(context)
        self._stop = threading.Event()
        self._due = threading.Event()
        self._threads = [
            threading.Thread(target=self._make, name="meshes", daemon=True),
            threading.Thread(target=self._clean, name="cleaning", daemon=True),
        ]
        if context.settings.mesh_secret:
            sender = CallbackSender(context, self._client)
            self._threads += [
                threading.Thread(
                    target=self._send, args=(sender,), name=f"callbacks-{k}", daemon=True
                )
                for k in range(SENDERS)
            ]

    @property
    def generator_version(self) -> str:
        """The version of the generator."""
        return self._generator.version

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look for work now."""
        self._due.set()

    def check(self) -> None:
        """Check that all threads work.

        Raises:
            StoreUnavailableError: one has ended; the service has to be started again.
        """
        dead = [thread.name for thread in self._threads if not thread.is_alive()]
        if dead:
            raise StoreUnavailableError(
                f"the service's thread {dead[0]} has ended: start the service again"
            )

    def close(self) -> None:
        """End the work; meshes under way are made by the next service."""
        self._stop.set()
        self._due.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(STOP_S)
        self._generator.close()
        self._client.close()

    def _make(self) -> None:
        def make() -> bool:
            self._due.clear()
            report = run_due_meshes(self._context, self._generator, stop=self._stop)
            return report.done > 0

        self._repeat(make, self._due)

    def _clean(self) -> None:
        def clean() -> bool:
            for problem in clean_all(self._context).problems:
                log.warning("%s", problem)
            self._stop.wait(CLEAN_EVERY_S)
            return False

        self._repeat(clean, self._stop)

    def _send(self, sender: CallbackSender) -> None:
        self._repeat(sender.send_next, self._stop)

    def _repeat(self, work: Callable[[], bool], waits_for: threading.Event) -> None:
        """Work until the end; `work` returns whether there may be more at once."""
        while not self._stop.is_set():
            try:
                has_more = work()
            except RetryableError as error:
                log.warning("the mesh service rests: %s", error)
                self._stop.wait(AWAY_S)
                continue
            if not has_more:
                waits_for.wait(IDLE_S)
