"""The service is killed in the middle of an upload, and of taking in a segment; the next one goes on. Source: domain.md U17."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from contracts.envelope import Role
from services.media import places
from services.media.editor import probe
from tests.integration.media.conftest import Media
from tests.support.databases import ROOT
from tests.support.ports import free_port

PART_BYTES = 2000


@pytest.fixture
async def media(make_database: Any, home: Any, films: Path) -> AsyncIterator[Media]:
    urls = await make_database("media")
    running = Media(urls.service_url, home, films, vod_part_bytes=PART_BYTES)
    await running.start()
    yield running
    await running.stop()


@contextlib.asynccontextmanager
async def process(media: Media, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service as a program of its own."""
    settings = media.settings
    env = {
        **os.environ,
        "REGIE_MEDIA_DATABASE_URL": settings.database_url,
        "REGIE_MEDIA_PORT": str(port),
        "REGIE_MEDIA_VOD_PART_BYTES": str(PART_BYTES),
        "REGIE_HOME": str(settings.home),
        "REGIE_JWKS": settings.jwks,
    }
    command = [sys.executable, "-m", "services.media"]
    running = await asyncio.create_subprocess_exec(*command, env=env, cwd=ROOT)
    try:
        yield running
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


async def until(media: Media, port: int, path: str, holds: Any) -> Any:
    headers = {"authorization": f"Bearer {media.issuer.token([Role.ANALYST], 'acme')}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client, asyncio.timeout(60):
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await client.get(path)
                if answer.status_code == 200 and holds(answer.json()):
                    return answer.json()
            await asyncio.sleep(0.02)


async def test_an_upload_that_was_killed_goes_on_behind_the_parts_that_arrived(media: Media, tmp_path: Path) -> None:
    path = await media.recorded()
    edit = await media.post(f"{path}/edits", {}, status=202)
    made = await media.until_is(f"/edits/{edit['id']}", "RENDERED")
    assert made["size_bytes"] > 10 * PART_BYTES
    vod_id, port = await _asked(media, edit["id"]), free_port()

    async with process(media, port) as first:
        await until(media, port, f"/vod/{vod_id}", lambda vod: vod["parts"] >= 3)
        first.send_signal(signal.SIGKILL)
        await first.wait()
    before = await _parts(media, vod_id)
    assert 3 <= len(before) < made["size_bytes"] / PART_BYTES

    async with process(media, port):
        await until(media, port, f"/vod/{vod_id}", lambda vod: vod["situation"] == "ON_DEMAND")
    after = await _parts(media, vod_id)
    assert after[: len(before)] == before
    assert after == list(range(1, len(after) + 1))
    film = await places.on_demand(media.settings).get_to(
        places.vod_key(media.show_id, UUID(vod_id)), tmp_path / "film.mp4", sha256=made["sha256"]
    )
    seen = await probe(film)
    assert seen.complete
    assert await places.on_demand(media.settings).parts(f"{vod_id}-{made['sha256'][:16]}") == []


async def _asked(media: Media, edit_id: str) -> str:
    """Ask for the upload; nobody works on it until a process of its own does."""
    for task in asyncio.all_tasks():
        if task.get_name() == "publish_what_was_asked":
            task.cancel()
    vod = await media.post(f"/edits/{edit_id}/vod", status=202)
    await media.stop()
    await _reopen(media)
    return str(vod["id"])


async def _reopen(media: Media) -> None:
    """Only to read the log: nothing of the service runs in this process any more."""
    from chassis.service import open_house
    from services.media.app import DEFINITION

    media.house = await media._running.enter_async_context(open_house(DEFINITION, media.settings))


async def _parts(media: Media, vod_id: str) -> list[int]:
    records = await media.house.store.stream(f"vod-{vod_id}")
    told = [msgspec.json.decode(one.payload) for one in records if one.type == "media.vod_part_stored.v1"]
    return [one["part"]["number"] for one in told]
