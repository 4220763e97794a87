"""Merkle trees over a log: roots, inclusion and consistency proofs, and their verification. Pure; knows no database.

Source: RFC 6962 section 2.1 (hashes, proofs), RFC 9162 sections 2.1.3.2 and 2.1.4.2 (verification), C2SP tlog-tiles
(tiles of 256 hashes). Nothing is invented here on purpose: existing tools can check what we say.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

HASH = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = sha256(b"").digest()

NodeAt = Callable[[int, int], bytes]
"""`node(level, index)`: the hash over the 2**level leaves from `index * 2**level` on, all of which exist."""


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root(size: int, node: NodeAt) -> bytes:
    """The root over the first `size` leaves."""
    return _range(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: NodeAt) -> list[bytes]:
    """The path of leaf `index` (from 0) to the root over `size` leaves, from the leaf upwards.

    Raises ValueError unless `0 <= index < size`.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    return _path(index, 0, size, node)


def consistency_proof(old: int, new: int, node: NodeAt) -> list[bytes]:
    """What shows that the tree over `old` leaves is a prefix of the one over `new`.

    Raises ValueError unless `0 < old <= new`.
    """
    if not 0 < old <= new:
        raise ValueError(f"a tree of {old} is no prefix of one of {new}")
    return [] if old == new else _subproof(old, 0, new, node, whole=True)


def _range(low: int, high: int, node: NodeAt) -> bytes:
    size = high - low
    if size & (size - 1) == 0 and low % size == 0:
        level = size.bit_length() - 1
        return node(level, low >> level)
    middle = low + _split(size)
    return node_hash(_range(low, middle, node), _range(middle, high, node))


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def _path(index: int, low: int, high: int, node: NodeAt) -> list[bytes]:
    if high - low == 1:
        return []
    middle = low + _split(high - low)
    if index < middle:
        return [*_path(index, low, middle, node), _range(middle, high, node)]
    return [*_path(index, middle, high, node), _range(low, middle, node)]


def _subproof(old: int, low: int, high: int, node: NodeAt, *, whole: bool) -> list[bytes]:
    if old == high:
        return [] if whole else [_range(low, high, node)]
    middle = low + _split(high - low)
    if old <= middle:
        return [*_subproof(old, low, middle, node, whole=whole), _range(middle, high, node)]
    return [*_subproof(old, middle, high, node, whole=False), _range(low, middle, node)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], against: bytes) -> bool:
    """Whether `leaf` (a leaf hash) is number `index` of the `size` leaves under the root `against`.

    A root does not say how many leaves it is over: `size` must be known from where `against` is, a checkpoint.
    """
    if not 0 <= index < size or not _hashes(leaf, *proof):
        return False
    position, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            found = node_hash(step, found)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, step)
        position, last = position >> 1, last >> 1
    return last == 0 and found == against


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the tree of `new` leaves under `new_root` begins with the `old` leaves under `old_root`.

    Nothing is ever proven of an empty tree, as the published test data have it: it says nothing about the later one.
    """
    if not 0 < old <= new or not _hashes(*proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    first = second = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            second = node_hash(second, step)
        position, last = position >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _hashes(*nodes: bytes) -> bool:
    """Whether each is as long as a hash: the two of a pair are hashed behind one another, so that they could be cut elsewhere."""
    return all(len(node) == HASH for node in nodes)


# --- tiles: how the hashes of a growing tree are kept


def tile_of(level: int, index: int) -> tuple[int, int]:
    """The tile (level, number) a node is computed from."""
    height = level % TILE_HEIGHT
    return level // TILE_HEIGHT, (index << height) >> TILE_HEIGHT


def node_in(tile: bytes, level: int, index: int) -> bytes:
    """A node out of its tile's hashes. Raises ValueError when the tile is too short for it."""
    height = level % TILE_HEIGHT
    start = (index << height) % TILE_WIDTH
    hashes = [tile[n * HASH : (n + 1) * HASH] for n in range(start, start + (1 << height))]
    if len(hashes[-1]) < HASH:
        raise ValueError(f"the tile does not hold node {index} of level {level}")
    while len(hashes) > 1:
        hashes = [node_hash(hashes[n], hashes[n + 1]) for n in range(0, len(hashes), 2)]
    return hashes[0]


def grow(tails: dict[int, bytes], size: int, leaves: bytes) -> dict[tuple[int, int], bytes]:
    """Appends leaf hashes, in one piece, to a tree of `size` leaves; answers each new or longer tile by (level, number).

    `tails` holds the last, incomplete tile of each level and is brought up to date: always shorter than a full tile.
    """
    changed: dict[tuple[int, int], bytes] = {}
    level, pending, count = 0, leaves, size
    while pending:
        tail = tails.get(level, b"")
        upwards: list[bytes] = []
        number = count // TILE_WIDTH
        data = tail + pending
        for offset in range(0, len(data), HASH * TILE_WIDTH):
            tile = data[offset : offset + HASH * TILE_WIDTH]
            changed[level, number] = tile
            tail = tile
            if len(tile) == HASH * TILE_WIDTH:
                upwards.append(_tile_root(tile))
                number, tail = number + 1, b""
        tails[level] = tail
        level, pending, count = level + 1, b"".join(upwards), count // TILE_WIDTH
    return changed


def _tile_root(tile: bytes) -> bytes:
    pair = 2 * HASH
    while len(tile) > HASH:
        tile = b"".join([sha256(b"\x01" + tile[at : at + pair]).digest() for at in range(0, len(tile), pair)])
    return tile


class Frontier:
    """A growing tree of which only the right edge is kept: enough for its root, at any size, in little memory."""

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[tuple[int, bytes]] = []
        """Roots of the perfect trees the leaves fall into, the widest first, with their levels."""

    def add(self, leaf: bytes) -> None:
        level, found = 0, leaf
        while self._edge and self._edge[-1][0] == level:
            found = node_hash(self._edge.pop()[1], found)
            level += 1
        self._edge.append((level, found))
        self.size += 1

    def root(self) -> bytes:
        if not self._edge:
            return EMPTY_ROOT
        found = self._edge[-1][1]
        for _, left in reversed(self._edge[:-1]):
            found = node_hash(left, found)
        return found
