"""`serve --light`: one process has the page, the API and what starts work; no Dagster.

A thread looks for work. What it finds is done in a child process for each duty, which ends when
nothing is left: what matching needs of memory is given back, a request for the page never waits for
Python code of a rebuild, and a crash of the road engine ends a child only. `python -m
trackflow.light DUTY` is such a child.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from trackflow import logs
from trackflow.concurrency.children import Process, spawn_logged, stop
from trackflow.concurrency.health import unanswered
from trackflow.concurrency.supervisor import kill_group, stopped_in_group
from trackflow.context import Context
from trackflow.errors import RetryableError, SettingsError, TrackflowError
from trackflow.files import make_home
from trackflow.serving import check_address
from trackflow.settings import Settings
from trackflow.supervising import address, reachable, signals_interrupt
from trackflow.usecases.unattended.duties import DUTIES, Duty

STEP_S = 0.25

MONTHLY = "monthly"

LONGEST_PAUSE_S = 600.0
"""Between two children for work that stays: each one that changes nothing doubles the pause."""

CHECK_EVERY_S = 3.0
"""Between two checks of a child's health."""

ILL_S = 9.0
"""So long a child has to be found ill before it is killed: a machine may be asleep for a moment."""

START_S = 300.0
"""A child loads its modules before its first sign of life, on a busy machine for minutes."""

log = logging.getLogger(__name__)


