"""The OpenAPI documents under other people's linters, and their examples under their own schemas."""

import asyncio
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from regie import contracts
from tests.support import node

DOCUMENTS = sorted((contracts.GENERATED / "openapi").glob("*.json"))
REDOCLY = node.PACKAGES / "@redocly" / "cli" / "bin" / "cli.js"
METHODS = ("get", "put", "post", "patch", "delete")
OPEN_ON_PURPOSE = {"Problem", "TrailEntry.data", "AsRunEntry.data"}
"""RFC 9457 lets a problem have further members; the data of an event follows the event's own schema."""

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes())


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from (methods[method] for method in METHODS if method in methods)


def planted(path: Path, tmp_path: Path) -> Path:
    """One path of the document with three mistakes: no description, an undeclared tag, a wrong example."""
    document = read(path)
    document["paths"] = dict(list(document["paths"].items())[:1])
    one = next(operations(document))
    one["tags"] = ["Nobody declared this"]
    del one["description"]
    body = next(iter(one["responses"]["200"]["content"].values()))
    body["examples"] = {"example": {"value": 7}}
    target = tmp_path / "planted.json"
    target.write_text(json.dumps(document))
    return target


def test_there_is_a_document_of_every_service() -> None:
    assert [path.stem for path in DOCUMENTS] == ["entitlement", "media", "scheduling", "stage"]


@each_document
def test_links_lead_to_every_command_of_a_resource_and_to_every_webhook(path: Path) -> None:
    document = read(path)
    answers = [answer for each in operations(document) for answer in each["responses"].values()]
    led_to = {name: link for answer in answers for name, link in answer.get("links", {}).items()}
    commands = {
        each["operationId"]
        for place, methods in document["paths"].items()
        for each in methods.values()
        if "{" in place and any(parameter["name"] == "If-Match" for parameter in each.get("parameters", ()))
    }
    assert commands - led_to.keys() <= {
        "optOutOfVod",
        "confirmInvitation",
        "downloadSegment",
    }  # nothing else is told under their paths
    assert led_to["pingWebhook"]["parameters"] == {"path.webhook_id": "$response.body#/webhook/id"}


@each_document
def test_openapi_spec_validator_finds_nothing(path: Path) -> None:
    assert list(OpenAPIV31SpecValidator(read(path)).iter_errors()) == []


async def test_spectral_finds_nothing_but_what_was_planted(tmp_path: Path) -> None:
    bad = str(planted(DOCUMENTS[0], tmp_path))
    files = [*map(str, DOCUMENTS), bad]
    halves = await asyncio.gather(*(node.run_json("spectral.mjs", *half) for half in (files[::2], files[1::2])))
    found = [each for half in halves for each in half]
    assert [each for each in found if each["file"] != bad] == []
    assert {each["code"] for each in found} >= {
        "operation-tag-defined",
        "operation-description",
        "oas3-valid-media-example",
    }


async def test_redocly_finds_nothing(tmp_path: Path) -> None:
    """`recommended-strict` makes an error of every warning."""
    strict = ("lint", "--extends=recommended-strict", "--format=stylish")
    code, out, err = await node.run_any(REDOCLY, *strict, *map(str, DOCUMENTS))
    assert code == 0, out + err
    assert err.count("validated in") == len(DOCUMENTS)
    code, out, err = await node.run_any(REDOCLY, *strict, str(planted(DOCUMENTS[0], tmp_path)))
    assert code == 1, out + err
    assert "no-invalid-media-type-examples" in out + err


