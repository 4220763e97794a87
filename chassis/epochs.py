"""A restore to an older state, said openly: the log goes on under a new name, with a signed statement of what was given up.

Whoever kept a checkpoint of the log before sees a shorter log after a restore. A statement that is signed, kept and
exported tells a legitimate restore from a rollback. Pure. Source: design.md section 5.
"""

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chassis.notes import BadNote, Checkpoint, read_text, sign_text

_BEGINS = " begins"


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """What an epoch begins with: the first `kept` events of `before`, whose root is `root` (hex), and nothing else of it.

    `given_up` is the size of the newest checkpoint of `before` known to whoever restored; 0 where none was known.
    """

    origin: str
    before: str
    kept: int
    root: str
    given_up: int
    at: str
    reason: str

    @property
    def said(self) -> str:
        lost = f", positions {self.kept + 1} to {self.given_up} were given up" if self.given_up > self.kept else ""
        return f"The log was restored at {self.at} to its first {self.kept} events{lost}: {self.reason}"


def origin_of(base: str, number: int) -> str:
    """The name of a log in its `number`th epoch, counted from 1."""
    return base if number == 1 else f"{base}/epoch/{number}"


def base_of(origin: str) -> str:
    return origin.split("/epoch/", 1)[0]


def sign_epoch(epoch: Epoch, key: Ed25519PrivateKey) -> str:
    lines = (epoch.origin + _BEGINS, epoch.before, epoch.kept, epoch.root, epoch.given_up, epoch.at, epoch.reason)
    return sign_text("".join(f"{line}\n" for line in lines), epoch.origin, key)


def read_epoch(note: str, key: Ed25519PublicKey) -> Epoch:
    """Raises BadNote for anything this key has not signed as the beginning of an epoch."""
    origin = note.split("\n", 1)[0].removesuffix(_BEGINS)
    match read_text(note, origin, key):
        case [first, before, kept, root, given_up, at, reason] if first == origin + _BEGINS:
            return Epoch(
                origin=origin, before=before, kept=int(kept), root=root, given_up=int(given_up), at=at, reason=reason
            )
    raise BadNote("not the beginning of an epoch")


def gives_up(epochs: list[Epoch], checkpoint: Checkpoint) -> Epoch | None:
    """The epoch that openly gave up what this checkpoint stands over; None where none did."""
    bases = [epoch.before for epoch in epochs]
    if checkpoint.origin not in bases:
        return None
    later = epochs[bases.index(checkpoint.origin) :]
    return next((epoch for epoch in later if epoch.kept < checkpoint.size), None)
