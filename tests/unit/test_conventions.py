"""The conventions every operation of every service follows, read from the contracts that are generated from its code."""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from contracts.roles import SERVICES

[DANGEROUS] = (Path(__file__).parents[2] / "docs" / "decisions").glob("*-dangerous-commands-name-the-version.md")
PARTS: Final = {
    "getCatalogue": "a part of one version of the terms, which never changes",
    "listPresenters": "a part of one stage, with its version, and as many as fit on it",
    "listDestinations": "a part of one stage, with its version",
}
"""Lists without pages."""
WITHOUT_VERSION: Final = {
    "forgetPerson": "about a person, who is no resource with versions",
    "retryParked": "about a message, which is settled once",
    "dropParked": "about a message, which is settled once",
    "createWebhook": "about an address, of which nothing is known yet",
    "deleteWebhook": "wanted whatever the webhook has come to",
    "pauseWebhook": "wanted whatever the webhook has come to; refused in another state",
    "resumeWebhook": "wanted whatever the webhook has come to",
    "replayWebhook": "names the position itself",
    "rotateWebhookSecret": "wanted whatever the webhook has come to",
    "pingWebhook": "changes nothing",
}
"""Commands that take no If-Match."""
WITHOUT_KEY: Final = {
    "retryParked",
    "dropParked",
    "deleteWebhook",
    "pauseWebhook",
    "resumeWebhook",
    "replayWebhook",
    "rotateWebhookSecret",  # a key whose answer was lost stays valid beside its successor
    "pingWebhook",
}
"""Commands that are harmless to repeat by what they are."""
WITHOUT_HISTORY: Final[dict[str, str]] = {
    "showWebhook": "administration and no part of the log; listWebhookActions tells what was done to it",
    "getTerms": "a version of the terms never changes",
    "getCatalogue": "a version of the terms never changes",
    "getBalance": "asked for as it was by `at`, as the running meter was then",
    "seeCheckpoint": "asked for as it was by `size`",
}
"""Resources with an ETag that cannot be asked for as they were."""
LISTS_OF_NOW: Final = {
    "listShows": "which shows there are; getShow tells each as it was",
    "listStages": "which stages there are; seeStage tells each as it was",
    "listEntitlements": "which entitlements there are; getEntitlement tells each as it was",
    "listRecordings": "which recordings there are; seeRecording tells each as it was",
    "listAssets": "which assets there are; seeAsset tells each as it was",
    "listFilms": "which films there are; seeEdit and seeVod tell each as it was",
    "listTerms": "what was registered, never to change",
    "listJobs": "what is to be done now",
    "listParked": "what is to be mended now; its rows keep what was done",
    "listDenials": "counted by the minute, each row with its times",
    "listEvents": "the log itself, which only grows; `until` ends it at a position",
    "listWebhooks": "administration and no part of the log",
    "listWebhookDeliveries": "administration and no part of the log",
    "listWebhookActions": "only added to, each row with its time",
}
"""Lists that cannot be asked for as they were: a projection keeps the newest state of each row, and no history."""
WHOLE: Final = {
    "listEvents": "a record of the log is shown whole, as it was signed",
    "listShowEvents": "a record of the log is shown whole, as it was signed",
}
"""Wide lists whose fields cannot be chosen."""
WIDE: Final = 10
"""From so many fields of an item on a list is wide."""
QUESTIONS: Final = {
    "getCoverage": "a decision about a moment",
    "getCoverageVerdict": "a judgement of times nobody has recorded",
    "getKnockOn": "what would follow from a delay nobody has recorded",
    "getTimeRemaining": "differs every second",
    "findInRecording": "a place of an instant",
    "proveInclusion": "a computation about two numbers",
    "proveConsistency": "a computation about two numbers",
}
"""What is computed for who asks, and is no resource to be revalidated."""

Json = dict[str, Any]


