"""What a generated test needs to know about our conventions beyond the OpenAPI document.

With `REGIE_FUZZ_SEEDS` (a file, see `tests/contract/fuzz/`) valid requests meet real resources, and the run writes down
how each operation was answered. Invalid requests stay as they were generated, but for the ids of their path.
"""

import atexit
import json
import os
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import requests
import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation as Place

from tests.contract.fuzz.known import Known, Seeds, is_version, upwards

_KEY = re.compile(r'"?[!#-~]{1,255}"?\Z')
_SEEDS = os.environ.get("REGIE_FUZZ_SEEDS")
KNOWN = Known(msgspec.json.decode(Path(_SEEDS).read_bytes(), type=Seeds)) if _SEEDS else None
VERSIONED_ELSEWHERE = {"/customers/me": "/customers/me/access"}
"""Resources whose version is shown under another path."""
ANSWERS: dict[str, Counter[str]] = defaultdict(Counter)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Give each valid request an Idempotency-Key of its own, and real resources where some are known."""
    if case.meta is None:
        return
    if KNOWN is not None and case.path_parameters and not case.meta.is_negative_at(Place.PATH):
        valid = not case.meta.generation.mode.is_negative
        case.path_parameters = KNOWN.path(_name(case), case.path, case.path_parameters, valid=valid)
    if case.meta.generation.mode.is_negative:
        return
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and _KEY.match(key):
        case.headers["Idempotency-Key"] = str(uuid4())
    if KNOWN is not None:
        _feed(KNOWN, case, kwargs)


def _feed(known: Known, case: Any, kwargs: Any) -> None:
    """Replace what a generator can only guess by what the service knows."""
    roots = [_name(case), *(str(value) for value in reversed((case.path_parameters or {}).values()))]
    if "If-Match" in (case.headers or {}):
        _name_version(known, case)
    for name in case.query or {}:
        value = known.value(roots, name)
        if value is not None and known.turn(f"?{name}") % 4:
            case.query[name] = value
    files = known.seeds.files.get(_name(case), {})
    if files:
        if case.media_type in files and known.turn(_name(case) + case.media_type) % 4:
            kwargs["data"] = Path(files[case.media_type]).read_bytes()
    elif isinstance(case.body, dict):
        case.body = {name: _fitting(known, roots, name, value) for name, value in case.body.items()}
        if "lease" in case.body and known.turn(f"lease {_name(case)}") % 4 < 3:
            case.body["lease"] = _lease(known, case)


def _name_version(known: Known, case: Any) -> None:
    """In If-Match: none, the present version, or, now and then, one of long ago or any."""
    needed = any(each.name == "If-Match" and each.is_required for each in case.operation.headers)
    turn = known.turn(f"If-Match {_name(case)}") % 4
    version = {0: "*" if needed else None, 3: known.version(case.formatted_path)}.get(turn)
    if version is None and (needed or turn == 2):
        version = _current_version(known, case.formatted_path)
    if version is not None:
        case.headers["If-Match"] = version
    elif not needed:
        del case.headers["If-Match"]


def _current_version(known: Known, path: str) -> str | None:
    """The ETag of the closest resource above or at this path that has one."""
    who = {"Authorization": f"Bearer {known.seeds.token}"}
    for each in upwards(path):
        seen = requests.get(known.seeds.url + VERSIONED_ELSEWHERE.get(each, each), headers=who, timeout=10)
        if seen.ok and is_version(seen.headers.get("ETag", "")):
            return seen.headers["ETag"]
    return None


def _fitting(known: Known, roots: list[str], name: str, value: Any) -> Any:
    fits = None if value is None else known.value(roots, name)
    if fits is None and isinstance(value, list) and value and isinstance(value[0], dict):
        return [{inner: _fitting(known, roots, inner, old) for inner, old in item.items()} for item in value]
    return value if fits is None else fits


def _lease(known: Known, case: Any) -> int:
    """The number of the control lease; taken first, where nobody holds it."""
    stage = case.formatted_path.split("/")[2]
    at, who = f"{known.seeds.url}/stages/{stage}", {"Authorization": f"Bearer {known.seeds.token}"}
    for _ in range(2):
        seen = requests.get(f"{at}/on-air", headers=who, timeout=10)
        operator = seen.json().get("operator") if seen.ok else None
        if operator:
            return int(operator["number"])
        requests.post(f"{at}/lease", headers=who, json={"ttl_s": 3600}, timeout=10)
    return 1


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Learn from the answer, and count it."""
    operation = _name(case) if case.method == case.operation.method.upper() else "(another method)"
    code = "" if response.status_code < 400 else _json(response.content).get("code", "")
    ANSWERS[operation][f"{response.status_code} {code}".strip()] += 1
    if KNOWN is not None and response.status_code < 300:
        headers = {name.lower(): values[0] for name, values in response.headers.items()}
        KNOWN.learn(case.formatted_path, response.status_code, headers, _json(response.content))


@schemathesis.check
def contract_says_it_all(ctx: Any, response: Any, case: Any) -> None:
    """A request the document allows is never refused as one that does not follow the contract.

    The domain may refuse it (409, 422 with a code of its own, which the document has to name for this operation), and a
    file as a whole may not be what it says it is: its contents are not in the document.
    """
    if response.status_code != 422 or case.meta is None or case.meta.generation.mode.is_negative:
        return
    problem = _json(response.content)
    places = {(error["place"], error["field"]) for error in problem.get("errors", ())}
    is_file = case.media_type not in (None, "application/json") and places == {("body", "")}
    if problem.get("code") != "INVALID" or is_file:
        return
    raise Failure(
        operation=case.operation.label,
        title="The document allows what the service calls invalid",
        message=response.content.decode(),
    )


@schemathesis.check
def refusal_is_named(ctx: Any, response: Any, case: Any) -> None:
    """A refusal says in one voice what it is: type, code and status agree. Which codes there may be, the schema says."""
    if response.status_code < 400 or not response.content:
        return
    problem = _json(response.content)
    expected = ("urn:regie:problem:" + str(problem.get("code")), response.status_code)
    if (problem.get("type"), problem.get("status")) != expected:
        raise Failure(
            operation=case.operation.label,
            title="A refusal does not say what it is",
            message=response.content.decode(),
        )


def _name(case: Any) -> str:
    return str(case.operation.definition.raw.get("operationId"))


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return {}


@atexit.register
def _write_tally() -> None:
    if KNOWN is not None:
        Path(KNOWN.seeds.tally).write_text(json.dumps(ANSWERS))
