"""The keys other keys are wrapped with: several at a time, so that one can be replaced while everything stays readable.

What is new is wrapped by the first; each key has an id that is stored beside what it wraps. They come from configuration
and are in no database. Source: design.md section 5; docs/decisions/0015-key-encryption-keys-by-id.md.
"""

import hmac
import os
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chassis.faults import Fault

_NONCE = 12
_FINGERPRINTS = "fingerprints"
UNNAMED = ""
"""The id beside what was wrapped before keys had ids; any of them may fit."""


class Keks:
    """Key-encryption keys of 32 bytes, the one in use first.

    `fingerprints` is what fingerprints of secrets are made with; they stand in events, so it never changes. Where none is
    given it follows from the oldest key.
    """

    def __init__(self, *keys: bytes, fingerprints: bytes | None = None) -> None:
        if not keys or any(len(key) != 32 for key in keys):
            raise Fault("the key-encryption key must be 32 bytes")
        self._ciphers = {ident(key): AESGCM(key) for key in keys}
        self.keeps_fingerprints = fingerprints is not None
        self.fingerprints = fingerprints or fingerprints_of(keys[-1])

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._ciphers)

    @property
    def current(self) -> str:
        """The id of the key that wraps what is new."""
        return next(iter(self._ciphers))

    def wrap(self, plain: bytes, context: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._ciphers[self.current].encrypt(nonce, plain, context.encode())

    def unwrap(self, kek: str, box: bytes, context: str) -> bytes:
        """What the key of this id has wrapped. Raises Fault where it is not configured, or for what was altered or moved."""
        if kek != UNNAMED and kek not in self._ciphers:
            raise Fault(f"the vault needs the key-encryption key {kek}, which is not configured")
        for cipher in self._ciphers.values() if kek == UNNAMED else [self._ciphers[kek]]:
            try:
                return cipher.decrypt(box[:_NONCE], box[_NONCE:], context.encode())
            except (InvalidTag, ValueError):
                continue
        raise Fault("the key-encryption key does not fit the vault, or an entry was altered or moved")


def ident(key: bytes) -> str:
    """A key's name: told in the vault, in reports and in logs, and of no use to whoever looks for the key."""
    return hmac.new(key, b"regie key-encryption key", sha256).hexdigest()[:8]


def fingerprints_of(key: bytes) -> bytes:
    return hmac.new(key, b"regie fingerprints", sha256).digest()


def read_keks(text: str) -> Keks:
    """Keys as hex, one a line, the one in use first; and the line `fingerprints <hex>` from the first rotation on.

    Raises Fault for anything else, and never repeats it.
    """
    keys, fingerprints = _parsed(text)
    return Keks(*keys, fingerprints=fingerprints)


def with_another(text: str, key: bytes) -> str:
    """The text of a file of keys with one more that is used from now on, and what fingerprints are made with as it was."""
    keys, _ = _parsed(text)
    fingerprints = read_keks(text).fingerprints
    lines = [*(each.hex() for each in (key, *keys)), f"{_FINGERPRINTS} {fingerprints.hex()}"]
    return "\n".join(lines) + "\n"


def keks_in(path: Path) -> Keks:
    return read_keks(path.read_text())


def _parsed(text: str) -> tuple[list[bytes], bytes | None]:
    words = [line.split() for line in text.splitlines() if line.strip()]
    keys = [line[0] for line in words if len(line) == 1]
    fingerprints = [line[1] for line in words if len(line) == 2 and line[0] == _FINGERPRINTS]
    try:
        found = [bytes.fromhex(key) for key in (*keys, *fingerprints)]
    except ValueError:
        found = []
    if len(found) != len(words) or len(fingerprints) > 1:
        raise Fault("the file of key-encryption keys must hold 32 bytes as hex a line, the one in use first")
    return found[: len(keys)], found[-1] if fingerprints else None
