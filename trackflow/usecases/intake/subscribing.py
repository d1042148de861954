"""Receives what phones publish to an MQTT broker (OwnTracks' first mode), so that none is lost.

The broker keeps a message until it is acknowledged, also while trackflow is away, as its session
has a name and stays. A message is acknowledged after the commit, never before. What was stored
but not acknowledged comes again, and is known then. (MQTT 3.1.1, quality of service 1.)
"""

import hashlib
import logging
import queue
import ssl
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

from trackflow.context import Context
from trackflow.errors import RetryableError, SettingsError, TrackflowError
from trackflow.settings import Settings
from trackflow.sources.devices import owntracks, reading
from trackflow.sources.devices.bodies import TooMuchError
from trackflow.sources.devices.envelopes import Envelope
from trackflow.store.breakers import note_failure, note_success
from trackflow.store.intake.reports import Report
from trackflow.usecases.intake.receiving import receive_together

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

SERVICE = "MQTT broker"
"""The name of its breaker, which the page and alerts show."""

PORTS = {"mqtt": 1883, "mqtts": 8883}

GATHER_S = 0.004
"""Seconds that the first message of a transaction waits for others."""

MOST_MESSAGES = 256
"""Messages in one transaction, and ten times as many in memory: a broker with more has to wait."""

RETRY_S = 5.0
"""Seconds between two tries to store what could not be stored."""

LONGEST_RECONNECT_S = 30

QUALITY = 1
"""At least once: the broker sends a message until it is acknowledged."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker and the account at it.

    Attributes:
        host: its name or address.
        port: its port.
        is_encrypted: whether the connection uses TLS.
        user: the account; empty for none.
        password: of the account.
    """

    host: str
    port: int
    is_encrypted: bool
    user: str
    password: str

    @classmethod
    def of_url(cls, url: str) -> Self:
        """The broker of an address such as `mqtts://user:password@host:8883`."""
        parts = urlsplit(url)
        return cls(
            parts.hostname or "",
            parts.port or PORTS[parts.scheme],
            parts.scheme == "mqtts",
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )

    @property
    def client_id(self) -> str:
        """The name of the session, the same after each start: messages wait at the broker for it.

        Two programs of one account would throw each other out, so each trackflow has its own.
        """
        name = hashlib.sha256(self.user.encode()).hexdigest()[:12]
        return f"trackflow-{name}"  # 23 characters at most: some brokers take no more

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class _Received:
    """A message, and the number of the connection that brought it."""

    message: "MQTTMessage"
    connection: int


def subscribe(context: Context, end: threading.Event, note: Callable[[str], None]) -> None:
    """Store what a broker brings until `end` is set; connects again whenever it has to.

    Args:
        context: the store, the settings and the clock.
        end: ends it, when what has been received is stored.
        note: called with a line whenever the connection is there or lost.

    Raises:
        SettingsError: there is no broker, or its certificate authority cannot be read.
    """
    Subscription(context, note).run(end)


