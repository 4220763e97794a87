"""Merkle proofs and every way of spoiling them: those of the published test data, and more that are no less likely.

Source of the ways: transparency-dev/merkle, proof/verify_test.go and testdata (Apache-2.0), rebuilt from their names.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from tests.support import merkle_reference as reference

# The eight leaves that every implementation of RFC 6962 is tested with (Certificate Transparency), and the trees over them.
LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
HASHES = [reference.leaf(one) for one in LEAVES]
EMPTY = sha256().digest()
SOME = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")


class Inclusion(NamedTuple):
    index: int
    size: int
    leaf: bytes
    proof: tuple[bytes, ...]
    root: bytes

    def holds(self) -> bool:
        """What the reference says."""
        if any(len(node) != 32 for node in (self.leaf, *self.proof)):
            return False
        return reference.root_of_path(self.index, self.size, self.leaf, self.proof) == self.root


class Consistency(NamedTuple):
    old: int
    new: int
    proof: tuple[bytes, ...]
    old_root: bytes
    new_root: bytes

    def holds(self) -> bool:
        """What the reference says. Nothing is to be proven of an empty tree: such a question is refused."""
        if not 0 < self.old <= self.new or any(len(node) != 32 for node in self.proof):
            return False
        found = reference.roots_of_proof(self.old, self.new, self.proof, self.old_root)
        return found == (self.old_root, self.new_root)


Case = Inclusion | Consistency


def inclusion(index: int, hashes: list[bytes]) -> Inclusion:
    return Inclusion(index, len(hashes), hashes[index], tuple(reference.path(index, hashes)), reference.root(hashes))


def consistency(old: int, hashes: list[bytes]) -> Consistency:
    before, after = reference.root(hashes[:old]), reference.root(hashes)
    return Consistency(old, len(hashes), tuple(reference.proof(old, hashes)), before, after)


def published() -> Iterator[tuple[Case, bool]]:
    """The cases of the published files, good and bad, with what they want."""
    yield Inclusion(0, 1, reference.leaf(b"data"), (), reference.leaf(b"data")), True
    for leaf, root in ((b"", reference.leaf(b"data")), (reference.leaf(b"data"), b""), (b"", b"")):
        yield Inclusion(0, 1, leaf, (), root), False
    for index, size in ((0, 0), (0, 1), (1, 0), (2, 1)):
        for leaf, root in ((SOME, b""), (b"", EMPTY), (SOME, EMPTY)):
            yield Inclusion(index, size, leaf, (), root), False
    for index, size in ((0, 1), (0, 8), (5, 8), (2, 3), (1, 5)):
        good = inclusion(index, HASHES[:size])
        yield good, True
        yield from ((bad, False) for bad in _as_published(good))
    yield from _strange_sizes()
    for old, new in ((1, 1), (1, 8), (6, 8), (2, 5), (6, 7)):
        proven = consistency(old, HASHES[:new])
        yield proven, True
        if proven.proof:
            yield from ((bad, False) for bad in _inconsistent_as_published(proven))


def _as_published(good: Inclusion) -> Iterator[Inclusion]:
    index, size, proof, root = good.index, good.size, good.proof, good.root
    yield from (good._replace(index=other) for other in (index - 1, index + 1, index ^ 2))
    yield from (good._replace(size=other) for other in (size * 2, size // 2))
    yield good._replace(leaf=b"WrongLeaf")
    yield from (good._replace(root=other) for other in (EMPTY, SOME))
    yield from (good._replace(proof=other) for other in _lengthened(proof, root))
    yield from (good._replace(proof=other) for other in _with_a_bit_flipped(proof, 8))
    if proof:
        yield good._replace(proof=proof[:-1])
    if len(proof) > 1:
        yield good._replace(proof=(proof[0], SOME, *proof[1:]))


def _inconsistent_as_published(good: Consistency) -> Iterator[Consistency]:
    old, new, proof = good.old, good.new, good.proof
    yield from (good._replace(old=other) for other in (old - 1, old + 1, old ^ 2))
    yield from (good._replace(new=other) for other in (new * 2, new // 2))
    yield good._replace(old_root=b"WrongRoot")
    yield good._replace(new_root=b"WrongRoot")
    yield good._replace(old_root=good.new_root, new_root=good.old_root)
    yield good._replace(proof=())
    for other in _lengthened(proof, good.old_root):
        yield good._replace(proof=other)
    yield from (good._replace(proof=other) for other in ((*proof, good.new_root), (good.new_root, *proof)))
    yield from (good._replace(proof=other) for other in ((proof[0], *proof), proof[:-1]))
    yield from (good._replace(proof=other) for other in _with_a_bit_flipped(proof, 16))


def _strange_sizes() -> Iterator[tuple[Consistency, bool]]:
    one, two = b"don't care 1", b"don't care 2"
    yield Consistency(1, 1, (), two, two), True
    for bad in (
        Consistency(0, 0, (), one, one),
        Consistency(0, 0, (), one, two),
        Consistency(0, 0, (), EMPTY, two),
        Consistency(0, 0, (EMPTY,), EMPTY, EMPTY),
        Consistency(0, 1, (), one, two),
        Consistency(0, 1, (), EMPTY, two),
        Consistency(0, 1, (EMPTY,), EMPTY, EMPTY),
        Consistency(1, 0, (), one, two),
        Consistency(1, 1, (), one, two),
        Consistency(1, 1, (), EMPTY, two),
        Consistency(1, 1, (EMPTY,), EMPTY, EMPTY),
        Consistency(1, 2, (), one, two),
        Consistency(2, 1, (), one, two),
    ):
        yield bad, False


def respelled(good: Case, others: list[bytes]) -> Iterator[Case]:
    """The same statement with another proof: none of these may be believed. `others` are nodes that exist in the tree."""
    proof = good.proof
    yield from (good._replace(proof=other) for other in _lengthened(proof, SOME))
    for bit in (1, 128):
        yield from (good._replace(proof=other) for other in _with_a_bit_flipped(proof, bit))
    for at, node in enumerate(proof):
        before, after = proof[:at], proof[at + 1 :]
        yield good._replace(proof=(*before, *after))
        yield good._replace(proof=(*before, node, node, *after))
        yield from (good._replace(proof=(*before, other, *after)) for other in (b"", node[:-1], node + b"\x00", EMPTY))
        yield from (good._replace(proof=(*before, other, *after)) for other in others if other != node)
        if after:
            yield good._replace(proof=(*before, after[0], node, *after[1:]))
            # The same bytes, cut elsewhere: both halves of a pair are hashed behind one another.
            yield good._replace(proof=(*before, node + after[0][:1], after[0][1:], *after[1:]))
    if len(proof) > 1:
        yield good._replace(proof=proof[::-1])


def restated(good: Case, hashes: list[bytes]) -> Iterator[Case]:
    """The same proof for another statement. A few of these hold, since a root does not say how many leaves it is over."""
    roots = [reference.root(hashes[:size]) for size in range(len(hashes) + 1)]
    if isinstance(good, Inclusion):
        yield from (good._replace(index=other) for other in range(-1, len(hashes) + 2))
        yield from (good._replace(size=other) for other in range(2 * len(hashes) + 2))
        yield from (good._replace(leaf=other) for other in (*hashes, b"", good.leaf[:-1], good.leaf + b"\x00"))
        yield from (good._replace(root=other) for other in (*roots, b""))
        return
    yield from (good._replace(old=other) for other in range(-1, len(hashes) + 2))
    yield from (good._replace(new=other) for other in range(2 * len(hashes) + 2))
    yield from (good._replace(old_root=other) for other in (*roots, b""))
    yield from (good._replace(new_root=other) for other in (*roots, b""))


def _lengthened(proof: tuple[bytes, ...], node: bytes) -> Iterator[tuple[bytes, ...]]:
    for more in (b"", node):
        yield (*proof, more)
        yield (more, *proof)


def _with_a_bit_flipped(proof: tuple[bytes, ...], bit: int) -> Iterator[tuple[bytes, ...]]:
    for at, node in enumerate(proof):
        yield (*proof[:at], bytes([node[0] ^ bit]) + node[1:], *proof[at + 1 :])
