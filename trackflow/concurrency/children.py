"""Child processes that do not outlive this one."""

import ctypes
import signal

PR_SET_PDEATHSIG = 1
"""Option of Linux's prctl(2): the signal that a process gets when its parent dies."""

_LIBC = ctypes.CDLL(None)


def _end_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT)


END_WITH_PARENT = _end_with_parent if hasattr(_LIBC, "prctl") else None
"""For `subprocess.Popen(preexec_fn=…)`: interrupts the child when we are killed, as it would keep
its port and the next start would fail. None on macOS, which has no prctl: there a child outlives a
parent that is killed without warning."""
