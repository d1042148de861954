"""How often sensors look for what only some people use."""

import os

SELDOM_S = 600
"""Between two ticks that only say which setting is missing: a tick takes as long as a look."""


def interval_s(seconds: int, variable: str) -> int:
    """The interval of a sensor that has something to look at once a variable is set.

    Args:
        seconds: its interval then.
        variable: of the environment in which the definitions are loaded.
    """
    return seconds if os.environ.get(variable, "").strip() else SELDOM_S
