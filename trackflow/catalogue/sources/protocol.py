"""What a source of race tracks has to be able to do, and the client that it gets to do it with."""

from typing import Protocol

from trackflow.catalogue.records import Details, ListedTrack, Listing
from trackflow.concurrency.deadline import Deadline
from trackflow.concurrency.polite import PageClient


class Connector(Protocol):
    """A source of race tracks. Threads share one; it keeps no state."""

    @property
    def source(self) -> str:
        """Its name: part of the key of everything stored from it."""
        ...

    @property
    def site(self) -> str:
        """What the rate limit and the kill switch go by; sources on one server share it."""
        ...

    def list_tracks(self, web: PageClient, deadline: Deadline) -> Listing:
        """All tracks of the source.

        Raises:
            SourceError: the list cannot be had.
            StructureChangedError: what came is no list of the known structure.
        """
        ...

    def fetch_details(self, listed: ListedTrack, web: PageClient, deadline: Deadline) -> Details:
        """What the source knows of one track; without a request if the list said it all.

        Raises:
            SourceError: the page cannot be had.
            StructureChangedError: what came is no page of the known structure.
        """
        ...
