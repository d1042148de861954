"""What a check found: the same for days and for meshes."""

from dataclasses import dataclass, field

from trackflow.defs import metadata


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """The result of a check: whether it passes, one line for people, and numbers."""

    passed: bool
    description: str
    numbers: dict[str, metadata.Value] = field(default_factory=dict)
