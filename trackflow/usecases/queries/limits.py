"""The one limit of answers: nobody can read more, and it would take the memory of the service."""

from trackflow.errors import BadInputError


def check_count(count: int, most: int, things: str) -> None:
    """Refuse an answer of too many things.

    Args:
        count: number of things; queries read one more than the limit at most.
        most: the limit.
        things: their name in the plural.

    Raises:
        BadInputError: there are too many.
    """
    if count > most:
        raise BadInputError(
            f"these are more than {most:,} {things}: ask for a shorter time or fewer devices"
        )
