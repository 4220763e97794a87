"""Personal data and secrets: sealed per subject, readable only while the subject's key exists.

A sealed field travels inside an event (`contracts.envelope.Sealed`); a secret (a stream key) never does. Keys are
wrapped by a key-encryption key from configuration (`chassis/keks.py`), which is not in the database. Source: design.md section 5;
trust.md section 4. The associated data is tenant|subject|field, so a box cannot be moved to another field or person.
"""

import base64
import binascii
import hmac
import os
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import asyncpg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chassis.faults import Fault, Unreachable
from chassis.keks import Keks
from chassis.rotate import DATA_KEYS, SECRETS, context_of
from chassis.store import CONNECTION_LOST
from contracts.envelope import Sealed

_NONCE = 12
_PAD = 32
"""Sealed text is padded to a multiple of this many bytes, so that its length does not tell who it is."""


class Vault:
    """Seals and opens with the keys in the vault's database."""

    def __init__(self, pool: asyncpg.Pool, keks: Keks) -> None:
        self._pool, self._keks = pool, keks

    async def seal(self, tenant: str, subject: str, field: str, text: str) -> Sealed:
        """The text under the subject's key; an empty box for a subject that was forgotten: it is not kept again.

        Raises Unreachable when the vault does not answer.
        """
        key = await self._key(tenant, subject, make=True)
        if key is None:
            return Sealed(subject=subject, box="")
        box = _seal(AESGCM(key), text, f"{tenant}|{subject}|{field}")
        return Sealed(subject=subject, box=base64.b64encode(box).decode())

    async def open(self, sealed: Sealed, tenant: str, field: str) -> str | None:
        """The text, or None when its subject was forgotten. Raises Fault for a box that was altered or moved."""
        key = await self._key(tenant, sealed.subject, make=False)
        if key is None:
            return None
        try:
            box = base64.b64decode(sealed.box, validate=True)
        except binascii.Error as broken:
            raise Fault("not a sealed field") from broken
        return _open(AESGCM(key), box, f"{tenant}|{sealed.subject}|{field}")

    async def forget(self, tenant: str, subject: str) -> None:
        """Destroys the subject's key; every box of it stays where it is and can never be opened again."""
        await self._execute(
            "INSERT INTO public.keys (tenant, subject, wrapped, forgotten_at) VALUES ($1, $2, NULL, now())"
            " ON CONFLICT (tenant, subject) DO UPDATE SET wrapped = NULL, forgotten_at = now()",
            tenant, subject,
        )  # fmt: skip

    async def knows(self, tenant: str, subject: str) -> bool:
        """Whether anything was ever sealed for this subject, be it forgotten since."""
        return bool(await self._fetch("SELECT 1 FROM public.keys WHERE tenant = $1 AND subject = $2", tenant, subject))

    async def forget_again(self, subjects: Sequence[tuple[str, str]]) -> int:
        """Forgets all of these, (tenant, subject), and answers how many had come back with a backup."""
        rows = await self._fetch(
            "INSERT INTO public.keys (tenant, subject, wrapped, forgotten_at)"
            " SELECT tenant, subject, NULL, now() FROM unnest($1::text[], $2::text[]) AS known (tenant, subject)"
            " ON CONFLICT (tenant, subject) DO UPDATE SET wrapped = NULL, forgotten_at = now()"
            " WHERE keys.wrapped IS NOT NULL RETURNING 1",
            [tenant for tenant, _ in subjects], [subject for _, subject in subjects],
        )  # fmt: skip
        return len(rows)

    async def keep_secret(self, tenant: str, name: str, text: str) -> str:
        """Stores or replaces a secret and answers its fingerprint, the only thing about it an event may say."""
        box = self._keks.wrap(_padded(text), context_of(SECRETS, tenant, name))
        await self._execute(
            "INSERT INTO public.secrets (tenant, name, box, kek) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (tenant, name) DO UPDATE SET box = $3, kek = $4",
            tenant, name, box, self._keks.current,
        )  # fmt: skip
        return self.fingerprint(text)

    async def secret(self, tenant: str, name: str) -> str | None:
        rows = await self._fetch("SELECT kek, box FROM public.secrets WHERE tenant = $1 AND name = $2", tenant, name)
        if not rows:
            return None
        return _unpadded(self._keks.unwrap(rows[0]["kek"], rows[0]["box"], context_of(SECRETS, tenant, name)))

    async def drop_secret(self, tenant: str, name: str) -> None:
        """Forgets a secret nobody needs any more."""
        await self._execute("DELETE FROM public.secrets WHERE tenant = $1 AND name = $2", tenant, name)

    def fingerprint(self, text: str) -> str:
        """First 16 hex digits of an HMAC under a server key: tells secrets apart, cannot be guessed back."""
        return hmac.new(self._keks.fingerprints, text.encode(), sha256).hexdigest()[:16]

    async def check(self) -> None:
        """Readiness: raises Unreachable when the vault does not answer."""
        await self._fetch("SELECT 1")

    async def _key(self, tenant: str, subject: str, *, make: bool) -> bytes | None:
        context = context_of(DATA_KEYS, tenant, subject)
        find = "SELECT wrapped, kek FROM public.keys WHERE tenant = $1 AND subject = $2"
        rows = await self._fetch(find, tenant, subject)
        if not rows and make:
            await self._execute(
                "INSERT INTO public.keys (tenant, subject, wrapped, kek) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                tenant, subject, self._keks.wrap(AESGCM.generate_key(256), context), self._keks.current,
            )  # fmt: skip
            rows = await self._fetch(find, tenant, subject)
        if not rows or rows[0]["wrapped"] is None:
            return None
        return self._keks.unwrap(rows[0]["kek"], rows[0]["wrapped"], context)

    async def _fetch(self, query: str, *args: object) -> list[Any]:
        try:
            return await self._pool.fetch(query, *args, timeout=10)
        except CONNECTION_LOST as lost:
            raise Unreachable("the vault does not answer") from lost

    async def _execute(self, query: str, *args: object) -> None:
        try:
            await self._pool.execute(query, *args, timeout=10)
        except CONNECTION_LOST as lost:
            raise Unreachable("the vault does not answer") from lost


def _padded(text: str) -> bytes:
    plain = text.encode()
    return plain + b"\x80" + b"\x00" * (-(len(plain) + 1) % _PAD)


def _unpadded(padded: bytes) -> str:
    return padded.rstrip(b"\x00")[:-1].decode()


def _seal(cipher: AESGCM, text: str, context: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, _padded(text), context.encode())


def _open(cipher: AESGCM, box: bytes, context: str) -> str:
    try:
        return _unpadded(cipher.decrypt(box[:_NONCE], box[_NONCE:], context.encode()))
    except (InvalidTag, ValueError) as altered:
        raise Fault("a sealed field was altered or moved") from altered
