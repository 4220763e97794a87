"""What an address given by a stranger may lead to. Every refused one is an attack somebody has tried on somebody."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chassis.outbound import AddressForbidden, AddressNotAllowed, HostUnknown, Outbound, place_of
from tests.support.dns import name_server

WEB = {"http": 80, "https": 443}
PUBLIC = "93.184.215.14"


@contextmanager
def internal_server() -> Iterator[tuple[int, list[bytes]]]:
    """Something on loopback that nobody outside may reach; what reached it is kept, all of it once the context ends."""
    hits: list[bytes] = []
    end = b"nobody comes behind this"
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            while True:
                wire, _ = door.accept()
                with wire:
                    said = wire.recv(100) or b"connected"
                if said == end:
                    return
                hits.append(said)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield door.getsockname()[1], hits
        with socket.create_connection(door.getsockname(), 2.0) as last:
            last.sendall(end)
        thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.100.100.200", "100.64.0.1", "192.0.0.192", "168.63.129.16", "198.18.0.1",
        "192.0.2.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1",
        "2002:7f00:1::", "2001::1", "2001:db8::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "fec0::1",
        "ff02::1", "100::1", "3fff::1", "5f00::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_closed(address: str) -> None:
    with pytest.raises(AddressForbidden) as no:
        Outbound().check(address)
    assert address not in str(no.value)


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::5"]
)
def test_a_public_address_is_open(address: str) -> None:
    Outbound().check(address)


def test_opened_ranges_are_open_and_nothing_beside_them() -> None:
    outbound = Outbound.allowing("127.0.0.0/8, ::1/128")
    outbound.check("127.3.2.1")
    outbound.check("::1")
    for closed in ("10.0.0.1", "169.254.169.254", "::2", "::ffff:127.0.0.1"):
        with pytest.raises(AddressForbidden):
            outbound.check(closed)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "127.0.0.01", "1.2.3.4.5",
        "example.com:80:80", "user@example.com", "user:pass@127.0.0.1", "example.com%2f@127.0.0.1", "127.0.0.1%00.example.com",
        "%31%32%37.0.0.1", "\u2460\u2461\u2466.0.0.1", "\uff4cocalhost", "[::1", "[::1%25lo]", "exa mple.com", "example.com\\@127.0.0.1",
        "example.com#@127.0.0.1:x", "-a.example", "a..example", "", ".", "example.com:0", "example.com:99999", "*.example",
    ],
)  # fmt: skip
def test_a_host_two_programs_may_read_differently_is_refused(host: str) -> None:
    with pytest.raises(AddressForbidden):
        place_of(f"https://{host}/x", WEB)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://example.com/", "HTTPX://example.com", "//example.com", "x"]
)
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(AddressForbidden):
        place_of(url, WEB)


def test_an_ordinary_address_is_taken_apart() -> None:
    place = place_of("HTTPS://Hooks.Example.com.:8443/regie?x=1", WEB)
    assert (place.scheme, place.host, place.port) == ("https", "hooks.example.com", 8443)
    assert place_of("https://[2606:4700::1111]/", WEB).host == "2606:4700::1111"


def test_one_closed_address_among_several_closes_the_name() -> None:
    outbound = Outbound(resolve=lambda *_: [PUBLIC, "127.0.0.1"])
    with pytest.raises(AddressForbidden):
        outbound.addresses(place_of("https://mixed.example/", WEB))


def test_a_name_is_resolved_once_a_connection_and_the_connection_goes_to_the_checked_address() -> None:
    """The name answers what is open first and what is closed next: the second answer is refused, never used."""
    with internal_server() as (port, hits), name_server("127.0.0.2", "127.0.0.1") as names:
        outbound = Outbound(Outbound.allowing("127.0.0.2/32").allow, names.resolve)
        place = place_of(f"http://rebind.example:{port}/", WEB)
        with pytest.raises(OSError, match="refused"):
            outbound.connect(
                place, 2.0
            )  # 127.0.0.2 has nobody listening: had it asked again, it would have got through
        assert names.asked == ["rebind.example"]
        with pytest.raises(AddressForbidden):
            outbound.connect(place, 2.0)
        assert names.asked == ["rebind.example"] * 2
        assert hits == []
        with socket.create_connection(("127.0.0.1", port), 2.0) as direct:
            direct.sendall(b"the server is really there")
    assert hits == [b"the server is really there"]


@pytest.mark.parametrize("name", ["localhost", "localhost.", "LOCALHOST"])
def test_the_systems_own_names_of_this_machine_are_closed(name: str) -> None:
    with internal_server() as (port, hits), pytest.raises(AddressForbidden):
        Outbound().connect(place_of(f"http://{name}:{port}/", WEB), 2.0)
    assert hits == []


async def test_a_client_is_told_the_rule_and_not_what_a_name_resolved_to() -> None:
    outbound = Outbound(resolve=lambda *_: ["10.20.30.40"])
    with pytest.raises(AddressNotAllowed) as no:
        await outbound.admit("https://inside.example/hook", WEB)
    assert "10.20" not in f"{no.value}{no.value.facts}"


async def test_a_name_that_does_not_resolve_is_admitted_and_cannot_be_connected_to() -> None:
    def nothing(*_: object) -> list[str]:
        raise socket.gaierror

    outbound = Outbound(resolve=nothing)
    place = await outbound.admit("https://tomorrow.example/", WEB)
    with pytest.raises(HostUnknown):
        outbound.connect(place, 1.0)


@pytest.mark.parametrize("text", ["127.0.0.1/8", "localhost", "10.0.0.0/8;127.0.0.0/8"])
def test_ranges_that_are_none_are_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Outbound.allowing(text)