class Subscription:
    """A session at a broker. A thread of the library receives; the caller's thread stores."""

    def __init__(self, context: Context, note: Callable[[str], None]) -> None:
        settings = context.settings
        if not settings.mqtt_url:
            raise SettingsError(
                "there is no broker: set TRACKFLOW_MQTT_URL, such as "
                "mqtts://trackflow:password@broker.example:8883"
            )
        self._context, self._note = context, note
        self._broker, self._topic = Broker.of_url(settings.mqtt_url), settings.mqtt_topic
        self._received: queue.Queue[_Received] = queue.Queue(10 * MOST_MESSAGES)
        self._connection = 0
        self._problem = ""
        self._client = self._new_client(settings)

    def _new_client(self, settings: Settings) -> "Client":
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        broker = self._broker
        client = Client(
            CallbackAPIVersion.VERSION2, broker.client_id, clean_session=False, manual_ack=True
        )
        if broker.user:
            client.username_pw_set(broker.user, broker.password)
        if broker.is_encrypted:
            client.tls_set_context(_tls(settings))
        client.reconnect_delay_set(1, LONGEST_RECONNECT_S)
        client.on_connect, client.on_subscribe = self._on_connect, self._on_subscribe
        client.on_connect_fail, client.on_disconnect = self._on_connect_fail, self._on_disconnect
        client.on_message = self._on_message
        return client

    def run(self, end: threading.Event) -> None:
        """See `subscribe`."""
        self._client.connect_async(self._broker.host, self._broker.port)
        thread = threading.Thread(
            target=self._client.loop_forever,
            kwargs={"retry_first_connection": True},
            name="mqtt",
            daemon=True,
        )
        thread.start()
        try:
            while not end.is_set():
                self._store(self._next(), end)
        finally:
            # what was not acknowledged comes again
            self._client.disconnect()

    def _next(self) -> list[_Received]:
        """The messages of the next transaction; none after half a second without."""
        try:
            found = [self._received.get(timeout=0.5)]
        except queue.Empty:
            return []
        time.sleep(GATHER_S)
        while len(found) < MOST_MESSAGES and not self._received.empty():
            found.append(self._received.get())
        return found

    def _store(self, messages: Sequence[_Received], end: threading.Event) -> None:
        """Store messages, and acknowledge each that is stored; tries until all are."""
        waiting = [(one, report) for one in messages if (report := self._report(one)) is not None]
        while waiting and not end.is_set():
            outcomes = receive_together(self._context, [report for _, report in waiting])
            left = []
            for both, outcome in zip(waiting, outcomes, strict=True):
                if isinstance(outcome, TrackflowError):
                    left.append((*both, outcome))
                elif isinstance(outcome, Exception):
                    # not acknowledged: it comes again with the next connection
                    logger.error("a message could not be stored", exc_info=outcome)
                else:
                    self._acknowledge(both[0])
            waiting = [(one, report) for one, report, _ in left]
            if left:
                logger.warning("%d messages wait: %s", len(left), left[0][2])
                end.wait(RETRY_S)

    def _report(self, received: _Received) -> Report | None:
        """What a message says; None, and it is acknowledged, if there is nothing to store."""
        context, message = self._context, received.message
        device = owntracks.device_of_topic(_topic_of(message)) or ""
        envelope = Envelope(owntracks.SOURCE, named_device=device)
        try:
            found = reading.read(
                bytes(message.payload),
                envelope,
                now_us=context.now_us,
                keys=context.settings.owntracks_keys,
            )
        except TooMuchError as error:
            logger.error("a message of %d bytes is left out: %s", len(message.payload), error)
            found = None
        if found is None or not (len(found.points) or found.refused):
            self._acknowledge(received)
            return None
        return Report(found.points, found.refused, found.sender)

    def _acknowledge(self, received: _Received) -> None:
        # a broker that has lost its session gives the same numbers to other messages
        if received.connection == self._connection:
            self._client.ack(received.message.mid, received.message.qos)

    # called in the library's thread ---------------------------------------------------------

    def _on_message(self, _client: Any, _userdata: Any, message: "MQTTMessage") -> None:
        self._received.put(_Received(message, self._connection))

    def _on_connect(self, client: "Client", _data: Any, _flags: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            self._has(f"{self._broker} refuses the account of TRACKFLOW_MQTT_URL: {reason}")
            return
        self._connection += 1
        client.subscribe(self._topic, QUALITY)

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: Any, _p: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._has(f"{self._broker} does not let this account read {self._topic}")
            return
        self._note(f"connected to {self._broker}, topic {self._topic}")
        self._problem = ""
        self._note_state(None)

    def _on_connect_fail(self, _client: Any, _userdata: Any) -> None:
        self._has(f"{self._broker} cannot be reached: {sys.exception()}")

    def _on_disconnect(
        self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure and not self._problem:
            self._has(f"the connection to {self._broker} was lost: {reason}")

    def _has(self, problem: str) -> None:
        """Tell people of a problem once, and the page as long as it lasts."""
        if problem != self._problem:
            self._note(problem)
        self._problem = problem
        self._note_state(problem)

    def _note_state(self, problem: str | None) -> None:
        now = self._context.clock()
        try:
            with self._context.store.write() as connection:
                if problem is None:
                    note_success(connection, SERVICE, now, is_probe=True)
                else:
                    rest_s = 2.0 * LONGEST_RECONNECT_S
                    note_failure(connection, SERVICE, problem, now, rest_s=rest_s)
        except RetryableError as error:
            logger.warning("the state of the broker is not noted: %s", error)


def _topic_of(message: "MQTTMessage") -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return ""


def _tls(settings: Settings) -> ssl.SSLContext:
    file = settings.mqtt_ca
    try:
        return ssl.create_default_context(cafile=None if file is None else str(file))
    except OSError as error:
        raise SettingsError(f"TRACKFLOW_MQTT_CA={file} cannot be read: {error}") from None
