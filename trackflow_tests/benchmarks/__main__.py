"""`python -m trackflow_tests.benchmarks NAME… [--json]`: figures measured on this machine, now.

Numbers after a name are the benchmark's sizes: `scale 50000000 1000`.

Each module here holds one benchmark: a docstring that says what is compared with what, and a
function `run()` that returns its figures. Ratios compare what was measured in the same run.
"""

import argparse
import importlib
import inspect
import json
import pkgutil
import sys
import time
from pathlib import Path

NOT_BENCHMARKS = {
    "__main__",
    "bare_route",
    "data",
    "fit_modes",
    "long_history",
    "movement_scores",
    "movement_splitters",
    "page_service",
    "people_scores",
    "rivals",
    "scoring",
    "senders",
    "simulated_days",
    "simulated_trackers",
}


def main() -> None:
    package = __package__ or "trackflow_tests.benchmarks"
    folder = importlib.import_module(package).__path__
    found = {m.name.removesuffix("_"): m.name for m in pkgutil.iter_modules(folder)}
    names = sorted(name for name, module in found.items() if module not in NOT_BENCHMARKS)
    parser = argparse.ArgumentParser(prog=f"python -m {package}", description=__doc__)
    parser.add_argument("names", nargs="+", metavar=f"NAME [SIZE…] ({', '.join(names)})")
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    parser.add_argument("--folder", type=Path, help="where `page` keeps its stores")
    arguments = parser.parse_args()
    wanted: dict[str, list[int]] = {}
    for word in arguments.names:
        if word in names:
            wanted[word] = []
        elif word.isdigit() and wanted:
            wanted[[*wanted][-1]].append(int(word))
        else:
            parser.error(f"there is no benchmark {word!r}: choose from {', '.join(names)}")
    results = {}
    for name, sizes in wanted.items():
        module = importlib.import_module(f"{package}.{found[name]}")
        started = time.perf_counter()
        keeps = arguments.folder and "folder" in inspect.signature(module.run).parameters
        results[name] = module.run(*sizes, **({"folder": arguments.folder} if keeps else {}))
        if not arguments.json:
            print(f"{name}: {(module.__doc__ or '').strip().splitlines()[0]}")
            for key, value in results[name].items():
                print(f"  {key:44} {_shown(value)}")
            print(f"  ({time.perf_counter() - started:.0f} s)")
    if arguments.json:
        json.dump(results, sys.stdout, indent=2)
        print()


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 10 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main()
