"""A real headless Chromium, driven over its own protocol: no driver, no new package."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # as root there is no sandbox to start
    "--disable-dev-shm-usage",  # /dev/shm of a container is small
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en-US",
    "--accept-lang=en-US",
    "--window-size=1200,800",
    "--remote-debugging-port=0",
    # Pages are drawn by the processor here: what is made for graphics cards costs the double, and a
    # process for each site, or one in advance, half of a page's own work.
    "--disable-gpu-rasterization",
    "--disable-gpu-compositing",
    "--disable-site-isolation-trials",
    "--disable-features=SpareRendererForSitePerProcess,IsolateOrigins,site-per-process",
    "--renderer-process-limit=1",
)

WITHOUT_GPU = ("--disable-gpu",)
WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""Drawing by the processor: slow, but the same everywhere."""
LARGE_WINDOW = "--window-size=1500,1000"


def find_chromium() -> str | None:
    """Path of the installed browser."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def needed_chromium() -> str:
    """Path of the browser; without one the test is skipped, but in CI it fails."""
    found = find_chromium()
    if found is None:
        message = "no Chromium found: apt-get install chromium"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return found


class NavigatedError(Exception):
    """The tab went to another page, or to the same one anew, while it was asked."""


class Page:
    """One tab."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.number = 0
        self.session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        self.problems: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol; of the events in between, errors are kept."""
        self._send(method, parameters)
        while True:
            answer = json.loads(self.connection.recv(timeout=PATIENCE_S))
            self._keep_problem(answer)
            if answer.get("id") == self.number:
                if "navigated" in answer.get("error", {}).get("message", ""):
                    raise NavigatedError(method)
                assert "error" not in answer, answer
                return answer["result"]

    def _send(self, method: str, parameters: dict[str, Any]) -> None:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.connection.send(json.dumps(message))

    def _keep_problem(self, event: dict[str, Any]) -> None:
        """Keep what a script threw and what the browser complains about, for a failing test."""
        parameters = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            thrown = details.get("exception", {}).get("description", "")
            self.problems.append(f"{details['text']} {thrown} ({details.get('url')})")
        elif event.get("method") == "Log.entryAdded":
            entry = parameters["entry"]
            self.problems.append(f"{entry['level']}: {entry['text']} ({entry.get('url')})")

    def of_browser(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method that belongs to the whole browser."""
        session, self.session = self.session, None
        try:
            return self.call(method, **parameters)
        finally:
            self.session = session

    def events_until(self, method: str, last: str) -> list[dict[str, Any]]:
        """Call a method of the browser; the trace that it sends until an event that ends it."""
        self.number += 1
        self.connection.send(json.dumps({"id": self.number, "method": method, "params": {}}))
        found: list[dict[str, Any]] = []
        while True:
            message = json.loads(self.connection.recv(timeout=PATIENCE_S))
            if message.get("method") == "Tracing.dataCollected":
                found += message["params"]["value"]
            if message.get("method") == last:
                return found

    def goto(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def eval(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Wait until an expression is true in the page; returns its value."""

        def value() -> Any:
            try:
                return self.eval(expression)
            except NavigatedError:  # the page loads itself anew: it is asked again
                return None

        return wait_until(value, lambda: f"{expression}; {self._state()}", pause_s=0.2)

    def wait_for_value(self, expression: str, expected: Any) -> None:
        """Wait until an expression has a value: a page may still be about to draw it."""

        def is_expected() -> bool:
            try:
                return bool(self.eval(expression) == expected)
            except NavigatedError:
                return False

        def why() -> str:
            return f"{expression}: {self.eval(expression)!r}, not {expected!r}; {self._state()}"

        wait_until(is_expected, why, pause_s=0.2)

    def _state(self) -> str:
        """What the page says, what went wrong in it, and the last things that it loaded."""
        loaded = self.eval(
            "performance.getEntriesByType('resource').slice(-12)"
            ".map(r => `${r.responseStatus} ${r.name}`).join('\\n')"
        )
        problems = "\n".join(self.problems[-10:]) or "none"
        return f"the page says:\n{self.text()[:3000]}\nproblems:\n{problems}\nloaded:\n{loaded}"

    def text(self) -> str:
        """What a person can read on the page."""
        return self.eval("document.body ? document.body.innerText : ''") or ""

    def wait_for_text(self, *texts: str) -> None:
        for text in texts:
            self.wait_for(f"document.body.innerText.includes({json.dumps(text)})")

    def click_text(self, text: str, selector: str = "a, button, [role=button]") -> None:
        """Click on the innermost thing that shows exactly this text."""
        found = (
            f"[...document.querySelectorAll({json.dumps(selector)})]"
            f".findLast(e => e.innerText.trim() === {json.dumps(text)})"
        )
        self.wait_for(f"!!{found}")
        self.eval(f"{found}.click()")

    def resize(self, width: int, height: int, *, phone: bool = False, scale: float = 1) -> None:
        """Make the window so large, in CSS pixels; as a phone with touch."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=phone,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)

    def prefer(self, **features: str) -> None:
        """Set what a reader prefers, such as `color_scheme="dark"`."""
        found = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self.call("Emulation.setEmulatedMedia", features=found)

    def speak(self, *languages: str) -> None:
        """Prefer these languages, such as "de-AT", "de", from the next page on."""
        agent = self.eval("navigator.userAgent")
        accept = ",".join(languages)
        self.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=accept)

    def press(self, *keys: str) -> None:
        """Press keys one after another, such as "Tab", "ArrowDown", "Escape", " "."""
        for key in keys:
            digit = key if key.isdigit() else ""
            code = {" ": 32, "Tab": 9, "Enter": 13, "Escape": 27}.get(key, ord(digit or "\0"))
            text = {" ": " ", "Enter": "\r"}.get(key, digit)
            known = {"key": key, "windowsVirtualKeyCode": code} | ({"text": text} if text else {})
            self.call("Input.dispatchKeyEvent", type="keyDown", **known)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def write(self, text: str) -> None:
        """Type into whatever has the focus."""
        self.call("Input.insertText", text=text)

    def click_at(self, x: float, y: float) -> None:
        """Click with the mouse, in CSS pixels from the top left."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Press the mouse button at a place, move to another one and let go."""
        at = [
            (start[0] + (end[0] - start[0]) * k // 4, start[1] + (end[1] - start[1]) * k // 4)
            for k in range(5)
        ]
        kinds = ["mousePressed", "mouseMoved", "mouseMoved", "mouseMoved", "mouseReleased"]
        for kind, (x, y) in zip(kinds, at, strict=True):
            mouse = {"button": "left", "buttons": 1, "clickCount": 1}
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **mouse)

    def touch(self, kind: str, *fingers: Sequence[float]) -> None:
        """What fingers do: "touchStart", "touchMove" with their places, "touchEnd" with none."""
        self.call("Input.dispatchTouchEvent", **self._touching(kind, *fingers))

    def swipe(self, here: Sequence[float], there: Sequence[float]) -> None:
        """One finger from here to there, in one go: on a busy machine it would else rest first."""
        for kind, place in (("touchStart", here), ("touchMove", there)):
            self._send("Input.dispatchTouchEvent", self._touching(kind, place))
        self.touch("touchEnd")

    def _touching(self, kind: str, *fingers: Sequence[float]) -> dict[str, Any]:
        return {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in fingers]}

    def screenshot(self, path: Path) -> None:
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def open_page(chromium: str, profile: Path, flags: Sequence[str] = WITHOUT_GPU) -> Iterator[Page]:
    """A tab of a fresh browser, which is closed at the end."""
    process = subprocess.Popen(
        [chromium, *FLAGS, *flags, f"--user-data-dir={profile}", "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with connect(
            _address(process, profile), max_size=None, proxy=None, open_timeout=PATIENCE_S
        ) as connection:
            page = Page(connection)
            yield page
            page.session = None
            page.call("Browser.close")
        process.wait(PATIENCE_S)
    finally:
        process.kill()
        process.wait()


def _address(process: subprocess.Popen[bytes], profile: Path) -> str:
    """Where the browser listens; it writes that into its profile once it does."""
    file = profile / "DevToolsActivePort"

    def address() -> str:
        assert process.poll() is None, f"Chromium ended with {process.returncode}"
        lines = file.read_text().splitlines() if file.exists() else []
        return f"ws://127.0.0.1:{lines[0]}{lines[1]}" if len(lines) >= 2 else ""

    return wait_until(address, "Chromium did not start to listen", pause_s=0.1)
