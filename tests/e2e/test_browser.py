"""The pages people read, in a real browser that reaches nothing else: all is there, nothing comes from elsewhere, and
nothing complains.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from contracts.roles import SERVICES
from regie.plan import ROOT
from tests.support.browser import chromium

EVENTS = ROOT / "contracts" / "generated" / "events.html"
LISTS = {"entitlement": "listEntitlements", "scheduling": "listShows", "stage": "listStages", "media": "listRecordings"}
"""An operation of each service that asks for nothing but a token."""
POLICY = "default-src 'none'; script-src 'self'"


@pytest.fixture(scope="module")
async def browser():
    async with chromium() as running:
        yield running


@pytest.mark.parametrize("service", SERVICES)
async def test_a_services_page_shows_every_operation_and_asks_nobody_else(browser, endpoints, service):
    url = endpoints["services"][service]["url"]
    async with httpx.AsyncClient() as client:
        contract = (await client.get(f"{url}/openapi.json")).json()
    operations = {each["operationId"] for methods in contract["paths"].values() for each in methods.values()}
    page = await browser.open(f"{url}/docs")
    await page.until("document.querySelector('details') !== null")
    assert await page.evaluate("document.title") == contract["info"]["title"]
    assert set(await page.evaluate("[...document.querySelectorAll('details')].map((each) => each.id)")) == operations
    await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    await page.until(f"document.querySelectorAll('details button').length === {len(operations)}")
    assert await page.evaluate("document.getElementById('operations').offsetHeight") > 0, "it cannot be seen"
    assert sorted(page.requests) == [
        f"{url}{path}" for path in ("/docs", "/docs/docs.css", "/docs/docs.js", "/openapi.json")
    ]
    assert page.faults == []


@pytest.mark.parametrize("service", SERVICES)
async def test_an_operation_can_be_tried_out_with_a_token(browser, endpoints, service):
    page = await browser.open(f"{endpoints['services'][service]['url']}/docs")
    operation = LISTS[service]
    await page.until(f"document.getElementById('{operation}') !== null")
    await page.evaluate(f"{operation}.open = true")
    await page.until(f"{operation}.querySelector('button') !== null")
    for token, status in (("", 401), (endpoints["tokens"]["customer"], 200)):
        await page.evaluate(f"token.value = '{token}'; {operation}.querySelector('button').click()")
        await page.until(f"{operation}.querySelector('pre').textContent.startsWith('{status} ')")
    assert "traceparent: 00-" in await page.evaluate(f"{operation}.querySelector('pre').textContent")


async def test_the_page_of_events_opens_from_a_file_and_asks_for_nothing(browser):
    page = await browser.open(EVENTS.as_uri())
    assert await page.evaluate("document.querySelectorAll('details').length") > 100
    assert await page.evaluate("document.body.offsetHeight") > 0
    assert page.requests == [EVENTS.as_uri()]
    assert page.faults == []


@asynccontextmanager
async def serving(body: str, policy: str) -> AsyncIterator[str]:
    """The URL of a page; nothing else is there."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        status = "200 OK" if asked.startswith(b"GET / ") else "404 Not Found"
        head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Security-Policy: {policy}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.mark.parametrize(
    ("body", "policy"),
    [
        ("<script src='https://cdn.example/ui.js'></script>", ""),
        ("<script src='https://cdn.example/ui.js'></script>", POLICY),
        ("<img src='https://fonts.example/logo.png'>", ""),
        ("<script>document.title = 'inline'</script>", POLICY),
        ("<p style='color: red'>inline</p>", POLICY),
        ("<script>nobody.knows()</script>", ""),
        ("<script>console.error('lost')</script>", ""),
        ("<script>fetch('/nowhere')</script>", ""),
    ],
)
async def test_a_page_that_does_otherwise_is_noticed(browser, body, policy):
    async with serving("<!doctype html><title>page</title>", POLICY) as url:
        assert (await browser.open(url)).faults == []
    async with serving(f"<!doctype html><title>page</title>{body}", policy) as url:
        page = await browser.open(url)
        await page.until("document.readyState === 'complete'")
        async with asyncio.timeout(30):
            while not page.faults:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert ("example" in body) == any("example" in each for each in page.requests)
