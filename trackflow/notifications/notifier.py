"""Sends messages to chats, mail and others by Apprise.

A message that cannot be sent never fails the work, nor delays it for long: the failure is logged
without the address, which holds a password or a token.
"""

import logging
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from trackflow.concurrency.deadline import Deadline
from trackflow.settings import Settings

log = logging.getLogger(__name__)

NOTIFY_URLS = "TRACKFLOW_NOTIFY_URLS"

DEADLINE_S = 20.0
"""For all addresses together; after it a service that hangs is abandoned."""

MOST_CHARACTERS = 3500
"""Most chat services cut or refuse longer texts."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a message is about, and the PNG picture that goes with it where a service takes one."""

    is_trouble: bool = True
    picture: bytes | None = None


TROUBLE = Message()


class Notifier(Protocol):
    """Sends messages to people."""

    def send(self, title: str, body: str, message: Message = TROUBLE) -> bool:
        """Send a title and a text in Markdown; neither may hold people's positions.

        Returns whether all addresses took them.
        """
        ...


class NoNotifier:
    """Sends nothing, for installations without an address."""

    def send(self, title: str, body: str, message: Message = TROUBLE) -> bool:
        """Do nothing."""
        del title, body, message
        return True


class AppriseNotifier:
    """Sends to each of some addresses, such as `mailtos://…`, `slack://…` or `jsons://…`."""

    def __init__(
        self,
        urls: Sequence[str],
        deadline_s: float = DEADLINE_S,
        variable: str = NOTIFY_URLS,
        first_number: int = 1,
    ) -> None:
        """A notifier.

        Args:
            urls: addresses as Apprise knows them.
            deadline_s: how long to wait for all of them.
            variable: that holds the addresses, for messages about them.
            first_number: of the first of them among those of the variable.
        """
        self._urls, self._deadline_s, self._variable = tuple(urls), deadline_s, variable
        self._first_number = first_number

    def send(self, title: str, body: str, message: Message = TROUBLE) -> bool:
        """Send to all addresses at once; a failure or a missed deadline is logged."""
        short = body if len(body) <= MOST_CHARACTERS else body[:MOST_CHARACTERS] + "\n\n…"
        services = [
            _service(_named(number, url, self._variable), url)
            for number, url in enumerate(self._urls, self._first_number)
        ]
        taken: list[str] = []
        threads = [
            # daemon threads: one that hangs must not keep the process from ending
            threading.Thread(
                target=_send,
                name=named,
                args=(taken, named, service, title, short, message),
                daemon=True,
            )
            for named, service in services
            if service is not None
        ]
        for thread in threads:
            thread.start()
        deadline = Deadline.after(self._deadline_s)
        for thread in threads:
            thread.join(deadline.left_s)
            if thread.is_alive():
                log.warning("%s gives no answer in time", thread.name)
        return len(taken) == len(services)


def notifier_of(settings: Settings) -> Notifier:
    """The notifier of these settings (`TRACKFLOW_NOTIFY_URLS`)."""
    return AppriseNotifier(settings.notify_urls) if settings.notify_urls else NoNotifier()


def _service(named: str, url: str) -> tuple[str, Any]:
    """An address's name without its secrets, and Apprise's sender; None for an invalid address."""
    with warnings.catch_warnings():
        # its plug-ins load when first needed, and some import deprecated modules
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise  # slow to import, and needed only when something went wrong

        # its own log messages show addresses with their secrets
        logging.getLogger("apprise").disabled = True
        service = apprise.Apprise(asset=apprise.AppriseAsset(app_id="trackflow"))
        if service.add(url):
            return named, service
    log.warning("%s is no address that Apprise knows", named)
    return named, None


def _send(
    taken: list[str], named: str, service: Any, title: str, body: str, message: Message
) -> None:
    """Send to one address; its name is added to `taken` if it took the message.

    Args:
        taken: names of addresses that took it.
        named: the address's name without its secrets.
        service: of Apprise.
        title: one line.
        body: Markdown.
        message: what it is about.
    """
    more = {} if message.picture is None else {"attach": _attachment(message.picture)}
    kind = "warning" if message.is_trouble else "success"
    try:
        is_sent = service.notify(
            title=title, body=body, body_format="markdown", notify_type=kind, **more
        )
    except Exception as error:  # noqa: BLE001  no error of a plug-in may fail the work
        log.warning("%s failed (%s)", named, type(error).__name__)
        return
    if is_sent:
        taken.append(named)
    else:
        log.warning("%s did not take the message", named)


def _attachment(picture: bytes) -> Any:
    """A picture as Apprise takes it; services that take none leave it out."""
    import apprise
    from apprise.attachment.memory import AttachMemory

    attached = apprise.AppriseAttachment()
    make: Any = AttachMemory  # Apprise has annotations in parts only
    attached.add(make(content=picture, name="mesh.png", mimetype="image/png"))
    return attached


def _named(number: int, url: str, variable: str) -> str:
    """A name for an address without its secrets: its number and its kind."""
    return f"address {number} of {variable} ({urlsplit(url).scheme[:20] or 'no kind'})"
