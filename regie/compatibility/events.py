"""What a new AsyncAPI document breaks for readers of released events, and for the replay of what was stored under them."""

from collections.abc import Iterator
from typing import Any, Final

from regie.compatibility.findings import Finding, breaking, compatible
from regie.compatibility.schemas import Relation

Json = dict[str, Any]
DOCUMENT: Final = "events"


def compare(old: Json, new: Json) -> Iterator[Finding]:
    """Both directions: partners of the old contract read new events, and our new code reads the old log."""
    yield from _channels(old, new)
    before, after = (document["components"]["messages"] for document in (old, new))
    for tag in sorted(before.keys() - after.keys()):
        yield breaking(DOCUMENT, tag, "the event is gone; what is stored under it must be read for ever")
    for tag in sorted(after.keys() - before.keys()):
        yield compatible(DOCUMENT, tag, "a new event")
    old_schemas, new_schemas = (document["components"]["schemas"] for document in (old, new))
    partners = Relation(new_schemas, old_schemas, keeps_fields=True)
    replay = Relation(old_schemas, new_schemas)
    for tag in sorted(before.keys() & after.keys()):
        for part in ("payload", "headers"):
            one, other = before[tag][part], after[tag][part]
            label = "" if part == "payload" else "headers "
            for at, what in partners.unreadable(other, one):
                yield breaking(DOCUMENT, tag, f"{label}{at}: {what} (for partners)")
            for at, what in replay.unreadable(one, other):
                yield breaking(DOCUMENT, tag, f"{label}{at}: {what} (on replay)")
            yield from _new_fields(tag, label, _follow(one, old_schemas), _follow(other, new_schemas))


def _new_fields(tag: str, label: str, one: Json, other: Json) -> Iterator[Finding]:
    for name in sorted(other.get("properties", {}).keys() - one.get("properties", {}).keys()):
        if name not in other.get("required", ()):
            yield compatible(DOCUMENT, tag, f"{label}/{name}: a new field")


def _follow(schema: Json, named: Json) -> Json:
    found: Json = named[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def _channels(old: Json, new: Json) -> Iterator[Finding]:
    for name, channel in old["channels"].items():
        now = new["channels"].get(name)
        if now is None:
            yield breaking(DOCUMENT, name, "the channel is gone")
            continue
        if channel["address"] != now["address"]:
            yield breaking(DOCUMENT, name, f"address {channel['address']} became {now['address']}")
        for tag in sorted(channel["messages"].keys() - now["messages"].keys()):
            yield breaking(DOCUMENT, name, f"{tag} is not sent here any more")
    for name in sorted(new["channels"].keys() - old["channels"].keys()):
        yield compatible(DOCUMENT, name, "a new channel")
