"""Try again alone what failed beside others.

CI's machines are shared, and among thousands of tests that start servers, browsers and databases
one may be starved for longer than any limit. So the modules of the few tests that failed run once
more, with the machine to themselves: a change that breaks something fails again. What passes now is
named in the end, and what it said before stands above: such a test has to be mended as well.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

FEW = 3
"""More failures than that are not by chance."""

FAILED = Path(".pytest_cache/v/cache/lastfailed")
TESTS_FAILED = 1


def modules_to_try(status: int, failed: Mapping[str, bool]) -> list[str]:
    """The modules that get a second look; none where that would only hide something.

    Args:
        status: what pytest ended with.
        failed: the tests that failed, by their ids.
    """
    if status != TESTS_FAILED or len(failed) > FEW:
        return []
    return sorted({test.partition("::")[0] for test in failed})


def main(status: int, arguments: list[str]) -> int:
    """Run pytest again, for what has failed.

    Args:
        status: what the run of all tests ended with.
        arguments: of that run.

    Returns:
        0 if all that failed passes now.
    """
    failed = json.loads(FAILED.read_text()) if FAILED.exists() else {}
    modules = modules_to_try(status, failed)
    if not modules:
        return status
    command = [sys.executable, "-m", "pytest", *arguments, "-n", "1", *modules]
    if (again := subprocess.run(command, check=False).returncode) == 0:
        for test in failed:
            print(f"UNSTEADY: {test} failed beside others and passed alone", flush=True)
    return again


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
