"""Of two people who change one thing, the second is told: what the first has said is not lost."""

from collections.abc import Mapping

from trackflow.errors import ChangedMeanwhileError


def check_unchanged(
    made_from: Mapping[str, str | None] | None, now: Mapping[str, str | None], what: str
) -> None:
    """Check that values are those that a person saw before changing them.

    Args:
        made_from: what the person saw, by name; None if that is not known.
        now: the values as they are.
        what: whose values they are, for the message.

    Raises:
        ChangedMeanwhileError: somebody has changed one of them since.
    """
    for name, seen in (made_from or {}).items():
        if (seen or None) != (now.get(name) or None):
            raise ChangedMeanwhileError(
                f"somebody has changed the {name.replace('_', ' ')} of {what} meanwhile: look at "
                "it again, and change it as it is now"
            )
