"""A real Chromium without a window, from an npm package: what a page asks for, complains of and shows.

    async with chromium() as browser:
        page = await browser.open("http://127.0.0.1:8401/docs")
        await page.until("document.querySelector('details')")

No name is resolved, so nothing but loopback and files can be reached. Spoken to in the Chrome DevTools Protocol over two
pipes: messages are JSON, each followed by a NUL.
"""

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import node

UNPACKED = node.PACKAGES / ".chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",  # it refuses to start as root with it
    "--no-zygote",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)
FONTS = "<fontconfig><dir>{folder}</dir><cachedir>{cache}</cachedir></fontconfig>"
"""Without a single font the browser ends at the first text."""
LONGEST_MESSAGE = 2**26
PATIENCE_S = 30.0


@dataclass
class Page:
    """`requests` are the URLs it asked for; `faults` what it, or the browser because of it, complained of."""

    browser: "Browser"
    session: str
    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    loaded: asyncio.Event = field(default_factory=asyncio.Event)

    async def evaluate(self, script: str) -> Any:
        """The value of an expression, awaited where it is a promise. Raises AssertionError when it throws."""
        wish = {"expression": script, "returnByValue": True, "awaitPromise": True}
        answer = await self.browser.ask("Runtime.evaluate", self.session, **wish)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, script: str) -> Any:
        """Waits for an expression to be true; its value."""
        async with asyncio.timeout(PATIENCE_S):
            while not (value := await self.evaluate(script)):  # noqa: ASYNC110 - a page has no event to wait on
                await asyncio.sleep(0.05)
        return value

    def note(self, event: str, about: dict[str, Any]) -> None:
        match event:
            case "Page.loadEventFired":
                self.loaded.set()
            case "Network.requestWillBeSent":
                self.requests.append(about["request"]["url"])
            case "Runtime.exceptionThrown":
                self.faults.append(str(about["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if about["type"] in ("error", "warning", "assert"):
                self.faults.append(f"console: {about['args']}")
            case "Log.entryAdded" if about["entry"]["level"] in ("error", "warning"):
                self.faults.append(f"{about['entry']['source']}: {about['entry']['text']}")
            case "Audits.issueAdded":
                self.faults.append(str(about["issue"]["code"]))


class Browser:
    """A running Chromium. Use `chromium()`."""

    def __init__(self, answers: asyncio.StreamReader, orders: asyncio.StreamWriter) -> None:
        self._answers, self._orders = answers, orders
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}

    async def open(self, url: str) -> Page:
        """A new page, as soon as it has loaded."""
        target = (await self.ask("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.ask("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Network", "Runtime", "Log", "Audits"):
            await self.ask(f"{domain}.enable", session)
        answer = await self.ask("Page.navigate", session, url=url)
        assert "errorText" not in answer, answer
        async with asyncio.timeout(PATIENCE_S):
            await page.loaded.wait()
        return page

    async def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """What the browser answers. Raises AssertionError where it refuses, TimeoutError where it is silent."""
        number = next(self._numbers)
        answered = self._waiting[number] = asyncio.get_running_loop().create_future()
        order = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        self._orders.write(json.dumps(order).encode() + b"\0")
        answer = await asyncio.wait_for(answered, PATIENCE_S)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    async def listen(self) -> None:
        """Gives each answer to who waits for it and each event to its page, until the browser ends."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                message = json.loads((await self._answers.readuntil(b"\0"))[:-1])
                if waiting := self._waiting.pop(message.get("id"), None):
                    waiting.set_result(message)
                elif page := self._pages.get(message.get("sessionId", "")):
                    page.note(message["method"], message["params"])


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser with a profile of its own, gone afterwards."""
    parts = await _unpacked()
    with tempfile.TemporaryDirectory(prefix="regie-browser-", ignore_cleanup_errors=True) as profile:
        fonts = Path(profile) / "fonts.conf"
        fonts.write_text(FONTS.format(folder=parts["fonts"], cache=profile))
        # The protocol is spoken on the descriptors 3 and 4: they become the program's standard input and output.
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", 'exec "$@" 3<&0 4>&1', "sh"),
            *(parts["program"], *FLAGS, f"--user-data-dir={profile}", "about:blank"),
            env={**os.environ, "LD_LIBRARY_PATH": parts["libraries"], "FONTCONFIG_FILE": str(fonts)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LONGEST_MESSAGE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            browser = Browser(process.stdout, process.stdin)
            listening = asyncio.create_task(browser.listen())
            yield browser
            await browser.ask("Browser.close")
            await listening
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _unpacked() -> dict[str, str]:
    """Where program, libraries and fonts are; unpacked at the first use (200 MB), whole or not at all."""
    script = "unpack-browser.mjs"
    if not UNPACKED.is_dir():
        folder = tempfile.mkdtemp(dir=node.PACKAGES)
        await node.run(script, env={"TMPDIR": folder})
        try:
            os.rename(folder, UNPACKED)  # noqa: PTH104 - `Path.rename` is said to block, and does no more than this
        except OSError:  # another run was quicker
            shutil.rmtree(folder)
    found: dict[str, str] = await node.run_json(script, env={"TMPDIR": str(UNPACKED)})
    return found
