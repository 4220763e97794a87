"""A reader that knows C2SP tlog-tiles and nothing of ours follows the log: only checkpoints, tiles and RFC 6962."""

import base64
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chassis import merkle, notes, tenancy
from chassis.leaves import Stored, leaf_bytes, micros
from chassis.service import Definition, House, api, open_house
from chassis.settings import ChassisSettings
from chassis.tiles import numbered
from contracts.envelope import Role
from regie.issuer import Issuer
from tests.support import merkle_reference as reference
from tests.support.ports import free_port
from tests.support.serving import serving
from tests.support.toy import COUNTER, EVENTS, Raise, cause

PREFIX = "/audit/tlog"


def path_of(number: int) -> str:
    """As C2SP tlog-tiles writes a tile's number: 1234067 is x001/x234/067."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])


class Reader:
    """Any tool's view of a log."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def checkpoint(self) -> tuple[int, str]:
        text = (await self.http.get(f"{PREFIX}/checkpoint")).raise_for_status().text
        _, size, root = text.split("\n")[:3]
        return int(size), root

    async def hashes(self, level: int, size: int) -> list[bytes]:
        """All hashes of a level for a tree of a size: its full tiles and the partial one."""
        found = b""
        count = size // 256**level
        for number in range(-(-count // 256)):
            width = min(256, count - number * 256)
            suffix = "" if width == 256 else f".p/{width}"
            tile = (await self.http.get(f"{PREFIX}/tile/{level}/{path_of(number)}{suffix}")).raise_for_status()
            assert tile.headers["content-type"] == "application/octet-stream"
            assert len(tile.content) == width * 32
            found += tile.content
        return [found[at : at + 32] for at in range(0, len(found), 32)]


@pytest.fixture
async def house(toy_urls: tuple[str, str], home: Any) -> AsyncIterator[House]:
    home.create()
    key = home.secrets / "toy.audit"
    key.write_text("05" * 32)
    settings = ChassisSettings(
        database_url=toy_urls[1], jwks=str(Issuer(home).publish()), home=home.path, audit_key_file=key
    )
    async with open_house(Definition(name="stage", title="Toy", summary="A toy.", events=EVENTS), settings) as opened:
        yield opened


@pytest.fixture
async def http(house: House, home: Any) -> AsyncIterator[httpx.AsyncClient]:
    token = {"authorization": f"Bearer {Issuer(home).token([Role.PARTNER], 'globex')}"}
    with tenancy.seeing(tenancy.NOBODY):
        async with (
            serving(api(house.definition, house), free_port()) as (url, _),
            httpx.AsyncClient(base_url=url, headers=token, timeout=20) as client,
        ):
            yield client


async def record(house: House, count: int) -> None:
    with tenancy.seeing_all():
        for _ in range(count):
            await house.handler.run(COUNTER, uuid4(), Raise(by=1), cause())
        await house.audit.extend()


async def leaves(house: House) -> list[bytes]:
    """Of the events as they are stored, without the tiles."""
    with tenancy.seeing_all():
        records = await house.db.fetch("SELECT * FROM log.events ORDER BY position")
    return [
        reference.leaf(leaf_bytes(Stored(
            position=row["position"], stream=row["stream"], version=row["version"], type=row["type"],
            tenant=row["tenant"], show=row["show"], payload=row["payload"], metadata=row["metadata"],
            recorded_us=micros(row["recorded_at"]),
        )))
        for row in records
    ]  # fmt: skip


async def test_a_tool_that_knows_the_specification_follows_the_log(house: House, http: httpx.AsyncClient) -> None:
    reader = Reader(http)
    assert (await http.get(f"{PREFIX}/checkpoint")).status_code == 404
    for count in (1, 254, 1, 44):
        await record(house, count)
        size, root = await reader.checkpoint()
        hashes = await reader.hashes(0, size)
        assert hashes == await leaves(house)
        assert base64.b64encode(reference.root(hashes)).decode() == root
        above = await reader.hashes(1, size)
        assert above == [reference.root(hashes[at : at + 256]) for at in range(0, size // 256 * 256, 256)]
    assert size == 300
    told = await http.get(f"{PREFIX}/checkpoint")
    assert told.headers["content-type"] == "text/plain; charset=utf-8"
    assert notes.read(told.text, house.audit.public_key()).size == 300


async def test_what_is_served_once_is_served_for_ever_and_nothing_else_is(
    house: House, http: httpx.AsyncClient
) -> None:
    await record(house, 10)
    early = (await http.get(f"{PREFIX}/tile/0/000.p/10")).raise_for_status()
    assert "immutable" in early.headers["cache-control"]
    assert (await http.get(f"{PREFIX}/tile/0/000")).status_code == 404
    assert (await http.get(f"{PREFIX}/tile/0/000.p/11")).status_code == 404
    await record(house, 250)
    assert (await http.get(f"{PREFIX}/tile/0/000.p/10")).content == early.content
    assert len((await http.get(f"{PREFIX}/tile/0/000")).content) == 256 * merkle.HASH
    for wrong in ("1/001", "0/002", "9/000", "0/x000/000", "0/000.p/256"):
        assert (await http.get(f"{PREFIX}/tile/{wrong}")).status_code == 404, wrong
    for wrong in ("0/0", "0/000.p/0", "0/000.p/010", "0/x00/000", "64/000", "0/001/000"):
        assert (await http.get(f"{PREFIX}/tile/{wrong}")).status_code in (404, 422), wrong
    for entries in ("entries/000", "entries/000.p/4"):
        assert (await http.get(f"{PREFIX}/tile/{entries}")).status_code == 404


@pytest.mark.parametrize("number", [0, 7, 999, 1000, 1_234_067, 10**15 + 3])
def test_a_tiles_number_is_read_as_the_specification_writes_it(number: int) -> None:
    assert numbered(path_of(number)) == (number, 256)
    assert numbered(f"/{path_of(number)}.p/17") == (number, 17)
    assert path_of(1_234_067) == "x001/x234/067"


async def test_hashes_and_checkpoints_are_for_readers_of_the_service_alone(
    house: House, http: httpx.AsyncClient
) -> None:
    await record(house, 1)
    for path in (f"{PREFIX}/checkpoint", f"{PREFIX}/tile/0/000.p/1"):
        assert (await http.get(path)).status_code == 200
        assert (await http.get(path, headers={"authorization": ""})).status_code == 401
