"""The published contracts: up to date, complete, valid, and readable for ever after."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import msgspec
import pytest
from openapi_spec_validator import validate

from chassis.decider import Codec
from contracts.envelope import Actor, Event, Metadata, Mode, Recorded, Role, cloudevent_headers, subject_of
from contracts.upcasters import UPCASTERS
from regie import contracts
from regie.asyncapi import asyncapi, cloudevent_headers_schema, event_schema, event_token
from regie.samples import sample

WORDS = contracts.vocabulary()
EVENTS = [(service, tag, event) for service, known in WORDS.items() for tag, event in known.items()]
BY_TAG = {tag: event for _, tag, event in EVENTS}
TAG = re.compile(r"(?P<service>[a-z]+)\.[a-z][a-z0-9_]*\.v[1-9][0-9]*")

each_event = pytest.mark.parametrize(("service", "tag", "event"), EVENTS, ids=[tag for _, tag, _ in EVENTS])


@pytest.fixture(scope="module")
def generated() -> dict[Path, bytes]:
    return contracts.generate()


def test_there_are_words_to_publish() -> None:
    assert EVENTS


def test_what_is_committed_is_what_the_code_says(
    generated: dict[Path, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert contracts.check(generated) == 0, capsys.readouterr().out


@each_event
def test_an_event_is_named_after_its_service_and_documented(service: str, tag: str, event: type[Event]) -> None:
    match = TAG.fullmatch(tag)
    assert match
    assert match["service"] == service
    assert event.__doc__
    assert event.__doc__.strip()


def test_no_tag_belongs_to_two_events() -> None:
    assert len(BY_TAG) == len(EVENTS)
    tokens = [(service, event_token(tag)) for service, tag, _ in EVENTS]
    assert len(set(tokens)) == len(tokens)


@each_event
def test_an_event_has_a_golden_message_that_is_still_read(service: str, tag: str, event: type[Event]) -> None:
    path = contracts.GOLDEN / f"{tag}.json"
    assert path.exists(), "add one: python -m regie contracts --golden-from FILE, or --golden-fill"
    payload = path.read_bytes()
    assert contracts.reencoded(payload, event) == payload.rstrip(b"\n")


@each_event
def test_any_event_can_be_stored_and_read_again(service: str, tag: str, event: type[Event]) -> None:
    payload = contracts.stored(sample(event))
    assert contracts.reencoded(payload, event) == payload


@each_event
def test_an_event_follows_its_own_published_schema(service: str, tag: str, event: type[Event]) -> None:
    check = jsonschema.Draft202012Validator(event_schema(tag, event), format_checker=jsonschema.FormatChecker())
    message = json.loads(contracts.stored(sample(event)))
    check.validate(message)
    assert not check.is_valid({**message, "at": 7})
    assert not check.is_valid({**message, "type": "another.tag.v1"})


def test_no_golden_message_is_of_an_event_nobody_knows() -> None:
    retired = {tag for upcasters in UPCASTERS.values() for tag in upcasters}
    assert contracts.golden().keys() <= BY_TAG.keys() | retired
    assert not BY_TAG.keys() & retired


def test_every_message_ever_released_is_read_as_the_newest_version() -> None:
    codecs = {service: Codec(known, UPCASTERS[service]) for service, known in WORDS.items()}
    for tag in contracts.golden():
        payload = (contracts.GOLDEN / f"{tag}.json").read_bytes()
        assert codecs[tag.split(".", 1)[0]].decode(tag, payload).tag() in BY_TAG


def test_every_openapi_document_is_valid(generated: dict[Path, bytes]) -> None:
    documents = {path: body for path, body in generated.items() if path.parts[0] == "openapi"}
    assert {path.stem for path in documents} == {service for service in WORDS if contracts.has_api(service)}
    for body in documents.values():
        validate(json.loads(body))


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi(WORDS, {}, "1")
    references = list(_references(document))
    assert references
    for reference in references:
        assert _resolve(document, reference) is not None, reference


def test_every_event_is_in_its_services_channel_and_in_the_partners() -> None:
    channels = asyncapi(WORDS, {}, "1")["channels"]
    for service, tag, _ in EVENTS:
        assert tag in channels[service]["messages"]
        assert tag in channels["partners"]["messages"]


def _references(node: Any) -> Any:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from _references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _references(inner)


def _resolve(document: Any, reference: str) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        document = document.get(step) if isinstance(document, dict) else None
    return document


class ToyRang(Event, frozen=True, kw_only=True, tag="stage.toy_rang.v1"):
    """A bell rang."""

    show_id: UUID


def _recorded(**changed: Any) -> Recorded:
    meta = {
        "id": UUID(int=1),
        "tenant": "acme",
        "actor": Actor(id="ada", role=Role.ANALYST),
        "correlation": UUID(int=2),
        "causation": UUID(int=3),
        "command": "Ring",
    }
    return Recorded(
        position=7,
        stream=f"stage-{UUID(int=4)}",
        version=2,
        type=ToyRang.tag(),
        payload=b"{}",
        metadata=Metadata(**{**meta, **changed}),
        recorded_at=datetime(2026, 6, 10, 9, tzinfo=UTC),
    )


@pytest.mark.parametrize("changed", [{}, {"show": UUID(int=5), "traceparent": "00-0-0-01", "mode": Mode.REHEARSAL}])
def test_the_headers_we_send_are_the_headers_we_publish(changed: dict[str, Any]) -> None:
    headers = cloudevent_headers("stage", _recorded(**changed))
    check = jsonschema.Draft202012Validator(
        {**cloudevent_headers_schema(), "additionalProperties": False}, format_checker=jsonschema.FormatChecker()
    )
    check.validate(headers)
    for name in check.schema["required"]:
        assert not check.is_valid({known: value for known, value in headers.items() if known != name})


def test_the_subject_we_publish_on_is_the_channels_address() -> None:
    channel = asyncapi({"stage": {ToyRang.tag(): ToyRang}}, {}, "1")["channels"]["stage"]
    address = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^.]+)", re.escape(channel["address"]))
    match = re.fullmatch(address, subject_of("stage", _recorded()))
    assert match
    assert match["event"] in channel["parameters"]["event"]["enum"]
    assert match["mode"] in channel["parameters"]["mode"]["enum"]


def test_a_file_that_differs_is_shown_and_put_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = {Path("asyncapi.json"): b'{\n  "version": 2\n}\n', Path("schemas/new.json"): b"{}\n"}
    (tmp_path / "schemas").mkdir()
    (tmp_path / "asyncapi.json").write_bytes(b'{\n  "version": 1\n}\n')
    (tmp_path / "schemas" / "gone.json").write_bytes(b"{}\n")
    assert contracts.check(wanted, tmp_path) == 1
    shown = capsys.readouterr().out
    for line in ('-  "version": 1', '+  "version": 2', "schemas/gone.json", "schemas/new.json"):
        assert line in shown
    assert contracts.write(wanted, tmp_path) == 0
    assert contracts.check(wanted, tmp_path) == 0
    assert not (tmp_path / "schemas" / "gone.json").exists()


def test_a_golden_message_is_added_once_and_never_edited(tmp_path: Path) -> None:
    words = {"stage": {ToyRang.tag(): ToyRang}}
    first, second = (
        contracts.stored(ToyRang(at=datetime(2026, 6, day, tzinfo=UTC), show_id=UUID(int=1))) for day in (10, 11)
    )
    assert contracts.add_golden([b'{"type":"who.knows.v1"}', first, second], words, tmp_path) == [ToyRang.tag()]
    assert contracts.add_golden([second], words, tmp_path) == []
    assert (tmp_path / "stage.toy_rang.v1.json").read_bytes() == first + b"\n"


def test_a_message_that_is_not_read_back_as_it_was_is_no_golden_message(tmp_path: Path) -> None:
    payload = msgspec.json.encode(
        {"type": ToyRang.tag(), "at": "2026-06-10T09:00:00Z", "show_id": str(UUID(int=1)), "x": 1}
    )
    with pytest.raises(ValueError, match="re-encode"):
        contracts.add_golden([payload], {"stage": {ToyRang.tag(): ToyRang}}, tmp_path)
