"""The files of a show over HTTP: looked at, shared, approved, and nothing that is not what it says."""

import struct
import zlib
from typing import Any
from uuid import uuid4

from contracts.envelope import Role
from tests.integration.media.conftest import Media


def png(width: int = 4, height: int = 4) -> bytes:
    """A black picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" * (width + 1) for _ in range(min(height, 64))))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


async def register(media: Media, kind: str) -> str:
    body = {"show_id": str(media.show_id), "kind": kind, "name": f"our {kind}"}
    return f"/assets/{(await media.post('/assets', body, status=201, role=Role.CUSTOMER))['id']}"


async def deliver(media: Media, path: str, content: bytes, media_type: str) -> Any:
    return await media.ask(
        "PUT", f"{path}/content", role=Role.CUSTOMER, content=content, headers={"content-type": media_type}
    )


async def test_a_logo_is_delivered_approved_and_lies_in_the_shared_folder(media: Media) -> None:
    path = await register(media, "logo")
    assert (await media.ask("POST", f"{path}/approve")).json()["code"] == "ASSET_MISSING"
    assert (await deliver(media, path, png(), "image/png")).status_code == 200
    approved = await media.post(f"{path}/approve")
    asset = await media.get(path)
    assert asset["situation"] == "APPROVED"
    assert (media.settings.media / asset["file"]).read_bytes() == png()
    listed = await media.get(f"/shows/{media.show_id}/assets", headers={"regie-position": str(approved["position"])})
    assert [one["situation"] for one in listed["items"]] == ["APPROVED"]
    then = await media.get(f"{path}?as_of=@{approved['position'] - 1}")
    assert then["situation"] == "DELIVERED"


async def test_a_clip_is_approved_once_its_presenter_has_shared_it(media: Media) -> None:
    path = await register(media, "clip")
    clip = (media.films / "whole.mp4").read_bytes()
    assert (await deliver(media, path, clip, "application/octet-stream")).status_code == 200
    assert (await media.get(path))["media_type"] == "video/mp4"
    assert (await media.ask("POST", f"{path}/approve")).json()["code"] == "ASSET_NOT_SHARED"
    await media.post(f"{path}/share", {"presenter_id": str(uuid4())}, role=Role.CUSTOMER)
    await media.post(f"{path}/approve")


async def test_content_that_is_not_what_it_should_be_is_refused_by_name(media: Media) -> None:
    logo, clip = await register(media, "logo"), await register(media, "clip")
    film = (media.films / "whole.mp4").read_bytes()
    wrong = [
        (logo, b"GIF89a" + bytes(100), "application/octet-stream", "neither PNG"),
        (logo, png(), "image/jpeg", "is image/png, not image/jpeg"),
        (logo, film, "video/mp4", "a logo is one of"),
        (logo, png()[:-20], "image/png", "damaged PNG"),
        (logo, png(20_000, 2), "image/png", "measures 20000 x 2"),
        (logo, b"\xff\xd8\xff" + bytes(50), "image/jpeg", "damaged JPEG"),
        (clip, film[: len(film) // 2], "video/mp4", "damaged MP4"),
        (clip, film[:40], "video/mp4", "damaged MP4"),
    ]
    for path, content, media_type, said in wrong:
        answer = await deliver(media, path, content, media_type)
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID"), answer.text
        assert said in answer.json()["detail"]
        assert (await media.get(path))["situation"] == "REGISTERED"
    folder = media.settings.media / "assets" / str(media.show_id)
    assert not list(folder.glob("*"))


async def test_other_media_types_and_bodies_beyond_the_limit_are_refused_before_they_are_read(media: Media) -> None:
    path = await register(media, "logo")
    assert (await deliver(media, path, b"<svg/>", "image/svg+xml")).status_code == 415
    huge = b"\0" * (64 * 1024 * 1024 + 1)
    assert (await deliver(media, path, huge, "image/png")).status_code == 413


async def test_the_same_file_again_changes_nothing_and_another_is_refused(media: Media) -> None:
    path = await register(media, "banner")
    first = (await deliver(media, path, png(), "image/png")).json()
    again = (await deliver(media, path, png(), "image/png")).json()
    assert (again["version"], again["events"]) == (first["version"], [])
    other = await deliver(media, path, png(5, 5), "image/png")
    assert (other.status_code, other.json()["code"]) == (409, "ORIGINAL_IMMUTABLE")
    assert other.json()["kept"] == (await media.get(path))["sha256"]


async def test_after_a_rejection_another_file_takes_its_place(media: Media) -> None:
    path = await register(media, "banner")
    await deliver(media, path, png(), "image/png")
    await media.post(f"{path}/reject", {"reason": "too small"})
    assert (await media.get(path))["reason"] == "too small"
    assert (await deliver(media, path, png(8, 8), "image/png")).status_code == 200
    await media.post(f"{path}/approve")


async def test_a_repeat_under_its_key_makes_no_second_asset(media: Media) -> None:
    body = {"show_id": str(media.show_id), "kind": "logo", "name": "our logo"}
    key = {"idempotency-key": "once"}
    first = await media.post("/assets", body, status=201, role=Role.CUSTOMER, headers=key)
    again = await media.post("/assets", body, status=201, role=Role.CUSTOMER, headers=key)
    assert first["id"] == again["id"]
    edited = {**body, "name": "another"}
    assert (await media.ask("POST", "/assets", edited, role=Role.CUSTOMER, headers=key)).status_code == 422
