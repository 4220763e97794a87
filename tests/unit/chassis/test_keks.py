"""Key-encryption keys: which one wraps, which ones open, and what a file of them says."""

import pytest

from chassis.faults import Fault
from chassis.keks import UNNAMED, Keks, ident, read_keks, with_another

OLD, NEW = b"o" * 32, b"n" * 32


def test_what_is_new_is_wrapped_by_the_first_and_what_is_old_still_opens():
    before, after = Keks(OLD), Keks(NEW, OLD)
    box = before.wrap(b"data key", "acme|key|s1")
    assert after.unwrap(ident(OLD), box, "acme|key|s1") == b"data key"
    assert after.unwrap(UNNAMED, box, "acme|key|s1") == b"data key"
    assert after.current == ident(NEW)
    with pytest.raises(Fault, match=f"needs the key-encryption key {ident(NEW)}"):
        before.unwrap(after.current, after.wrap(b"x", "c"), "c")


def test_a_box_opens_for_nobody_else_and_by_no_other_key():
    keks = Keks(NEW, OLD)
    box = keks.wrap(b"data key", "acme|key|s1")
    for kek, context in ((ident(OLD), "acme|key|s1"), (ident(NEW), "acme|key|s2"), (UNNAMED, "acme|key|s2")):
        with pytest.raises(Fault, match="does not fit"):
            keks.unwrap(kek, box, context)


def test_adding_a_key_keeps_what_fingerprints_are_made_with():
    text = f"{OLD.hex()}\n"
    for _ in range(2):
        text = with_another(text, NEW)
        assert read_keks(text).fingerprints == Keks(OLD).fingerprints
    without_the_old = "\n".join(line for line in text.splitlines() if line != OLD.hex())
    assert read_keks(without_the_old).fingerprints == Keks(OLD).fingerprints
    assert read_keks(without_the_old).ids == (ident(NEW),)
    assert Keks(NEW).fingerprints != Keks(OLD).fingerprints


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "no hex",
        OLD.hex()[:-2],
        f"{OLD.hex()} {NEW.hex()}",
        f"fingerprints {OLD.hex()}",
        f"{OLD.hex()}\nfingerprints zz",
    ],
)
def test_a_file_that_holds_anything_else_is_refused_without_repeating_it(text):
    with pytest.raises(Fault, match="32 bytes") as refused:
        read_keks(text)
    assert OLD.hex()[:8] not in str(refused.value)


def test_an_id_tells_keys_apart_and_nothing_about_them():
    assert ident(OLD) != ident(NEW)
    assert ident(OLD) not in OLD.hex()
