"""Signed checkpoints: C2SP signed notes with Ed25519, which existing transparency-log tools can read. Pure.

Source: C2SP signed-note and tlog-checkpoint. A checkpoint is three lines, origin, size, base64 root, then a blank line
and signature lines `— <name> <base64(key id, signature)>`.
"""

import base64
import binascii
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_ED25519 = b"\x01"
_ID = 4


class BadNote(ValueError):  # noqa: N818
    """The text is no signed checkpoint, or is not signed by this key."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a log says of itself: `size` events, position 1 to `size`, lead to `root` (hex)."""

    origin: str
    size: int
    root: str


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    return sign_text(_text(checkpoint), checkpoint.origin, key)


def sign_text(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """A signed note of any text, which ends with a newline and has no empty line."""
    signature = _key_id(name, key.public_key()) + key.sign(text.encode())
    return f"{text}\n\u2014 {name} {base64.b64encode(signature).decode()}\n"


def read(note: str, key: Ed25519PublicKey) -> Checkpoint:
    """The checkpoint of a note that `key` has signed under the log's name. Raises BadNote otherwise."""
    checkpoint = unverified(note)
    read_text(note, checkpoint.origin, key)
    return checkpoint


def unverified(note: str) -> Checkpoint:
    """What a note claims, before anybody has looked at its signature. Raises BadNote for what is no checkpoint."""
    text, separator, _ = note.partition("\n\n")
    lines = text.split("\n")
    if not separator or len(lines) < 3 or not lines[1].isdecimal():
        raise BadNote("not a checkpoint")
    try:
        return Checkpoint(origin=lines[0], size=int(lines[1]), root=base64.b64decode(lines[2], validate=True).hex())
    except binascii.Error as error:
        raise BadNote("the root is not base64") from error


def read_text(note: str, name: str, key: Ed25519PublicKey) -> list[str]:
    """The lines of a note that `key` has signed as `name`. Raises BadNote otherwise."""
    text, separator, signatures = note.partition("\n\n")
    if separator and any(_signed(f"{text}\n".encode(), line, name, key) for line in signatures.splitlines()):
        return text.split("\n")
    raise BadNote("no signature of this key")


def public_text(name: str, key: Ed25519PublicKey) -> str:
    """The verifier's key as `<name>+<key id>+<base64 key>`. Source: C2SP signed-note, "verifier keys"."""
    raw = _ED25519 + key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"{name}+{_key_id(name, key).hex()}+{base64.b64encode(raw).decode()}"


def read_public(text: str) -> tuple[str, Ed25519PublicKey]:
    """Name and key of a verifier's key. Raises BadNote for anything else."""
    try:
        name, ident, encoded = text.strip().split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw[1:])
    except ValueError as error:
        raise BadNote("not a verifier's key") from error
    if raw[:1] != _ED25519 or _key_id(name, key).hex() != ident:
        raise BadNote("the key id does not fit the key")
    return name, key


def _text(checkpoint: Checkpoint) -> str:
    root = base64.b64encode(bytes.fromhex(checkpoint.root)).decode()
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n"


def _key_id(name: str, key: Ed25519PublicKey) -> bytes:
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return sha256(name.encode() + b"\n" + _ED25519 + raw).digest()[:_ID]


def _signed(text: bytes, line: str, name: str, key: Ed25519PublicKey) -> bool:
    try:
        dash, signer, encoded = line.split(" ")
        raw = base64.b64decode(encoded, validate=True)
        key.verify(raw[_ID:], text)
    except (ValueError, InvalidSignature):
        return False
    return (dash, signer, raw[:_ID]) == ("\u2014", name, _key_id(name, key))
