"""Whose request it is behind proxies, and that nobody can say so of himself."""

from typing import Any

import httpx
import pytest

from chassis.http.proxies import FORWARDED, MOST_HOPS, X_FORWARDED_FOR, Proxies
from chassis.http.rates import STRANGERS, Rates
from tests.unit.chassis_http import toy

OURS = "10.0.0.0/8, 2001:db8:aa::/48"
PROXY, CLIENT, MADE_UP = "10.0.0.7", "203.0.113.9", "198.51.100.66"


def seen(*lines: str, peer: str | None = PROXY, header: str = X_FORWARDED_FOR, networks: str = OURS) -> str:
    headers = [(header.encode(), line.encode()) for line in lines]
    scope = {"client": (peer, 1234) if peer else None, "headers": headers}
    return Proxies(networks, header).client_of(scope)


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        ([CLIENT], CLIENT),
        ([f"{CLIENT}:51111"], CLIENT),
        (["[2001:db8::5]:51111"], "2001:db8::5"),
        (["2001:db8::5"], "2001:db8::5"),
        (["::ffff:203.0.113.9"], CLIENT),
        ([f"{CLIENT}, 10.0.0.8"], CLIENT),
        ([CLIENT, "10.0.0.8"], CLIENT),
        (["10.1.1.1, 10.0.0.8"], "10.1.1.1"),
        ([], PROXY),
    ],
)
def test_a_proxy_of_ours_says_for_whom_it_asks(lines: list[str], client: str) -> None:
    assert seen(*lines) == client


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        ([f"{MADE_UP}, {CLIENT}"], CLIENT),
        ([MADE_UP, CLIENT], CLIENT),
        ([f"{MADE_UP}, 10.0.0.1, {CLIENT}, 10.0.0.8"], CLIENT),
        ([f"{MADE_UP}, unknown"], PROXY),
        ([f"{MADE_UP}, , 10.0.0.8"], "10.0.0.8"),
        ([f"{MADE_UP}, not-an-address"], PROXY),
        ([", ".join([MADE_UP] + ["10.0.0.8"] * MOST_HOPS)], "10.0.0.8"),
    ],
)
def test_what_a_client_puts_before_it_is_not_believed(lines: list[str], client: str) -> None:
    assert seen(*lines) == client


@pytest.mark.parametrize("header", [X_FORWARDED_FOR, FORWARDED])
@pytest.mark.parametrize("networks", ["", OURS])
def test_who_is_no_proxy_of_ours_speaks_for_nobody_else(header: str, networks: str) -> None:
    text = MADE_UP if header == X_FORWARDED_FOR else f"for={MADE_UP}"
    assert seen(text, peer=CLIENT, header=header, networks=networks) == CLIENT


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        ([f"for={CLIENT}"], CLIENT),
        ([f'proto=https;For="{CLIENT}:51111";by=10.0.0.7'], CLIENT),
        (['for="[2001:db8::5]:51111"'], "2001:db8::5"),
        ([f"for={MADE_UP}, for={CLIENT}, for=10.0.0.8"], CLIENT),
        ([f"for={MADE_UP}", f"for={CLIENT}"], CLIENT),
        ([f"for={MADE_UP}, for=_hidden"], PROXY),
        ([f"for={MADE_UP}, proto=https"], PROXY),
        # an open quote would take what our proxy wrote behind it for its own
        ([f'for={MADE_UP};x=", for={CLIENT}'], PROXY),
        ([f'for={MADE_UP};x=", for="[2001:db8::5]"'], PROXY),
        ([f"for={MADE_UP} for={CLIENT}"], PROXY),
        ([f'for={MADE_UP};x="', f"for={CLIENT}"], CLIENT),
    ],
)
def test_the_standard_header_is_read_as_strictly(lines: list[str], client: str) -> None:
    assert seen(*lines, header=FORWARDED) == client


def test_only_the_header_our_proxies_write_is_read() -> None:
    headers = [(b"forwarded", f"for={MADE_UP}".encode()), (b"x-forwarded-for", CLIENT.encode())]
    scope = {"client": (PROXY, 1234), "headers": headers}
    assert Proxies(OURS).client_of(scope) == CLIENT
    assert Proxies(OURS).client_of({**scope, "headers": headers[:1]}) == PROXY


@pytest.mark.parametrize("wrong", [{"networks": "10.0.0.7/8"}, {"networks": "proxy"}, {"header": "x-real-ip"}])
def test_settings_that_would_believe_anybody_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        Proxies(**wrong)


async def test_a_stranger_is_counted_under_the_address_it_really_has() -> None:
    """Behind our proxy another address is another budget; made-up ones, and those of other peers, are not."""
    app = toy.app(rates=Rates({STRANGERS: 0.1}, window_s=20), proxies=Proxies(OURS))

    async def asked(peer: str, forwarded: str) -> int:
        transport = httpx.ASGITransport(app, client=(peer, 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://toy") as client:
            return (await client.get("/shows", headers={"x-forwarded-for": forwarded})).status_code

    assert [await asked(PROXY, f"{nr}.1.1.1, {CLIENT}") for nr in range(1, 4)] == [401, 401, 429]
    assert await asked(PROXY, "203.0.113.10") == 401
    assert [await asked("192.0.2.1", f"{nr}.1.1.1") for nr in range(1, 4)] == [401, 401, 429]
