"""Signed checkpoints against the specification's own example and against tampering."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis import notes

KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
CHECKPOINT = notes.Checkpoint(origin="regie/stage", size=42, root="ab" * 32)


def test_a_signed_checkpoint_reads_back():
    assert notes.read(notes.sign(CHECKPOINT, KEY), KEY.public_key()) == CHECKPOINT


def test_the_specifications_key_has_the_id_it_says():
    """The verifier's key of the example in golang.org/x/mod/sumdb/note, which C2SP signed-note describes."""
    name, _ = notes.read_public("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert name == "PeterNeumann"


@pytest.mark.parametrize(
    "change", [("42", "43"), ("regie/stage", "regie/media"), ("q6ur", "q6us"), ("\u2014", "-"), ("\n\n", "\n")]
)
def test_a_changed_note_is_refused(change):
    note = notes.sign(CHECKPOINT, KEY)
    with pytest.raises(notes.BadNote):
        notes.read(note.replace(*change, 1), KEY.public_key())


def test_another_key_is_refused():
    with pytest.raises(notes.BadNote):
        notes.read(notes.sign(CHECKPOINT, KEY), Ed25519PrivateKey.generate().public_key())


def test_a_verifiers_key_reads_back():
    name, key = notes.read_public(notes.public_text("regie/stage", KEY.public_key()))
    assert (name, key.public_bytes_raw()) == ("regie/stage", KEY.public_key().public_bytes_raw())


@pytest.mark.parametrize(
    "text", ["", "a+b", "name+00000000+AQ==", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
)
def test_a_key_that_is_none_is_refused(text):
    with pytest.raises(notes.BadNote):
        notes.read_public(text)
