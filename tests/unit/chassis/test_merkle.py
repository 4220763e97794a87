"""Merkle trees, their tiles and proofs against a naive recursion; how proofs are judged is `test_merkle_proofs.py`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import merkle
from tests.support import merkle_reference as reference
from tests.support.spoiled_proofs import LEAVES

# Over the leaves of `tests.support.spoiled_proofs`.
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def node_of(hashes: list[bytes]):
    return lambda level, index: reference.root(hashes[index << level : (index + 1) << level])


def hashes_of(size: int) -> list[bytes]:
    return [merkle.leaf_hash(n.to_bytes(4, "big")) for n in range(size)]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_published_roots_are_ours(size):
    hashes = [merkle.leaf_hash(leaf) for leaf in LEAVES[:size]]
    assert merkle.root(size, node_of(hashes)).hex() == ROOTS[size - 1] == reference.root(hashes).hex()


def test_a_growing_edge_has_the_root_of_the_tree_at_every_size():
    hashes, edge = hashes_of(70), merkle.Frontier()
    assert edge.root() == merkle.EMPTY_ROOT
    for size, one in enumerate(hashes, 1):
        edge.add(one)
        assert edge.root() == reference.root(hashes[:size])


def test_the_empty_tree_has_the_hash_of_nothing():
    assert merkle.root(0, node_of([])).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13, 31, 64, 100])
def test_every_leaf_is_proven_and_nothing_else_is(size):
    hashes = hashes_of(size)
    root = merkle.root(size, node_of(hashes))
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, node_of(hashes))
        assert merkle.verify_inclusion(hashes[index], index, size, proof, root)
        assert not merkle.verify_inclusion(merkle.leaf_hash(b"forged"), index, size, proof, root)
        assert not merkle.verify_inclusion(hashes[index], index + 1, size, proof, root)
        assert not merkle.verify_inclusion(hashes[index], index, size, [*proof, root], root)
        if proof:
            assert not merkle.verify_inclusion(hashes[index], index, size, proof[:-1], root)


@pytest.mark.parametrize("new", [1, 2, 3, 6, 8, 21, 64, 70])
def test_every_prefix_is_consistent_and_a_rewritten_one_is_not(new):
    hashes = hashes_of(new)
    new_root = merkle.root(new, node_of(hashes))
    for old in range(1, new + 1):
        old_root = merkle.root(old, node_of(hashes))
        proof = merkle.consistency_proof(old, new, node_of(hashes))
        assert merkle.verify_consistency(old, new, proof, old_root, new_root)
        rewritten = [merkle.leaf_hash(b"rewritten"), *hashes[1:old]]
        assert not merkle.verify_consistency(old, new, proof, merkle.root(old, node_of(rewritten)), new_root)
        assert not merkle.verify_consistency(old, new, [*proof, new_root], old_root, new_root)


@given(st.lists(st.integers(0, 300), max_size=8), st.data())
def test_a_tree_grown_in_batches_has_the_same_tiles_and_root(batches, data):
    hashes = hashes_of(sum(batches))
    tails: dict[int, bytes] = {}
    tiles: dict[tuple[int, int], bytes] = {}
    size = 0
    for batch in batches:
        tiles.update(merkle.grow(tails, size, b"".join(hashes[size : size + batch])))
        size += batch
    stored = lambda level, index: merkle.node_in(tiles[merkle.tile_of(level, index)], level, index)  # noqa: E731
    assert merkle.root(size, stored) == (reference.root(hashes) if hashes else merkle.EMPTY_ROOT)
    if size:
        index = data.draw(st.integers(0, size - 1))
        proof = merkle.inclusion_proof(index, size, stored)
        assert merkle.verify_inclusion(hashes[index], index, size, proof, reference.root(hashes))


def test_seventy_thousand_leaves_make_the_tiles_the_specification_counts():
    """C2SP tlog-tiles: 70,000 entries are 273 full level 0 tiles and one of 112; one full level 1 tile and one of 17; one of 1."""
    tails: dict[int, bytes] = {}
    tiles = merkle.grow(tails, 0, b"".join(hashes_of(70_000)))
    widths = [sorted(len(tile) // 32 for (level, _), tile in tiles.items() if level == wanted) for wanted in range(3)]
    assert widths == [[112] + [256] * 273, [17, 256], [1]]


def test_what_does_not_exist_cannot_be_proven():
    with pytest.raises(ValueError, match="no leaf 3"):
        merkle.inclusion_proof(3, 3, node_of(hashes_of(3)))
    for old in (0, 4):
        with pytest.raises(ValueError, match="no prefix"):
            merkle.consistency_proof(old, 3, node_of(hashes_of(3)))
