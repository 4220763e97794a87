"""What a run of generated requests knows of the service: resources by where they live, values by the field they fit.

A resource lives under its container: the ids of `/stages/{stage_id}/presenters/{presenter_id}` are known by
`/stages/<one stage>/presenters`, so an id never comes together with a parent it does not belong to. What the service
creates on the way is learned.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

_PARAMETER = re.compile(r"\{(\w+)\}")
EVERYWHERE = "*"
KEPT = 20
"""Of created resources of one kind: more of the same find nothing new, and every request looks through them."""


class Seeds(msgspec.Struct, kw_only=True):
    """The beginning of `Known`, prepared by `tests/contract/fuzz/seeds.py` and handed over as a file."""

    url: str
    token: str
    tally: str
    """Where the run writes how each operation was answered."""
    resources: dict[str, list[str]]
    fields: dict[str, dict[str, list[Any]]]
    """Values by name, for one operation (by its id), for requests below one resource, or for all (`EVERYWHERE`)."""
    pinned: dict[str, dict[str, str]] = {}
    """Path parameters by operation, for what ends something or needs a certain state: resources nobody else uses."""
    ending: frozenset[str] = frozenset()
    """Operations after which a resource is good for little: they meet their own and what the run has made itself."""
    files: dict[str, dict[str, str]] = {}
    """Real files for operations that take one, by operation and media type."""


class Known:
    """Seeds, and what was learned since."""

    def __init__(self, seeds: Seeds) -> None:
        self.seeds = seeds
        self.resources = {container: list(ids) for container, ids in seeds.resources.items()}
        self.etags: dict[str, str] = {}
        self._first = {ident for ids in seeds.resources.values() for ident in ids}
        self._made: set[str] = set()
        self._turns: Counter[str] = Counter()

    def turn(self, what: str) -> int:
        """0, 1, 2, ... for each `what`: choices go round, so that a run is the same every time."""
        self._turns[what] += 1
        return self._turns[what] - 1

    def path(self, operation: str, template: str, given: Mapping[str, Any], *, valid: bool) -> dict[str, Any]:
        """The path parameters with unknown ids replaced by known ones, where there are any.

        Every other valid request of an operation that has resources of its own goes to those.
        """
        turn = self.turn(f"{operation} {valid}")
        names = _PARAMETER.findall(template)
        own = self.seeds.pinned.get(operation, {}) if valid and turn % 2 == 0 else {}
        pinned = {name: value for name, value in own.items() if name in names}
        chains = [chain for chain in self._chains(template, {}, names) if pinned.items() <= chain.items()]
        if any(all(chain[name] == given.get(name) for name in names) for chain in chains):
            return dict(given)
        if valid and not self._made.isdisjoint(str(value) for value in given.values()):
            return dict(given)  # a link leads there
        if operation in self.seeds.ending:
            chains = [chain for chain in chains if self._first.isdisjoint(chain.values()) or pinned]
        played = [chain for chain in chains if not self.seeds.fields.keys().isdisjoint(chain.values())]
        choice = played if played and turn % 4 < 3 else chains
        return {**given, **(choice[turn % len(choice)] if choice else {}), **pinned}

    def _chains(self, template: str, sofar: dict[str, str], names: list[str]) -> list[dict[str, str]]:
        """Every way to fill the parameters `names` with ids that belong together."""
        if not names:
            return [sofar]
        container = _filled(template[: template.index(f"/{{{names[0]}}}")], sofar)
        known = self.resources.get(container, ())
        return [chain for each in known for chain in self._chains(template, {**sofar, names[0]: each}, names[1:])]

    def value(self, roots: list[str], name: str) -> Any:
        """A value that fits the field `name` of a request below `roots`; None when nothing is known."""
        for root in (*roots, EVERYWHERE):
            known = self.seeds.fields.get(root, {}).get(name)
            if known:
                return known[self.turn(f"{root}.{name}") % len(known)]
        return None

    def learn(self, path: str, status: int, headers: Mapping[str, str], body: Any) -> None:
        """Remember what an answer tells: a created resource, the version of one."""
        if status in (201, 202) and isinstance(body, dict):
            made = body.get("webhook", body).get("id")
            known = self.resources.setdefault(path, [])
            if isinstance(made, str) and made not in (*known, *path.split("/")):
                self._made.add(made)
                known += [made] if len(known) < KEPT else []
        if is_version(headers.get("etag", "")):
            self.etags[path] = headers["etag"]

    def version(self, path: str) -> str | None:
        """The ETag of the closest resource above or at this path that was seen; it may be outdated."""
        return next((self.etags[each] for each in upwards(path) if each in self.etags), None)


def is_version(etag: str) -> bool:
    """Whether it can stand in If-Match: others only say whether what was read is still the same."""
    return etag.strip('"').isdigit()


def upwards(path: str) -> Iterator[str]:
    """The path, the resource it is below, and so on."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _filled(template: str, values: Mapping[str, Any]) -> str:
    return _PARAMETER.sub(lambda match: str(values.get(match[1])), template)
