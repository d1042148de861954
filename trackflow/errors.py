"""Every error that trackflow raises on purpose, classified by whether a retry helps.

Each message names the problem and what to do; the command line prints it as one line.
"""


class TrackflowError(Exception):
    """Base of all errors raised on purpose. A retry helps only where `retryable` is true."""

    retryable = False


class SettingsError(TrackflowError):
    """A setting or an argument makes no sense."""


class BadInputError(TrackflowError):
    """A file or a request does not have the format that it claims."""


class QuarantineFullError(TrackflowError):
    """The quarantine has no room for more unreadable input; a person has to empty it."""


class NotFoundError(TrackflowError):
    """The requested thing does not exist."""


class GoneError(NotFoundError):
    """The requested thing existed once and was deleted; the message gives the reason."""


class AccessError(TrackflowError):
    """The sender of a request lacks the right: no token, a wrong one, or one of another scope."""


class ApprovalNeededError(TrackflowError):
    """A change looks like a mistake: a person has to approve it."""


class ChangedMeanwhileError(TrackflowError):
    """What a person changes is not what that person saw: somebody else has changed it."""


class UnreadableBookError(TrackflowError):
    """A logbook holds a value that is none any more: somebody changed it, or the disk has."""


class NetworkBuildError(TrackflowError):
    """An OpenStreetMap extract could not be turned into a road network."""


class NetworkPublishError(NetworkBuildError):
    """A road network could not be published for other machines."""


class BaseMapError(TrackflowError):
    """An OpenStreetMap extract could not be turned into map tiles, or its tiles cannot be read."""


class RetryableError(TrackflowError):
    """A failure that may pass: the same call can be made again."""

    retryable = True


class EngineUnavailableError(RetryableError):
    """The road engine cannot be reached or has no network: work waits, no try is used up."""


class NoNetworkError(EngineUnavailableError):
    """There is no road network for a profile: work waits until a person has built one."""


class NetworkFetchError(EngineUnavailableError):
    """A road network that another machine has published cannot be fetched: work waits."""


class StoreUnavailableError(RetryableError):
    """The database cannot be reached or is locked.

    Attributes:
        outward: the message for clients of the service, without files, hosts and roles.
    """

    def __init__(self, message: str, outward: str | None = None) -> None:
        super().__init__(message)
        self.outward = outward or message


class StoreRefusesError(StoreUnavailableError):
    """The database answers, but is read-only or full or ended the statement: wait a while."""


class StaleClaimError(RetryableError):
    """Another worker has taken over this batch; nothing was written."""


class StoppedError(TrackflowError):
    """The work was stopped before this item was done."""


class SwitchedOffError(StoppedError):
    """The kill switch of a site is thrown: no further request is sent to it."""


class SourceError(TrackflowError):
    """A source on the web did not give a usable page.

    Attributes:
        kind: the failed part in one or two words, for reports.
    """

    kind = "source"


class SourceUnavailableError(SourceError, RetryableError):
    """A source cannot be reached, breaks off, takes too long or fails (HTTP 5xx)."""

    kind = "network"


class LeftAloneError(SourceError):
    """A source has failed so often that it is left alone for a while: nothing was asked."""

    kind = "network"


class SourceRestsError(LeftAloneError, RetryableError):
    """A source is left alone, and its work is worth waiting for."""


class SourceBusyError(SourceUnavailableError):
    """A source asks for a rest (HTTP 429 or 503).

    Attributes:
        retry_after_s: its length in seconds; None where the source names none.
    """

    kind = "busy"

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PageMissingError(SourceError):
    """There is no such page (HTTP 404 or 410)."""

    kind = "missing page"


class PageRefusedError(SourceError):
    """The source refuses to give the page (any other HTTP 4xx, or too large an answer)."""

    kind = "refused"


class RedirectError(SourceError):
    """A page redirects in a loop, too often, or to an address outside the web."""

    kind = "redirect"


class AddressRefusedError(SourceError):
    """An address leads into the own network, to this machine, or to no machine at all."""

    kind = "address"


class StructureChangedError(SourceError):
    """A page lacks its known landmarks: its structure has changed, or it is another page."""

    kind = "structure"


class MeshServiceUnavailableError(RetryableError):
    """The mesh service cannot be reached, or gives no answer in time: try again later."""


class MeshServiceError(RetryableError):
    """The mesh service failed at a mesh that it accepted, or a child process died: try again."""


class MeshStorageError(RetryableError):
    """The storage of meshes cannot be read or written: it is full, away, or lacks a file."""
