"""RFC 6962 once more, as plainly as its text reads: recursive, over all leaves, sharing nothing with `chassis.merkle`.

Only what section 2.1 says is in here. A proof is judged by computing backwards what section 2.1.1 and 2.1.2 compute
forwards: it names the roots it leads to, or nothing where its form is wrong.
"""

from collections.abc import Sequence
from hashlib import sha256


def leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def pair(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def root(hashes: Sequence[bytes]) -> bytes:
    """MTH, of leaf hashes."""
    if not hashes:
        return sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return pair(root(hashes[:k]), root(hashes[k:]))


def path(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """PATH: from the leaf upwards."""
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return [*path(index, hashes[:k]), root(hashes[k:])]
    return [*path(index - k, hashes[k:]), root(hashes[:k])]


def proof(old: int, hashes: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """PROOF of the first `old` leaves; `whole` is SUBPROOF's flag."""
    if old == len(hashes):
        return [] if whole else [root(hashes)]
    k = split(len(hashes))
    if old <= k:
        return [*proof(old, hashes[:k], whole=whole), root(hashes[k:])]
    return [*proof(old - k, hashes[k:], whole=False), root(hashes[:k])]


def root_of_path(index: int, size: int, hashed: bytes, nodes: Sequence[bytes]) -> bytes | None:
    """The root a path leads its leaf to."""
    if not 0 <= index < size:
        return None
    if size == 1:
        return None if nodes else hashed
    if not nodes:
        return None
    k = split(size)
    if index < k:
        below = root_of_path(index, k, hashed, nodes[:-1])
        return None if below is None else pair(below, nodes[-1])
    below = root_of_path(index - k, size - k, hashed, nodes[:-1])
    return None if below is None else pair(nodes[-1], below)


def roots_of_proof(
    old: int, new: int, nodes: Sequence[bytes], old_root: bytes, *, whole: bool = True
) -> tuple[bytes, bytes] | None:
    """The old and the new root a consistency proof leads to; the old root itself is part of the proof where SUBPROOF leaves it out."""
    if old == new:
        known = [old_root] if whole else nodes
        return None if len(known) != 1 or (whole and nodes) else (known[0], known[0])
    if not nodes:
        return None
    k = split(new)
    if old <= k:
        below = roots_of_proof(old, k, nodes[:-1], old_root, whole=whole)
        return None if below is None else (below[0], pair(below[1], nodes[-1]))
    below = roots_of_proof(old - k, new - k, nodes[:-1], old_root, whole=False)
    return None if below is None else (pair(nodes[-1], below[0]), pair(nodes[-1], below[1]))