def examples_of(document: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Where an example stands, its schema, its value: of parameters, bodies, answers and problems."""
    shared = document["components"]
    for operation in operations(document):
        name = operation["operationId"]
        for parameter in operation.get("parameters", ()):
            yield f"{name} {parameter['name']}", parameter["schema"], parameter["example"]
        answers = [
            shared["responses"][each["$ref"].rpartition("/")[2]] if "$ref" in each else each
            for each in operation["responses"].values()
        ]
        for body in [operation.get("requestBody", {}), *answers]:
            for media, content in body.get("content", {}).items():
                for each in content.get("examples", {}).values():
                    found = shared["examples"][each["$ref"].rpartition("/")[2]] if "$ref" in each else each
                    yield f"{name} {media}", content["schema"], found["value"]


def invalid_examples(document: dict[str, Any]) -> list[str]:
    checker = jsonschema.FormatChecker()
    found = []
    for where, schema, value in examples_of(document):
        whole = {**schema, "components": document["components"]}
        check = jsonschema.Draft202012Validator(whole, format_checker=checker)
        found += [f"{where}: {error.message}" for error in check.iter_errors(value)]
    return found


@each_document
def test_every_example_follows_its_schema(path: Path) -> None:
    document = read(path)
    assert len(list(examples_of(document))) > 100
    assert invalid_examples(document) == []
    broken = copy.deepcopy(document)
    next(iter(broken["components"]["examples"].values()))["value"] = 7
    assert invalid_examples(broken)


@each_document
def test_every_body_has_an_example(path: Path) -> None:
    document = read(path)
    answered = [
        (operation["operationId"], body)
        for operation in operations(document)
        for body in (operation.get("requestBody", {}), *operation["responses"].values())
    ]
    for name, body in answered:
        for media, content in body.get("content", {}).items():
            if media.partition(";")[0].endswith("json"):
                assert content.get("examples"), f"{name}: {media}"


@each_document
def test_a_file_of_json_is_no_text(path: Path) -> None:
    """A generated client would send it as one JSON string, which no service takes."""
    for operation in operations(read(path)):
        content = operation.get("requestBody", {}).get("content", {})
        assert content.get("application/json", {}).get("schema", {}).get("type") != "string", operation["operationId"]


@each_document
def test_every_operation_says_who_may_and_what_it_refuses(path: Path) -> None:
    document = read(path)
    schemes = document["components"]["securitySchemes"]
    for operation in operations(document):
        problems = {status: each for status, each in operation["responses"].items() if status >= "400"}
        assert {"400", "500", "503"} <= problems.keys(), operation["operationId"]
        for status, each in problems.items():
            shared = document["components"]["responses"][each["$ref"].rpartition("/")[2]]
            assert list(shared["content"]) == ["application/problem+json"], (operation["operationId"], status)
        for requirement in operation["security"]:
            assert requirement["bearer"] == []
            assert requirement["oauth2"]
            assert set(requirement["oauth2"]) <= schemes["oauth2"]["flows"]["clientCredentials"]["scopes"].keys()
            assert {"401", "403"} <= problems.keys(), operation["operationId"]


@each_document
def test_what_was_created_names_its_place_and_what_is_versioned_its_version(path: Path) -> None:
    for operation in operations(read(path)):
        for status, answer in operation["responses"].items():
            headers = answer.get("headers", {}).keys()
            if status == "201":
                assert "Location" in headers, operation["operationId"]
            if "Regie-Position" in headers:
                assert {"ETag", "Idempotency-Replayed"} <= headers, operation["operationId"]


@each_document
def test_nothing_is_open_by_accident(path: Path) -> None:
    """Bodies are closed; what takes any further field is on the list above."""
    document = read(path)
    loose = set()
    for name, schema in document["components"]["schemas"].items():
        loose |= {name} if schema.get("additionalProperties") is True else set()
        for field, inner in schema.get("properties", {}).items():
            if (
                inner.get("type") == "object"
                and "properties" not in inner
                and inner.get("additionalProperties", True) is True
            ):
                loose.add(f"{name}.{field}")
    assert loose <= OPEN_ON_PURPOSE
    for operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            if reference := content["schema"].get("$ref"):
                schema = document["components"]["schemas"][reference.rpartition("/")[2]]
                assert schema.get("additionalProperties") is False or "anyOf" in schema, reference
