"""Released contracts on disk, the breaks we intend, and the verdict on the contracts of this code.

`contracts/released/<version>/` holds the documents of a release, without their prose, never edited. Events are held to
every release, since the log keeps what was stored under each; APIs to the last one. `contracts/intended_breaks.json`
lists breaks that are meant, each with its reason; one that is not found any more must leave the list.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from regie.compatibility import events, operations
from regie.compatibility.findings import Finding

ROOT: Final = Path(__file__).parent.parent.parent / "contracts"
RELEASED: Final = ROOT / "released"
INTENDED: Final = ROOT / "intended_breaks.json"
EVENTS: Final = "asyncapi"
_PROSE: Final = {"description", "summary", "title", "examples", "example", "links", "tags", "info", "$id", "$schema"}

Json = dict[str, Any]
Documents = Mapping[str, Json]
"""The OpenAPI document of each service, and the AsyncAPI document under `asyncapi`."""


class Intended(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`finding` is the text of a break as `make contracts-diff` prints it."""

    finding: str
    reason: str


def documents_of(files: Mapping[Path, bytes]) -> dict[str, Json]:
    """The documents among the generated files."""
    wanted = {path: body for path, body in files.items() if path.parts[0] == "openapi" or path.stem == EVENTS}
    return {path.stem: json.loads(body) for path, body in wanted.items()}


def read(folder: Path = RELEASED) -> dict[str, dict[str, Json]]:
    """The documents of each release, the oldest release first."""
    versions = sorted(folder.glob("*/"), key=lambda path: [int(part) for part in path.name.split(".")])
    return {
        path.name: {each.stem: json.loads(each.read_bytes()) for each in sorted(path.glob("*.json"))}
        for path in versions
    }


def compare(released: Mapping[str, Documents], now: Documents) -> list[Finding]:
    """Every difference once, breaks first; nothing where nothing was released."""
    found: dict[Finding, None] = {}
    for nr, (_, old) in enumerate(released.items(), 1):
        for name, document in old.items():
            if name == EVENTS:
                found |= dict.fromkeys(events.compare(document, now[name]))
            elif nr == len(released):
                new = now.get(name, {"paths": {}})
                found |= dict.fromkeys(operations.compare(name, document, new))
    return sorted(found, key=lambda finding: (not finding.breaks, finding.text))


def intended(path: Path = INTENDED) -> list[Intended]:
    return msgspec.json.decode(path.read_bytes(), type=list[Intended]) if path.exists() else []


def judge(found: list[Finding], declared: list[Intended]) -> tuple[list[str], list[str]]:
    """The breaks nobody declared, and the declared ones that are none (any more)."""
    breaks = [finding.text for finding in found if finding.breaks]
    meant = [each.finding for each in declared]
    return [text for text in breaks if text not in meant], [text for text in meant if text not in breaks]


def report(now: Documents, folder: Path = RELEASED, declaration: Path = INTENDED) -> int:
    """Prints what differs; 1 where something breaks that is not declared, or is declared in vain."""
    released = read(folder)
    found = compare(released, now)
    undeclared, stale = judge(found, intended(declaration))
    for finding in found:
        mark = "compatible" if not finding.breaks else "BREAKING  " if finding.text in undeclared else "intended  "
        print(f"{mark} {finding.text}")
    for text in stale:
        print(f"STALE      {text}")
    against = ", ".join(released) or "nothing: no contract was released yet"
    print(f"contracts against {against}: {len(found)} differences, {len(undeclared)} undeclared breaks")
    if undeclared or stale:
        print(f"Declare what is meant, and nothing else, in contracts/{INTENDED.name}.")
    return 1 if undeclared or stale else 0


def release(now: Documents, version: str, folder: Path = RELEASED, declaration: Path = INTENDED) -> int:
    """Keep these documents as those of a version, and forget the declared breaks it settles."""
    target = folder / version
    if target.exists():
        print(f"contracts/released/{version} is there already, and a release is never edited")
        return 1
    if code := report(now, folder, declaration):
        return code
    target.mkdir(parents=True)
    for name, document in now.items():
        (target / f"{name}.json").write_bytes(msgspec.json.encode(without_prose(document)) + b"\n")
    still = {finding.text for finding in compare(read(folder), now) if finding.breaks}
    kept = [each for each in intended(declaration) if each.finding in still]
    declaration.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n")
    print(f"released {version}: {len(now)} documents in contracts/released/{version}")
    return 0


def without_prose(node: Any, *, names: bool = False) -> Any:
    """What the checker looks at. `names`: the keys of this node are somebody's names, not words of the format."""
    if isinstance(node, dict):
        return {
            key: without_prose(value, names=not names and key in ("properties", "schemas", "messages", "channels"))
            for key, value in node.items()
            if names or key not in _PROSE
        }
    return [without_prose(each) for each in node] if isinstance(node, list) else node
