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


class NotFoundError(TrackflowError):
    """What was asked for is not there."""


class AccessError(TrackflowError):
    """Whoever asks may not: no token, a wrong one, or one that is for something else."""


class NetworkBuildError(TrackflowError):
    """An OpenStreetMap extract could not be turned into a road network."""


class RetryableError(TrackflowError):
    """Something that may go well later: the same call can be made again."""

    retryable = True


class EngineUnavailableError(RetryableError):
    """The road engine cannot be reached or has no network: work waits, no try is used up."""


class StoreUnavailableError(RetryableError):
    """The database cannot be reached or is locked."""


class StaleClaimError(RetryableError):
    """Another worker has taken over this batch; nothing was written."""