class Operation(NamedTuple):
    service: str
    method: str
    path: str
    document: Json
    contract: Json

    @property
    def id(self) -> str:
        return str(self.document["operationId"])

    @property
    def is_public(self) -> bool:
        return self.document["security"] == []

    def parameters(self, place: str) -> dict[str, Json]:
        return {each["name"]: each for each in self.document.get("parameters", ()) if each["in"] == place}

    def success(self) -> Json:
        return next(
            self.document["responses"][status]
            for status in ("202", "200", "201", "204")
            if status in self.document["responses"]
        )

    def body(self) -> Json:
        """The schema of the answer, references followed."""
        content = self.success().get("content", {}).get("application/json", {}).get("schema", {})
        return self.resolved(content)

    def resolved(self, schema: Json) -> Json:
        return self.contract["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


@cache
def contracts() -> dict[str, Json]:
    return {
        service: json.loads(import_module(f"services.{service}.app").describe().state.openapi()) for service in SERVICES
    }


def operations() -> list[Operation]:
    return [
        Operation(service, method, path, document, contract)
        for service, contract in contracts().items()
        for path, methods in contract["paths"].items()
        for method, document in methods.items()
    ]


def those(wanted: Callable[[Operation], bool]) -> Any:
    found = [each for each in operations() if wanted(each)]
    assert found
    return pytest.mark.parametrize("operation", found, ids=[f"{each.service}.{each.id}" for each in found])


def faults_of_a_list(operation: Operation) -> Iterator[str]:
    query = operation.parameters("query")
    if "limit" not in query or not {"cursor", "after"} & query.keys():
        yield "has no pages"
    elif not query["limit"]["schema"].get("maximum"):
        yield "has pages without a largest size"
    if "Link" not in operation.success()["headers"]:
        yield "does not document Link"
    sort = query.get("sort", {}).get("schema", {})
    names = set(sort.get("enum", ()))
    if {name for name in names if name[0] != "-"} != {name[1:] for name in names if name[0] == "-"}:
        yield "has an order without its reverse"


def is_list(operation: Operation) -> bool:
    body = operation.body()
    pages = {"items", "next"} <= body.get("properties", {}).keys() or "next_after" in body.get("properties", {})
    return operation.method == "get" and (body.get("type") == "array" or pages or operation.id.startswith("list"))


def is_command(operation: Operation) -> bool:
    return operation.method != "get"


@those(lambda operation: is_list(operation) and operation.id not in PARTS)
def test_every_list_has_pages_links_and_orders_with_their_reverse(operation: Operation) -> None:
    assert list(faults_of_a_list(operation)) == []


def test_a_list_without_pages_is_found() -> None:
    lists = [each for each in operations() if each.id == "listShows"]
    document = json.loads(json.dumps(lists[0].document))
    document["parameters"] = [each for each in document["parameters"] if each["name"] not in ("cursor", "limit")]
    for each in document["parameters"]:
        if each["name"] == "sort":
            each["schema"]["enum"].remove("-title")
    document["responses"]["200"]["headers"].pop("Link")
    found = list(faults_of_a_list(lists[0]._replace(document=document)))
    assert found == ["has no pages", "does not document Link", "has an order without its reverse"]


def test_every_exception_is_still_one() -> None:
    known = {each.id: each for each in operations()}
    assert all(list(faults_of_a_list(known[name])) for name in PARTS)


@those(is_command)
def test_every_command_takes_a_key_and_a_version(operation: Operation) -> None:
    headers = operation.parameters("header")
    assert ("Idempotency-Key" in headers) != (operation.id in WITHOUT_KEY)
    assert ("If-Match" in headers) != (operation.id in WITHOUT_VERSION)
    if operation.id in WITHOUT_VERSION:
        return
    refusals = operation.document["responses"]
    assert {"412", "422"} <= refusals.keys()
    assert ("428" in refusals) == headers["If-Match"]["required"]


@those(lambda operation: is_command(operation) and operation.body().get("title") == "Receipt")
def test_every_receipt_tells_version_position_and_whether_it_is_the_first_answer_again(operation: Operation) -> None:
    assert {"ETag", "Regie-Position", "Idempotency-Replayed"} <= operation.success()["headers"].keys()


def dangerous() -> dict[str, set[str]]:
    """The table of the decision: the operations of each service."""
    found: dict[str, set[str]] = {service: set() for service in SERVICES}
    for service, operation in re.findall(r"^\| (\w+) \| `(\w+)` \|", DANGEROUS.read_text(), re.MULTILINE):
        found[service].add(operation)
    return found


def test_the_dangerous_commands_are_those_the_decision_names() -> None:
    needing = {
        service: {
            each.id
            for each in operations()
            if each.service == service and each.parameters("header").get("If-Match", {}).get("required")
        }
        for service in SERVICES
    }
    assert needing == dangerous()
    assert all(needing.values())


@those(lambda operation: "ETag" in operation.success()["headers"] and operation.method == "get")
def test_every_versioned_resource_can_be_revalidated_and_asked_for_as_it_was(operation: Operation) -> None:
    assert "If-None-Match" in operation.parameters("header")
    assert "304" in operation.document["responses"]
    assert ("as_of" in operation.parameters("query")) != (operation.id in WITHOUT_HISTORY)


@those(lambda operation: is_list(operation) and operation.id not in PARTS)
def test_every_list_can_be_asked_for_as_it_was_or_says_why_not(operation: Operation) -> None:
    assert ("as_of" in operation.parameters("query")) != (operation.id in LISTS_OF_NOW)


def item_of(operation: Operation) -> Json:
    properties = operation.body()["properties"]
    return operation.resolved((properties.get("items") or properties["entries"])["items"])


@those(lambda operation: is_list(operation) and operation.id not in PARTS)
def test_a_wide_list_takes_the_fields_its_items_have(operation: Operation) -> None:
    known = list(item_of(operation)["properties"])
    wide = len(known) >= WIDE and operation.id not in WHOLE
    parameter = operation.parameters("query").get("fields")
    assert (parameter is not None) == wide
    if parameter is not None:
        assert parameter["schema"]["items"] == {"enum": known}
        assert (parameter["style"], parameter["explode"]) == ("form", False)
        assert "application/vnd.regie.fields+json" in operation.success()["content"]


@those(lambda operation: operation.method == "get" and bool(operation.body()) and not operation.is_public)
def test_every_answer_but_pages_and_questions_can_be_revalidated(operation: Operation) -> None:
    exempt = operation.id in QUESTIONS or (is_list(operation) and operation.id not in PARTS)
    assert ("ETag" in operation.success()["headers"]) != exempt


@those(lambda operation: not operation.is_public)
def test_every_operation_has_a_budget_but_the_emergency_cut(operation: Operation) -> None:
    limited = {"RateLimit", "RateLimit-Policy"} <= operation.success()["headers"].keys()
    assert limited == ("429" in operation.document["responses"]) == (operation.id != "emergencyCut")


@those(lambda operation: True)
def test_every_refusal_is_a_problem_document_in_one_of_two_languages(operation: Operation) -> None:
    for status, answer in operation.document["responses"].items():
        if int(status) >= 400:
            problem = operation.contract["components"]["responses"][answer["$ref"].rpartition("/")[2]]
            assert list(problem["content"]) == ["application/problem+json"]
            assert {"Content-Language", "traceparent"} <= problem["headers"].keys()
            assert ("Retry-After" in problem["headers"]) == (status in ("429", "503"))


@those(lambda operation: True)
def test_every_answer_carries_the_trace(operation: Operation) -> None:
    assert "traceparent" in operation.success()["headers"]
