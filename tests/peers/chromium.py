"""A headless Chromium, driven over its DevTools protocol: pages opened, pressed, read and photographed."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from tests.peers.process import PeerFailed, Program

SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START_S = 30.0


def browser() -> str:
    """The browser of this machine; `""`: there is none. What only says how to install a snap is none."""
    for path in filter(None, map(shutil.which, NAMES)):
        if b"snap install" not in Path(path).read_bytes()[:4096]:
            return path
    return ""


class Page:
    """One tab. What its console says and what the page's policy refuses is in `complaints`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, pictures: Path) -> None:
        self._socket, self._pictures = socket, pictures
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.complaints: list[str] = []
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if (future := self._waiting.pop(told.get("id", 0), None)) is not None:
                if not future.done():
                    future.set_result(told)
            elif told.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(str(told["params"]["exceptionDetails"]))
            elif told.get("method") == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
                self.complaints.append(f"{told['params']['entry']['text']} {told['params']['entry'].get('url', '')}")

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """One command of the protocol."""
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(30):
            told = await future
        assert "error" not in told, told
        result: dict[str, Any] = told["result"]
        return result

    async def prepare(self) -> None:
        for domain in ("Page", "Runtime", "Log"):
            await self.ask(f"{domain}.enable")

    async def look(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """The size of the window, and whether its owner likes it dark."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.ask("Emulation.setEmulatedMedia", features=[scheme])

    async def open(self, url: str) -> None:
        await self.ask("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def run(self, script: str) -> Any:  # noqa: ANN401 - JSON
        """The value of an expression in the page."""
        told = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def until(self, script: str, *, within_s: float = 40.0) -> None:
        """Wait until an expression is true; pages that are just being left are asked again."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    with suppress(AssertionError):
                        if await self.run(f"Boolean({script})"):
                            return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            text = await self.run("document.body.innerText")
            raise AssertionError(f"never within {within_s} s: {script}\n{text[:3000]}") from None

    async def until_text(self, pattern: str, *, within_s: float = 40.0) -> None:
        """Wait for words on the page."""
        await self.until(f"new RegExp({json.dumps(pattern)}, 's').test(document.body.innerText)", within_s=within_s)

    async def press(self, selector: str) -> None:
        """A real press of the mouse in the middle of an element."""
        where = json.dumps(selector)
        await self.run(f"document.querySelector({where}).scrollIntoView({{block: 'center'}})")
        box = await self.run(
            f"(() => {{ const b = document.querySelector({where}).getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.ask("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    async def key(self, name: str, *, text: str = "") -> None:
        """One key, as from the keyboard."""
        code = {"Tab": 9, "Enter": 13, "Escape": 27}.get(name, 0)
        text = text or ("\r" if name == "Enter" else "")
        await self.ask("Input.dispatchKeyEvent", type="keyDown", key=name, windowsVirtualKeyCode=code, text=text)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", key=name, windowsVirtualKeyCode=code)

    async def write(self, text: str) -> None:
        """Into whatever has the focus."""
        await self.ask("Input.insertText", text=text)

    async def photograph(self, name: str) -> Path:
        """The whole page as PNG, kept with the test."""
        assert re.fullmatch(r"[a-z0-9-]+", name)
        told = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        self._pictures.mkdir(parents=True, exist_ok=True)
        path = self._pictures / f"{name}.png"
        path.write_bytes(base64.b64decode(told["data"]))
        return path

    async def close(self) -> None:
        await self._socket.close()
        await self._reader


class Chromium:
    """Owns one browser with a profile of its own, and its first tab."""

    def __init__(self, home: Path, *, pictures: Path | None = None) -> None:
        self._home, self._pictures = home, pictures or home / "pictures"
        command = [browser(), *SWITCHES, f"--user-data-dir={home / 'profile'}", "about:blank"]
        self._program = Program("chromium", command, home)
        self._session: aiohttp.ClientSession | None = None
        self._page: Page | None = None

    async def __aenter__(self) -> Page:
        await self._program.start()
        try:
            await self._program.wait_for_log("DevTools listening on ", within_s=START_S)
            found = re.search(r"ws://(\S+?)/devtools", self._program.log())
            assert found is not None
            self._session = aiohttp.ClientSession()
            async with self._session.get(f"http://{found[1]}/json/list") as response:
                tab = next(one for one in await response.json() if one["type"] == "page")
            socket = await self._session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0)
            self._page = Page(socket, self._pictures)
            await self._page.prepare()
        except (PeerFailed, TimeoutError, aiohttp.ClientError):
            await self.__aexit__(None, None, None)
            raise
        return self._page

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._page is not None:
            await self._page.close()
        if self._session is not None:
            await self._session.close()
        await self._program.stop()
