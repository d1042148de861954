"""Every error that trackflow raises on purpose, told apart by whether a retry helps.

The message of each says what is wrong and what to do; the command line prints it as one line.
"""


class TrackflowError(Exception):
    """Base of all errors raised on purpose. A retry does not help unless a subclass says so."""

    retryable = False


class SettingsError(TrackflowError):
    """A setting or an argument makes no sense."""


class BadInputError(TrackflowError):
    """A file or a request cannot be read as what it claims to be."""


class QuarantineFullError(TrackflowError):
    """There is no room to keep what cannot be read; a person has to make some."""


class NotFoundError(TrackflowError):
    """What was asked for is not there."""


class GoneError(NotFoundError):
    """What was asked for was there once, and is not any more; the message says why."""


class AccessError(TrackflowError):
    """Whoever asks may not: no token, a wrong one, or one that is for something else."""


class ApprovalNeededError(TrackflowError):
    """What was to be done looks like a mistake: a person has to say that it is none."""


class NetworkBuildError(TrackflowError):
    """An OpenStreetMap extract could not be turned into a road network."""


class RetryableError(TrackflowError):
    """Something that may go well later: the same call can be made again."""

    retryable = True


class EngineUnavailableError(RetryableError):
    """The road engine cannot be reached or has no network: work waits, no try is used up."""


class NoNetworkError(EngineUnavailableError):
    """There is no road network for a profile: work waits until a person has built one."""


class StoreUnavailableError(RetryableError):
    """The database cannot be reached or is locked."""


class StoreRefusesError(StoreUnavailableError):
    """The database answers, but is read-only or full or ended the statement: wait a while."""


class StaleClaimError(RetryableError):
    """Another worker has taken over this batch; nothing was written."""


class StoppedError(TrackflowError):
    """Somebody stopped the work before this piece of it was done."""


class SwitchedOffError(StoppedError):
    """The kill switch of a site is thrown: nothing more is asked of it."""


class SourceError(TrackflowError):
    """A source on the web did not give what was asked of it.

    Attributes:
        kind: one word for reports: what failed.
    """

    kind = "source"


class SourceUnavailableError(SourceError, RetryableError):
    """A source cannot be reached, breaks off, takes too long or fails (HTTP 5xx)."""

    kind = "network"


class SourceBusyError(SourceUnavailableError):
    """A source asks to be left alone for a while (HTTP 429 or 503).

    Attributes:
        retry_after_s: for how many seconds; None where it does not say.
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
    """A page redirects in circles, too often, or to where nobody should follow."""

    kind = "redirect"


class StructureChangedError(SourceError):
    """A page came, but without its known landmarks: its structure has changed, or it is another."""

    kind = "structure"
