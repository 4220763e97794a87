"""Writes what the services promise as files others can read, and says when those files are out of date.

`contracts/generated/` gets the OpenAPI 3.1 document of each service (of the `Litestar` that `describe()` in
`services/<name>/app.py` builds with neither database nor broker), the AsyncAPI 3 document of the streams, the same as a
page for people, and the JSON Schema of each event. Golden messages are kept here too: one per event version, never edited, only added; first from
real events (`--golden-from`), and for what no show has brought about yet from samples (`--golden-fill`).
"""

import argparse
import difflib
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec

from chassis.decider import Codec
from chassis.http.openapi import encoded
from chassis.service import VERSION
from contracts.envelope import Event, events_of
from contracts.roles import SERVICES
from regie.asyncapi import Vocabulary, asyncapi, event_schema
from regie.compatibility import releases
from regie.event_page import page
from regie.samples import sample

ROOT: Final = Path(__file__).parent.parent / "contracts"
GENERATED: Final = ROOT / "generated"
GOLDEN: Final = ROOT / "golden"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="write nothing; exit 1 with a diff where files differ")
    what.add_argument(
        "--diff", action="store_true", help="tell breaking from compatible against the released contracts"
    )
    what.add_argument("--release", metavar="VERSION", help="keep the contracts of this code as those of a release")
    what.add_argument("--golden-missing", action="store_true", help="list event tags without a golden message")
    what.add_argument(
        "--golden-from", metavar="FILE", type=Path, help="add golden messages from real events, one JSON a line"
    )
    what.add_argument("--golden-fill", action="store_true", help="add a sample for each event version without one")


def run(args: argparse.Namespace) -> int:
    """The exit status of the command line."""
    if args.golden_missing:
        return _print_missing()
    if args.golden_from is not None:
        return _print_added(add_golden(args.golden_from.read_bytes().splitlines(), vocabulary()))
    if args.golden_fill:
        return _print_added(add_golden([stored(sample(event)) for _, event in missing_events()], vocabulary()))
    wanted = generate()
    if args.diff:
        return releases.report(releases.documents_of(wanted))
    if args.release is not None:
        return releases.release(releases.documents_of(wanted), args.release)
    return check(wanted) if args.check else write(wanted)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="regie contracts", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args(argv))


def vocabulary() -> Vocabulary:
    """Every event of every service that has words yet; services in their fixed order, tags sorted."""
    return {
        service: dict(sorted(events_in(import_module(f"contracts.{service}")).items()))
        for service in SERVICES
        if find_spec(f"contracts.{service}")
    }


def events_in(module: Any) -> dict[str, type[Event]]:
    """The events of a contracts module by tag, without base classes that have none."""
    return {tag: event for tag, event in events_of(module).items() if "." in tag}


def generate() -> dict[Path, bytes]:
    """Every file of `contracts/generated`, by its path below that folder."""
    words = vocabulary()
    found = {Path("openapi") / f"{service}.json": openapi_of(service) for service in SERVICES if has_api(service)}
    streams = asyncapi(words, golden(), VERSION)
    found[Path("asyncapi.json")] = encoded(streams)
    found[Path("events.html")] = page(streams)
    for events in words.values():
        for tag, event in events.items():
            found[Path("schemas") / f"{tag}.json"] = encoded(event_schema(tag, event))
    return found


def has_api(service: str) -> bool:
    return find_spec(f"services.{service}.app") is not None


def openapi_of(service: str) -> bytes:
    """The document of the application `services.<name>.app.describe()` builds with nothing behind it."""
    document: bytes = import_module(f"services.{service}.app").describe().state.openapi()
    return document


def write(wanted: Mapping[Path, bytes], folder: Path = GENERATED) -> int:
    """Bring the folder up to date: write what changed, remove what is no longer generated."""
    changed = [path for path, _ in differences(wanted, folder)]
    for path in changed:
        target = folder / path
        if path in wanted:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(wanted[path])
        else:
            target.unlink()
    print(f"contracts: {len(wanted)} files, {len(changed)} changed")
    return 0


def check(wanted: Mapping[Path, bytes], folder: Path = GENERATED) -> int:
    """0 when the folder holds exactly what would be written; else 1, with a diff."""
    different = list(differences(wanted, folder))
    for path, lines in different:
        print(f"contracts/generated/{path}: out of date")
        print("\n".join(lines[:40]))
    if different:
        print(
            f"{len(different)} files differ from the code: run `make contracts` and commit the result", file=sys.stderr
        )
    return 1 if different else 0


def differences(wanted: Mapping[Path, bytes], folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each file that is missing, stale or no longer generated, with a unified diff from committed to generated."""
    there = {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*.*"))}
    for path in sorted(wanted.keys() | there.keys()):
        old, new = there.get(path), wanted.get(path)
        if old != new:
            yield path, list(_diff(path, old or b"", new or b""))


def _diff(path: Path, old: bytes, new: bytes) -> Iterator[str]:
    return difflib.unified_diff(
        old.decode().splitlines(), new.decode().splitlines(), f"committed/{path}", f"generated/{path}", lineterm="", n=1
    )


def golden() -> dict[str, Any]:
    """Every golden message by tag, as JSON values."""
    return {
        path.name.removesuffix(".json"): msgspec.json.decode(path.read_bytes())
        for path in sorted(GOLDEN.glob("*.json"))
    }


def add_golden(payloads: list[bytes], words: Vocabulary, folder: Path = GOLDEN) -> list[str]:
    """Keep the first payload of each event version that has no golden message yet; the tags added.

    `payloads` are stored events, each a JSON object with its `type`. Those of unknown type are passed over. Raises
    ValueError for a payload that does not re-encode to itself: such a message would be no proof.
    """
    events = {tag: event for known in words.values() for tag, event in known.items()}
    added: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    for payload in payloads:
        tag = msgspec.json.decode(payload).get("type", "")
        target = folder / f"{tag}.json"
        if tag not in events or target.exists():
            continue
        if reencoded(payload, events[tag]) != payload.strip():
            raise ValueError(f"{tag}: the payload does not re-encode to itself")
        target.write_bytes(payload.strip() + b"\n")
        added.append(tag)
    return added


def stored(event: Event) -> bytes:
    """An event's payload as the store holds it."""
    return Codec({event.tag(): type(event)}).encode(event)


def reencoded(payload: bytes, event: type[Event]) -> bytes:
    """A stored payload read and written again, as the store does it."""
    codec = Codec({event.tag(): event})
    return codec.encode(codec.decode(event.tag(), payload))


def missing_events(folder: Path = GOLDEN) -> list[tuple[str, type[Event]]]:
    """The event versions without a golden message, in the order of services and tags."""
    known = {path.name.removesuffix(".json") for path in folder.glob("*.json")}
    return [(tag, event) for events in vocabulary().values() for tag, event in events.items() if tag not in known]


def _print_missing() -> int:
    missing = missing_events()
    print(*(tag for tag, _ in missing), sep="\n")
    print(f"{len(missing)} event versions have no golden message", file=sys.stderr)
    return 1 if missing else 0


def _print_added(added: list[str]) -> int:
    print(f"{len(added)} golden messages added", *added, sep="\n  ")
    return 0
