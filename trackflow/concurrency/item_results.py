"""What a processor says of its items: a result for each, and how far it is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ItemResult[T, R]:
    """The result of one item.

    Attributes:
        index: the item's position in the input, from 0.
        item: the item itself.
        value: the function's value; None after an error.
        error: the function's error; None after a success. For an item that was not begun: a
            StoppedError or TooLateError with the reason.
        seconds: the duration, with all tries and the waits between them.
        tries: their number; 0 if the item was not begun.
    """

    index: int
    item: T
    value: R | None = None
    error: Exception | None = None
    seconds: float = 0.0
    tries: int = 0

    def result(self) -> R:
        """The function's value.

        Raises:
            Exception: the function's error.
        """
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # without an error it is an R


@dataclass(frozen=True, slots=True)
class ProcessorProgress:
    """How many items of a run are finished, failed and running.

    Attributes:
        finished: items with a result, whether it was yielded yet or not.
        failed: those of them with an error.
        running: items whose call is under way.
    """

    finished: int
    failed: int
    running: int
