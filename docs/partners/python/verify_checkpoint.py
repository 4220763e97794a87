"""Be a witness: keep the newest signed checkpoint of a log, and see that each later one only adds to it.

    pip install httpx cryptography
    python verify_checkpoint.py --url http://127.0.0.1:8403 --token-file token --key-file stage.pub --kept kept.txt

Get the verifier's key once, from somebody you trust, not from the server you check. Whoever rewrites a log cannot make a
checkpoint that is consistent with the one you kept. Exit status: 0 all is well, 1 it is not.
"""

import argparse
import base64
import sys
from hashlib import sha256
from pathlib import Path

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class NotAsSigned(Exception):  # noqa: N818
    """What is wrong with the log."""


def opened(note: str, verifier: str) -> tuple[int, bytes]:
    """Size and root of a checkpoint. Raises NotAsSigned unless the key has signed it (C2SP signed-note)."""
    name, ident, encoded = verifier.strip().split("+", 2)
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:])
    text, _, signatures = note.partition("\n\n")
    for line in signatures.splitlines():
        _, signer, signature = line.split(" ")
        raw = base64.b64decode(signature)
        if signer == name and raw[:4].hex() == ident:
            try:
                key.verify(raw[4:], f"{text}\n".encode())
            except InvalidSignature:
                raise NotAsSigned("the signature is not of this key") from None
            origin, size, root = text.split("\n")[:3]
            if origin != name:
                raise NotAsSigned(f"the checkpoint is of another log: {origin}")
            return int(size), base64.b64decode(root)
    raise NotAsSigned("no signature of this key")


def consistent(old: int, new: int, proof: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the log over `old` events begins the one over `new`. Source: RFC 9162 section 2.1.4.2."""
    if old == new:
        return old_root == new_root and not proof
    path = [old_root, *proof] if old & (old - 1) == 0 else proof
    if not path:
        return False
    low, high = old - 1, new - 1
    while low & 1:
        low, high = low >> 1, high >> 1
    first = second = path[0]
    for step in path[1:]:
        if high == 0:
            return False
        if low & 1 or low == high:
            first, second = node(step, first), node(step, second)
            while not low & 1 and low:
                low, high = low >> 1, high >> 1
        else:
            second = node(second, step)
        low, high = low >> 1, high >> 1
    return high == 0 and (first, second) == (old_root, new_root)


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def witness(http: httpx.Client, verifier: str, kept: Path) -> str:
    """Checks the newest checkpoint against the one kept, and keeps it. Raises NotAsSigned."""
    note = http.get("/audit/checkpoint").raise_for_status().json()["note"]
    size, root = opened(note, verifier)
    if kept.exists():
        old_size, old_root = opened(kept.read_text(), verifier)
        if size < old_size:
            raise NotAsSigned(f"the log had {old_size} events and has {size}")
        if size > old_size:
            answer = http.get("/audit/consistency", params={"old": old_size, "new": size}).raise_for_status().json()
            proof = [bytes.fromhex(step) for step in answer["proof"]]
        else:
            proof = []
        if not consistent(old_size, size, proof, old_root, root):
            raise NotAsSigned(f"the log of {size} events does not begin with the one of {old_size}")
    kept.write_text(note)
    return f"{size} events, root {root.hex()}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--key-file", type=Path, required=True, help="<name>+<id>+<key>, one line")
    parser.add_argument("--kept", type=Path, default=Path("checkpoint.txt"))
    options = parser.parse_args()
    token = options.token_file.read_text().strip()
    with httpx.Client(base_url=options.url, headers={"Authorization": f"Bearer {token}"}) as client:
        try:
            print(witness(client, options.key_file.read_text(), options.kept))
        except NotAsSigned as wrong:
            sys.exit(f"NOT AS SIGNED: {wrong}")
