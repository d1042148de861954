"""A total deadline as a value: one moment by which a call with all its tries and waits is over."""

import math
import time
from dataclasses import dataclass
from typing import Self

from trackflow.errors import RetryableError


class TooLateError(RetryableError):
    """The deadline has passed."""


@dataclass(frozen=True, slots=True, order=True)
class Deadline:
    """A moment; of two deadlines the sooner one is the smaller.

    Attributes:
        at_s: in seconds of the monotonic clock of this process; infinite for no deadline.
    """

    at_s: float = math.inf

    @classmethod
    def after(cls, seconds: float | None) -> Self:
        """The deadline so many seconds from now; None means that there is none."""
        return cls(math.inf if seconds is None else time.monotonic() + seconds)

    @property
    def left_s(self) -> float:
        """Seconds left, 0 once it has passed."""
        return max(self.at_s - time.monotonic(), 0.0)

    @property
    def is_over(self) -> bool:
        """Whether it has passed."""
        return time.monotonic() >= self.at_s

    def check(self) -> None:
        """Go on only if it has not passed.

        Raises:
            TooLateError: it has.
        """
        if self.is_over:
            raise TooLateError("took longer than it may")


NEVER = Deadline()
"""No deadline."""
