"""Starting pyarrow without pandas, in programs that seldom need it.

pyarrow imports pandas before it makes its first array, to recognise its types. That takes over a
second, in which `trackflow import` would print nothing, and 60 MB in each process that stays. Later
it looks again only when it is given a data frame, as by geopandas.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _NoPandas(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002  what Python passes
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not looked for now", name="pandas")
        return None


def start_without_pandas() -> None:
    """Make pyarrow's first array while pandas cannot be found.

    From then on, pyarrow takes no pandas columns for arrays in this process; whole data frames are
    still written.
    """
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        import pyarrow as pa

        pa.array([0]).to_numpy(zero_copy_only=False)  # both look for it by themselves
    finally:
        sys.meta_path.remove(finder)
