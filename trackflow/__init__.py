"""GPS points in, road-matched tracks out.

`open_store`, `split` and `match` are the Python API; it is loaded when it is first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackflow.frames import TrackStore, match, open_store, split

__all__ = ["TrackStore", "__version__", "match", "open_store", "split"]
__version__ = "0.8.0"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'trackflow' has no attribute {name!r}")
    from trackflow import frames  # loads numpy and the rules, which `trackflow --help` lacks

    return getattr(frames, name)


def __dir__() -> list[str]:
    return sorted(__all__)
