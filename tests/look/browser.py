"""A headless Chromium driven over its DevTools protocol: one page at a time, and all that it said and asked for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import websocket

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
    "--remote-allow-origins=*", "--hide-scrollbars", "--no-proxy-server",
)  # fmt: skip
PATIENCE: Final = 60.0


def find_browser() -> str | None:
    """Where a Chromium stands, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab; `said` holds its console messages, exceptions and dialogs, `asked` the addresses it wanted."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=PATIENCE)
        self._number = 0
        self.said: list[str] = []
        self.asked: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self._socket.close()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; what happens meanwhile is kept."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._number:
                assert "error" not in message, message
                return dict(message["result"])
            self._note(message.get("method", ""), message.get("params", {}))

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.said.append(json.dumps(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.said.append(" ".join(str(one.get("value")) for one in told["args"]))
        elif method == "Log.entryAdded":
            self.said.append(told["entry"]["text"])
        elif method == "Page.javascriptDialogOpening":
            self.said.append(f"dialog: {told['message']}")
            self._socket.send(
                json.dumps({"id": 0, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}})
            )
        elif method == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])

    def open(self, path: Path, width: int = 1440, height: int = 900, *, dark: bool = False) -> None:
        """Load a file in a window of this size; what an earlier page said is forgotten."""
        self.said.clear()
        self.asked.clear()
        self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.until("document.readyState === 'complete' && location.protocol === 'file:'")

    def resize(self, width: int, height: int = 900) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def value(self, expression: str) -> Any:
        """What an expression of the page's own language gives, as JSON."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        wait(lambda: self.value(expression), expression)

    def point(self, x: float, y: float, kind: str = "mouseMoved") -> None:
        """Move the pointer, or press (mousePressed) and release (mouseReleased) its button there."""
        button = "none" if kind == "mouseMoved" else "left"
        self.call(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=int(button == "left")
        )

    def picture(self, path: Path) -> None:
        """Keep what the window shows as a PNG file."""
        path.write_bytes(b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def printed(self) -> bytes:
        """The page on paper, as PDF."""
        return b64decode(self.call("Page.printToPDF", printBackground=True)["data"])


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Start a browser that keeps its own files in `folder`, and give its one page."""
    path = find_browser()
    assert path, "no browser"
    command = [path, *FLAGS, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        page = Page(_tab(folder))
        try:
            yield page
        finally:
            page.close()
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def _tab(folder: Path) -> str:
    """The address of the one tab; the browser writes down its port once it listens."""
    from urllib.request import urlopen

    port_file = folder / "DevToolsActivePort"
    wait(lambda: port_file.exists() and re.match(r"\d+\n", port_file.read_text()), "the browser to listen")
    port = port_file.read_text().split()[0]
    with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE) as answer:
        tabs = json.load(answer)
    return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))


def wait(true: Callable[[], Any], what: str) -> None:
    """Look again and again until something is true."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)
