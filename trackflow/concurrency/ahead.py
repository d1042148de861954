"""Reading one step ahead: the next item is made while the last one is worked on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor


def one_ahead[T](items: Iterator[T]) -> Iterator[T]:
    """The same items in the same order, each made in a thread while its predecessor is in use.

    At most two items exist at a time, so memory stays bounded. An error of the iterator is raised
    in place of its item. This is faster where making an item releases the GIL, as databases do.
    """
    nothing = object()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        next_item = thread.submit(next, items, nothing)
        while (item := next_item.result()) is not nothing:
            next_item = thread.submit(next, items, nothing)
            yield item  # type: ignore[misc]  # it is not `nothing`, so it is a T
