"""Judges an export offline: whether it is what was signed, and if not, which event is the first that is not.

Needs the export, the service's public key from somewhere else than the export, and nothing more. Checkpoints that
somebody else kept (a partner, the broker) make it show that the log was not cut short or rewritten as a whole.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chassis import merkle
from chassis.differ import REMOVED, REORDERED, Difference, first_difference
from chassis.epochs import Epoch, base_of, gives_up, read_epoch
from chassis.export import FORMAT, CheckpointLine, Complete, EventLine, Header, Leaves, Line, Withheld, completeness
from chassis.leaves import Stored, leaf_of
from chassis.notes import BadNote, Checkpoint, read, read_public, read_text

AHEAD = 5000
"""Events read beyond a stretch that does not hold, to tell where a missing event has gone."""


class Verdict(IntEnum):
    """Exit statuses of `regie verify`."""

    OK = 0
    TAMPERED = 1
    UNDECIDED = 2


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `position` is the first event that is not as it was signed, `how` what happened to it."""

    verdict: Verdict
    says: list[str]
    position: int | None = None
    how: str | None = None


class Undecided(Exception):  # noqa: N818
    """The export does not hold what a judgement needs."""


class Tampered(Exception):  # noqa: N818
    """The export is not what was signed."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.text)
        self.difference = difference


_LINE = msgspec.json.Decoder(Line)


def verify(lines: Iterable[bytes], key: Ed25519PublicKey | None, witnesses: Sequence[str] = ()) -> Report:
    """Reads an export once, from front to back, and judges it.

    `witnesses` are checkpoints kept outside. Without `key` nothing can be called untouched: whoever rewrites a log can
    sign it again with a key of his own and put that into the export.
    """
    try:
        found = (_line(line, nr) for nr, line in enumerate(lines, 1))
        header = next(found, None)
        if not isinstance(header, Header) or header.format != FORMAT:
            raise Undecided(f"This is no export of format {FORMAT}.")  # noqa: TRY301
        seal = _Seal(header, key, witnesses)
        says = (_Log(header, seal) if header.show is None else _Show(header, seal)).judge(found)
    except Tampered as tampered:
        what = tampered.difference
        return Report(verdict=Verdict.TAMPERED, says=[what.text], position=what.position, how=what.how)
    except Undecided as undecided:
        return Report(verdict=Verdict.UNDECIDED, says=[str(undecided)])
    says = [*says, *seal.said]
    if key is None:
        says.append(f"Nothing but the export itself says that {header.verifier} is the service's key: give the key.")
        return Report(verdict=Verdict.UNDECIDED, says=says)
    return Report(verdict=Verdict.OK, says=says)


def _line(line: bytes, nr: int) -> Line:
    try:
        found: Line = _LINE.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as broken:
        raise Undecided(f"Line {nr} of the export cannot be read: {broken}") from broken
    return found


class _Seal:
    """Signatures: what the key has signed, and what others have kept of it."""

    def __init__(self, header: Header, key: Ed25519PublicKey | None, witnesses: Sequence[str]) -> None:
        try:
            self._key = key or read_public(header.verifier)[1]
        except BadNote as bad:
            raise Undecided(f"The export names no usable key: {bad}.") from bad
        self._base = base_of(header.origin)
        self.newest = self.checkpoint(header.note)
        if self.newest.size != header.size:
            raise Tampered(Difference(text=f"The newest checkpoint does not stand over {header.size} events."))
        self.said: list[str] = []
        self.roots: dict[int, list[str]] = {}
        """Roots (hex) the log has to have at a size, whoever remembers them."""
        epochs = [self._epoch(note) for note in header.epochs]
        for note in witnesses:
            self._remember(self.checkpoint(note), epochs, header.size)

    def checkpoint(self, note: str) -> Checkpoint:
        try:
            checkpoint = read(note, self._key)
        except BadNote as bad:
            raise Tampered(Difference(text=f"A checkpoint was not signed by this key: {bad}.")) from bad
        if base_of(checkpoint.origin) != self._base:
            raise Undecided(f"A checkpoint is of another log, {checkpoint.origin}.")
        return checkpoint

    def statement(self, note: str, name: str) -> str:
        try:
            return "\n".join(read_text(note, name, self._key))
        except BadNote as bad:
            raise Tampered(
                Difference(text=f"The statement of completeness was not signed by this key: {bad}.")
            ) from bad

    def _epoch(self, note: str) -> Epoch:
        try:
            epoch = read_epoch(note, self._key)
        except BadNote as bad:
            raise Tampered(Difference(text=f"The statement of a restore was not signed by this key: {bad}.")) from bad
        self.said.append(epoch.said)
        self.roots.setdefault(epoch.kept, []).append(epoch.root)
        return epoch

    def _remember(self, checkpoint: Checkpoint, epochs: list[Epoch], size: int) -> None:
        if gives_up(epochs, checkpoint) is not None:
            return
        if checkpoint.size > size:
            text = f"A checkpoint kept elsewhere stands over {checkpoint.size} events, this log ends at {size}."
            raise Tampered(Difference(position=size + 1, how=REMOVED, text=text))
        self.roots.setdefault(checkpoint.size, []).append(checkpoint.root)


class _Log:
    """The whole log of a service: every root that was ever signed is computed again from the events."""

    def __init__(self, header: Header, seal: _Seal) -> None:
        self._header, self._seal = header, seal
        self._tree = merkle.Frontier()
        self._events: list[Stored] = []
        """Events behind the last checkpoint that held."""
        self._leaves: dict[int, bytes] = {}
        """The hashes that were signed, by position, from there on."""
        self._signed_tree = merkle.Frontier()

    def judge(self, lines: Iterator[Line]) -> list[str]:
        checkpoints = 0
        for line in lines:
            if isinstance(line, CheckpointLine):
                self._close(self._seal.checkpoint(line.note), lines)
                checkpoints += 1
            else:
                self._take(line)
        if self._tree.size != self._header.size:
            text = (
                f"The export ends at position {self._tree.size}, its newest checkpoint stands over {self._header.size}."
            )
            raise Tampered(Difference(position=self._tree.size + 1, how=REMOVED, text=text))
        return [f"{self._header.origin}: all {self._tree.size} events are as signed, {checkpoints} checkpoints hold."]

    def _take(self, line: Line) -> None:
        match line:
            case EventLine(event=event):
                self._events.append(event)
            case Leaves(first=first, hashes=hashes):
                parts = (hashes[at : at + merkle.HASH] for at in range(0, len(hashes), merkle.HASH))
                self._leaves.update(enumerate(parts, first))
            case _:
                raise Undecided(
                    f"The export of a whole log has a line that does not belong there: {type(line).__name__}."
                )

    def _close(self, checkpoint: Checkpoint, lines: Iterator[Line]) -> None:
        start = self._tree.size
        if checkpoint.size < start:
            raise Tampered(
                Difference(text=f"The checkpoint over {checkpoint.size} events stands behind {start} events.")
            )
        whole = [event.position for event in self._events] == list(range(start + 1, checkpoint.size + 1))
        for event in self._events if whole else ():
            self._tree.add(leaf_of(event))
            self._compare(self._tree, self._seal.roots.get(self._tree.size, ()))
        if not whole or self._tree.root().hex() != checkpoint.root:
            self._name(start, checkpoint, lines)
        for position in range(start + 1, checkpoint.size + 1):
            self._signed_tree.add(self._leaves.pop(position, b""))
        self._events.clear()

    def _compare(self, tree: merkle.Frontier, roots: Sequence[str]) -> None:
        if any(root != tree.root().hex() for root in roots):
            text = f"A checkpoint kept elsewhere has another history of the first {tree.size} events."
            raise Tampered(Difference(text=text))

    def _name(self, start: int, checkpoint: Checkpoint, lines: Iterator[Line]) -> None:
        """Raises Tampered for a stretch that is not what the checkpoint stands over, with the event where it can be told."""
        seen = len(self._events)
        signed = {at: self._leaves.get(at, b"") for at in range(start + 1, checkpoint.size + 1)}
        for leaf in signed.values():
            self._signed_tree.add(leaf)
        for line in lines:
            if isinstance(line, EventLine | Leaves):
                self._take(line)
            if len(self._events) > len(signed) + AHEAD:
                break
        signed.update({at: leaf for at, leaf in sorted(self._leaves.items()) if at > checkpoint.size})
        found = first_difference(self._events, signed)
        if self._signed_tree.root().hex() != checkpoint.root:
            what = (
                f"The events {start + 1} to {checkpoint.size} are not those that were signed, and the hashes"
                " that would tell which were altered as well."
            )
            found = found or Difference(text="")
            raise Tampered(msgspec.structs.replace(found, text=f"{what} {found.text}".strip()))
        if found is None:  # every event is there, some of them behind the checkpoint they belong before
            moved = start + seen + 1
            text = f"The event at position {moved} stands behind the checkpoint over {checkpoint.size} events."
            found = Difference(position=moved, how=REORDERED, text=text)
        raise Tampered(found)


class _Show:
    """One show's part: each event is proven to be in the signed log, and no version of any stream is missing."""

    def __init__(self, header: Header, seal: _Seal) -> None:
        self._header, self._seal = header, seal
        self._events: list[Stored] = []
        self._leaves: dict[int, bytes] = {}
        self._versions: dict[str, set[int]] = {}
        self._withheld = 0
        self._complete: Complete | None = None

    def judge(self, lines: Iterator[Line]) -> list[str]:
        for line in lines:
            self._take(line)
        if any(root != self._seal.newest.root for root in self._seal.roots.get(self._header.size, ())):
            raise Tampered(Difference(text="A checkpoint kept elsewhere has another history of the log."))
        found = first_difference(self._events, self._leaves)
        if found is not None:
            raise Tampered(found)
        self._check_versions()
        self._check_complete()
        there = (
            f"{self._header.origin}: all {len(self._events)} events of show {self._header.show} are in the signed log"
        )
        no_others = f"of {self._header.size} events, and the service has signed that there are no others."
        return [
            f"{there} {no_others}",
            "Only the export of the whole log can show that the service told the truth there.",
        ]

    def _take(self, line: Line) -> None:
        match line:
            case EventLine(event=event, leaf=leaf, proof=proof):
                root = bytes.fromhex(self._seal.newest.root)
                if not merkle.verify_inclusion(leaf, event.position - 1, self._header.size, proof, root):
                    text = f"The event at position {event.position} is not in the signed log."
                    raise Tampered(Difference(position=event.position, text=text))
                if self._leaves and event.position <= next(reversed(self._leaves)):
                    text = f"The event at position {event.position} stands behind a later one."
                    raise Tampered(Difference(position=event.position, how=REORDERED, text=text))
                self._events.append(event)
                self._leaves[event.position] = leaf
                self._versions.setdefault(event.stream, set()).add(event.version)
            case Withheld(stream=stream, version=version):
                self._versions.setdefault(stream, set()).add(version)
            case Complete():
                self._complete = line
            case _:
                raise Undecided(f"A show's export has a line that does not belong there: {type(line).__name__}.")

    def _check_versions(self) -> None:
        for stream, versions in self._versions.items():
            missing = next((one for one in range(1, max(versions) + 1) if one not in versions), None)
            if missing is not None:
                text = f"Version {missing} of {stream} was removed."
                raise Tampered(Difference(how=REMOVED, text=text))

    def _check_complete(self) -> None:
        if self._complete is None:
            raise Tampered(Difference(how=REMOVED, text="The export is cut short: its end is missing."))
        said = self._seal.statement(self._complete.note, self._header.origin)
        digest = sha256(b"".join(self._leaves.values())).digest()
        if said != completeness(self._header, len(self._events), digest).rstrip("\n"):
            text = "The events are not those the service has signed as all events of this show: one was removed."
            raise Tampered(Difference(how=REMOVED, text=text))