def serve_light(settings: Settings, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serve until interrupted.

    Args:
        settings: the store and its folders.
        host: address of the API.
        port: port of the API.
        ready: called once the API answers.

    Raises:
        SettingsError: the address cannot be listened on, or others would get in without a token.
    """
    check_address(host, port)
    make_home(settings.home)
    from trackflow.web.server import serve_api

    url = f"{address(reachable(host), port)}/is-it-alive"
    try:
        with signals_interrupt(), Worker(settings, lambda: _when_up(url, ready)):
            serve_api(settings, host, port)
    except KeyboardInterrupt:
        return


def _when_up(url: str, ready: Callable[[], None]) -> bool:
    """Call `ready` if the API answers."""
    if unanswered(url, 1.0) is not None:
        return False
    ready()
    return True


@dataclass(slots=True)
class _Post:
    """A duty with the child that does it now.

    Attributes:
        duty: the duty.
        look_at_s: time of the next look, by the monotonic clock.
        child: its process; None if nothing waited at the last look.
        in_vain: children in a row after which work was left.
        began_s: when the child was started, by the monotonic clock.
        check_at_s: time of the next check of its health.
        ill_since_s: since when it has been found ill; None for one that is well.
    """

    duty: Duty
    look_at_s: float = 0.0
    child: Process | None = None
    in_vain: int = 0
    began_s: float = 0.0
    check_at_s: float = 0.0
    ill_since_s: float | None = None

    @property
    def pause_s(self) -> float:
        """Seconds until the next look."""
        return min(self.duty.every_s * 2.0**self.in_vain, LONGEST_PAUSE_S)


class Worker:
    """A thread that looks for work and starts children for it; a context that ends them.

    Args:
        settings: the store.
        is_up: asked until it is true; no child is started before.
        duties: what to look for.
    """

    def __init__(
        self, settings: Settings, is_up: Callable[[], bool], duties: Sequence[Duty] = DUTIES
    ) -> None:
        self._settings, self._is_up = settings, is_up
        self._posts = [_Post(duty) for duty in duties]
        self._log_file = settings.home.absolute() / "work.log"
        self._end = threading.Event()
        self._noted: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        """Look until the end. Children die with this thread (see `END_WITH_PARENT`)."""
        try:
            while not self._is_up():
                if self._end.wait(STEP_S):
                    return
            with Context.open(self._settings) as context:
                while not self._end.wait(STEP_S):
                    for post in self._posts:
                        self._step(context, post)
        finally:
            for post in self._posts:
                if post.child is not None:
                    stop(post.child)
            if not self._end.is_set():
                # a mistake of ours: without work the page would only look alive, and what has
                # started this process starts it again
                os.kill(os.getpid(), signal.SIGTERM)

    def _step(self, context: Context, post: _Post) -> None:
        """Look at one duty, if it is time for that, and start a child if there is work."""
        now_s = time.monotonic()
        if post.child is not None:
            if now_s >= post.check_at_s:
                self._check(context, post, post.child, now_s)
            self._note_end(post, post.child)
        if post.child is not None or now_s < post.look_at_s:
            return
        post.child = self._answer(context, post.duty, lambda asked: self._begin(asked, post.duty))
        if post.child is not None:
            post.began_s, post.ill_since_s = now_s, None
        else:
            post.in_vain = 0
            post.look_at_s = now_s + post.duty.every_s

    def _check(self, context: Context, post: _Post, child: Process, now_s: float) -> None:
        """Kill a child that hangs: what it had claimed is free again when its lease ends."""
        post.check_at_s = now_s + CHECK_EVERY_S
        problem = self._problem(context, post, child, now_s - post.began_s)
        if problem is None:
            post.ill_since_s = None
        elif post.ill_since_s is None:
            post.ill_since_s = now_s
        elif now_s - post.ill_since_s >= ILL_S:
            log.warning("%s is started again, as %s", post.duty.name, problem)
            kill_group(child)

    def _problem(self, context: Context, post: _Post, child: Process, lasts_s: float) -> str | None:
        duty = post.duty
        if stopped := stopped_in_group(child.pid):
            return f"process {stopped[0]} of it is stopped"
        if duty.longest_s is not None and lasts_s > duty.longest_s:
            return f"it has not ended within {duty.longest_s:g} s"
        # while the database is away there is no answer, and no sign of life is expected
        asks = duty.lives if lasts_s > START_S else None
        if asks is not None and self._answer(context, duty, asks) is False:
            return "it gives no sign of life"
        return None

    def _note_end(self, post: _Post, child: Process) -> None:
        code = child.poll()
        if code is None:
            return
        stop(child)  # it may have left children of its own
        if code:
            log.warning("%s ended with code %d: see %s", post.duty.name, code, self._log_file)
        post.child, post.look_at_s = None, time.monotonic() + post.pause_s
        post.in_vain += 1

    def _answer[T](
        self, context: Context, duty: Duty, question: Callable[[Context], T]
    ) -> T | None:
        """The answer to a question about a duty; None if the store or the machine has none now."""
        try:
            found = question(context)
        except (RetryableError, SettingsError) as error:
            if self._noted.get(duty.name) != str(error):
                log.warning("%s has to wait: %s", duty.name, error)
            self._noted[duty.name] = str(error)
            return None
        self._noted.pop(duty.name, None)
        return found

    def _begin(self, context: Context, duty: Duty) -> Process | None:
        """A new child, if there is work."""
        if not duty.waits(context):
            return None
        return spawn_logged(["trackflow.light", duty.name], os.environ, None, self._log_file)


def main() -> None:
    """Do the work of one duty, as a child."""
    settings = Settings.from_env()
    logs.set_up(settings.log_format)
    from trackflow.usecases.unattended.work import do_work

    # an interrupt is the request to end, and no mistake
    with suppress(KeyboardInterrupt), signals_interrupt():
        try:
            with Context.open(settings) as context:
                if sys.argv[1] == MONTHLY:
                    _do_monthly_work(context)
                else:
                    do_work(context, sys.argv[1])
        except TrackflowError as error:
            log.error("%s: %s", sys.argv[1], error)
            sys.exit(1)


def _do_monthly_work(context: Context) -> None:
    """The one duty that writes files in formats, which use cases do not know."""
    from trackflow.exports.mileage.writing import write_reports
    from trackflow.usecases.unattended.monthly import do_monthly_work

    do_monthly_work(context, write_reports)


if __name__ == "__main__":
    main()
