"""Which proofs are believed: the published test data, and thousands of spoiled proofs judged as a second implementation does."""

from collections import Counter
from hashlib import sha256

import pytest

from chassis import merkle
from tests.support import merkle_reference as reference
from tests.support.spoiled_proofs import (
    HASHES,
    Case,
    Consistency,
    Inclusion,
    consistency,
    inclusion,
    published,
    respelled,
    restated,
)

PUBLISHED = "1609649132623aadeaf3d47515e892568482580d8ef3448572e9e217b57c5326"
"""SHA-256 over the lines `_line` makes of the 196 files in testdata/inclusion and testdata/consistency, sorted.

Source: transparency-dev/merkle at 417fb0c3 (Apache-2.0). It shows that what is rebuilt here is what was published.
"""


def believed(case: Case) -> bool:
    if isinstance(case, Inclusion):
        return merkle.verify_inclusion(case.leaf, case.index, case.size, case.proof, case.root)
    return merkle.verify_consistency(case.old, case.new, case.proof, case.old_root, case.new_root)


def test_every_published_proof_is_judged_as_published():
    wrong = [(case, wanted) for case, wanted in published() if believed(case) is not wanted]
    assert wrong == []


def test_the_published_proofs_are_all_here():
    lines = sorted(_line(case, wanted) for case, wanted in published())
    assert len(lines) == 196
    assert sha256("".join(lines).encode()).hexdigest() == PUBLISHED


def _line(case: Case, wanted: bool) -> str:
    """Numbers as unsigned 64-bit ones, as the published files have them; hashes as hex."""
    first, second, *hashes = (case.index, case.size, case.leaf, case.root) if isinstance(case, Inclusion) else (
        case.old, case.new, case.old_root, case.new_root
    )  # fmt: skip
    kind, proof = type(case).__name__, ",".join(node.hex() for node in case.proof)
    return f"{kind} {first % 2**64} {second} {hashes[0].hex()} {hashes[1].hex()} [{proof}] {wanted}\n"


def trees(largest: int) -> list[list[bytes]]:
    return [[reference.leaf(n.to_bytes(4, "big")) for n in range(size)] for size in range(1, largest + 1)]


def good_proofs(hashes: list[bytes]) -> list[Case]:
    sizes = range(len(hashes))
    return [*(inclusion(index, hashes) for index in sizes), *(consistency(index + 1, hashes) for index in sizes)]


@pytest.mark.parametrize("hashes", trees(17), ids=len)
def test_our_proofs_are_those_of_the_second_implementation(hashes):
    node = lambda level, index: reference.root(hashes[index << level : (index + 1) << level])  # noqa: E731
    for good in good_proofs(hashes):
        assert good.holds()
        assert believed(good)
        if isinstance(good, Inclusion):
            assert tuple(merkle.inclusion_proof(good.index, good.size, node)) == good.proof
        else:
            assert tuple(merkle.consistency_proof(good.old, good.new, node)) == good.proof


@pytest.mark.parametrize("hashes", trees(17), ids=len)
def test_no_other_proof_of_a_true_statement_is_believed(hashes):
    for good in good_proofs(hashes):
        others = [*hashes, reference.root(hashes), reference.root(hashes[:-1] or hashes)]
        for bad in respelled(good, others):
            if bad != good:
                assert not bad.holds()
                assert not believed(bad), bad


@pytest.mark.parametrize("hashes", trees(17), ids=len)
def test_a_proof_moved_to_another_statement_is_judged_as_the_second_implementation_does(hashes):
    for good in good_proofs(hashes):
        for other in restated(good, hashes):
            assert believed(other) is other.holds(), other


def test_a_statement_about_leaves_or_roots_that_are_not_there_is_never_believed():
    hashes = trees(12)[-1]
    for good in good_proofs(hashes):
        for other in restated(good, hashes):
            changed = {name for name in good._fields if getattr(good, name) != getattr(other, name)}
            if changed & {"leaf", "root", "old_root", "new_root"}:
                assert not believed(other), other


# --- verifiers that forget something: each must be caught by the cases above


def _without_the_length_of_nodes(case: Case) -> bool:
    if isinstance(case, Inclusion):
        return reference.root_of_path(case.index, case.size, case.leaf, case.proof) == case.root
    return case.old > 0 and reference.roots_of_proof(case.old, case.new, case.proof, case.old_root) == (
        case.old_root, case.new_root
    )  # fmt: skip


def _without_what_is_left_over(case: Case) -> bool:
    return any(case._replace(proof=case.proof[:end]).holds() for end in range(len(case.proof) + 1))


def _without_the_old_root(case: Case) -> bool:
    if isinstance(case, Inclusion):
        return case.holds()
    found = case.old > 0 and reference.roots_of_proof(case.old, case.new, case.proof, case.old_root)
    return bool(found) and found[1] == case.new_root and all(len(node) == 32 for node in case.proof)


def _without_the_index(case: Case) -> bool:
    if isinstance(case, Inclusion):
        return any(case._replace(index=index).holds() for index in range(case.size))
    return case.holds()


def _with_an_empty_tree(case: Case) -> bool:
    return case.holds() or (isinstance(case, Consistency) and case.old == 0 and not case.proof)


@pytest.mark.parametrize(
    "forgetful",
    [
        _without_the_length_of_nodes,
        _without_what_is_left_over,
        _without_the_old_root,
        _without_the_index,
        _with_an_empty_tree,
    ],
)
def test_a_verifier_that_forgets_something_would_be_caught(forgetful):
    missed = Counter(type(case).__name__ for case, wanted in published() if forgetful(case) is not wanted)
    hashes = HASHES[:7]
    for good in good_proofs(hashes):
        for bad in (*respelled(good, hashes), *restated(good, hashes)):
            missed[type(bad).__name__] += forgetful(bad) is not bad.holds()
    assert missed.total() > 0
