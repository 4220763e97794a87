"""The checker of compatibility: every kind of planted break is told, and no compatible change is called one."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regie import contracts
from regie.compatibility import events, operations, releases
from regie.compatibility.findings import Finding
from regie.compatibility.releases import Intended

Json = dict[str, Any]
Change = Callable[[Json], Any]


def schemas() -> Json:
    plan = {
        "type": "object",
        "properties": {
            "title": {"type": "string", "minLength": 1, "maxLength": 200},
            "size": {"enum": ["large", "small"], "default": "small"},
            "seats": {"type": "integer", "minimum": 1, "maximum": 50},
            "starts_at": {"type": "string", "format": "date-time"},
            "colour": {"type": "string", "pattern": "^#[0-9a-f]{6}$"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["title"],
        "additionalProperties": False,
    }
    show = copy.deepcopy(plan) | {"required": ["title", "size"]}
    show["properties"]["tracks"] = {"type": "array", "items": {"$ref": "#/components/schemas/Track"}}
    del show["additionalProperties"]
    track = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "inner": {"$ref": "#/components/schemas/Track"}},
        "required": ["name"],
    }
    return {"Plan": plan, "Show": show, "Track": track}


def api() -> Json:
    """A small document in the manner of ours."""
    problem = {
        "content": {
            "application/problem+json": {
                "schema": {"type": "object", "properties": {"code": {"type": "string", "enum": ["STALE"]}}}
            }
        }
    }
    answer = {
        "headers": {"ETag": {}, "Location": {}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Show"}}},
    }
    create = {
        "operationId": "planShow",
        "security": [{"bearer": [], "oauth2": ["write"]}],
        "parameters": [
            {"name": "limit", "in": "query", "required": False, "schema": {"type": "integer", "maximum": 200}},
            {"name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"}},
        ],
        "requestBody": {
            "required": False,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Plan"}},
                "application/xml": {"schema": {"type": "string"}},
            },
        },
        "responses": {"201": answer, "409": {"$ref": "#/components/responses/Problem"}},
    }
    see = {
        "operationId": "seeShow",
        "security": [],
        "parameters": [{"name": "show_id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {"200": copy.deepcopy(answer)},
    }
    return {
        "paths": {"/shows": {"post": create}, "/shows/{show_id}": {"get": see}},
        "components": {"schemas": schemas(), "responses": {"Problem": problem}},
    }


def post(document: Json) -> Json:
    found: Json = document["paths"]["/shows"]["post"]
    return found


def field(schema: str, name: str, **changed: Any) -> Change:
    """Change rules of one field; None takes a rule away."""

    def change(document: Json) -> None:
        rules = document["components"]["schemas"][schema]["properties"][name]
        rules |= changed
        for rule, value in changed.items():
            if value is None:
                del rules[rule]

    return change


def without(schema: str, name: str) -> Change:
    def change(document: Json) -> None:
        whole = document["components"]["schemas"][schema]
        del whole["properties"][name]
        whole["required"] = [each for each in whole.get("required", []) if each != name]

    return change


def required(schema: str, *names: str) -> Change:
    return lambda document: document["components"]["schemas"][schema].update(required=list(names))


def added(schema: str, name: str, *, needed: bool = False) -> Change:
    def change(document: Json) -> None:
        whole = document["components"]["schemas"][schema]
        whole["properties"][name] = {"type": "string"}
        whole["required"] = [*whole.get("required", []), *([name] if needed else [])]

    return change


BREAKS: dict[str, Change] = {
    "an operation is gone": lambda d: d["paths"]["/shows"].pop("post"),
    "a path is gone": lambda d: d["paths"].pop("/shows/{show_id}"),
    "an operationId changed": lambda d: post(d).update(operationId="createShow"),
    "a success is gone": lambda d: post(d)["responses"].pop("201"),
    "another success": lambda d: post(d)["responses"].update({"202": {}}),
    "another media type is answered": lambda d: post(d)["responses"]["201"].update(
        content={"text/html": {"schema": {}}}
    ),
    "an answered header is gone": lambda d: post(d)["responses"]["201"]["headers"].pop("ETag"),
    "a media type is not taken any more": lambda d: post(d)["requestBody"]["content"].pop("application/xml"),
    "a body is required": lambda d: post(d)["requestBody"].update(required=True),
    "no body is taken": lambda d: post(d).pop("requestBody"),
    "a parameter is gone": lambda d: post(d)["parameters"].pop(0),
    "a parameter is required": lambda d: post(d)["parameters"][1].update(required=True),
    "a new parameter is required": lambda d: post(d)["parameters"].append(
        {"name": "as_of", "in": "query", "required": True, "schema": {"type": "string"}}
    ),
    "a parameter takes less": lambda d: post(d)["parameters"][0]["schema"].update(maximum=100),
    "a scope more": lambda d: post(d).update(security=[{"bearer": [], "oauth2": ["write", "admin"]}]),
    "another scope": lambda d: post(d).update(security=[{"bearer": [], "oauth2": ["admin"]}]),
    "a public operation is closed": lambda d: d["paths"]["/shows/{show_id}"]["get"].update(security=[{"bearer": []}]),
    "request: a new required field": added("Plan", "zone", needed=True),
    "request: a field is required": required("Plan", "title", "seats"),
    "request: a field is refused": without("Plan", "note"),
    "request: a value is not taken": field("Plan", "size", enum=["small"]),
    "request: null is not taken": field("Plan", "note", anyOf=[{"type": "string"}]),
    "request: another type": field("Plan", "seats", type="string", minimum=None, maximum=None),
    "request: a new format": field("Plan", "title", format="uuid"),
    "request: another format": field("Plan", "starts_at", format="date"),
    "request: a new pattern": field("Plan", "title", pattern="^[a-z]+$"),
    "request: another pattern": field("Plan", "colour", pattern="^#[0-9a-f]{3}$"),
    "request: a choice of other patterns": field("Plan", "colour", pattern="^(#[0-9a-f]{3}|none)$"),
    "request: shorter": field("Plan", "title", maxLength=100),
    "request: longer": field("Plan", "title", minLength=3),
    "request: from more": field("Plan", "seats", minimum=2),
    "request: up to less": field("Plan", "seats", maximum=10),
    "request: in steps": field("Plan", "seats", multipleOf=5),
    "request: another default": field("Plan", "size", default="large"),
    "answer: an optional field is gone": without("Show", "note"),
    "answer: a required field is gone": without("Show", "title"),
    "answer: a required field may be missing": required("Show", "title"),
    "answer: a new value": field("Show", "size", enum=["large", "small", "huge"]),
    "answer: null": field("Show", "title", type=["string", "null"]),
    "answer: another type": field("Show", "seats", type="number"),
    "answer: any text": field("Show", "starts_at", format=None),
    "answer: a longer text": field("Show", "title", maxLength=500),
    "answer: up to more": field("Show", "seats", maximum=None),
    "answer: in a list, a field is gone": without("Track", "inner"),
    "answer: in a list, another type": field("Track", "name", type="integer"),
}
FINE: dict[str, Change] = {
    "nothing": lambda _: None,
    "a new operation": lambda d: d["paths"].update({"/speakers": {"get": post(d) | {"operationId": "list"}}}),
    "a path calls its id something else": lambda d: d["paths"].update(
        {"/shows/{id}": d["paths"].pop("/shows/{show_id}")}
    ),
    "a problem more": lambda d: post(d)["responses"].update({"410": {"$ref": "#/components/responses/Problem"}}),
    "a problem less": lambda d: post(d)["responses"].pop("409"),
    "a code more": lambda d: d["components"]["responses"]["Problem"]["content"]["application/problem+json"]["schema"][
        "properties"
    ]["code"].update(enum=["STALE", "NEW"]),
    "a header more": lambda d: post(d)["responses"]["201"]["headers"].update(Link={}),
    "a scope less": lambda d: post(d).update(security=[{"bearer": []}]),
    "another way in": lambda d: post(d)["security"].append({"mtls": []}),
    "an optional parameter": lambda d: post(d)["parameters"].append(
        {"name": "as_of", "in": "query", "required": False, "schema": {"type": "string"}}
    ),
    "a parameter takes more": lambda d: post(d)["parameters"][0]["schema"].update(maximum=500),
    "another media type is taken": lambda d: post(d)["requestBody"]["content"].update({"text/plain": {"schema": {}}}),
    "request: an optional field": added("Plan", "zone"),
    "request: nothing is required": required("Plan"),
    "request: a value more": field("Plan", "size", enum=["large", "small", "huge"]),
    "request: a number with a point": field("Plan", "seats", type="number"),
    "request: any colour": field("Plan", "colour", pattern=None),
    "request: a colour or none": field("Plan", "colour", pattern="^(#[0-9a-f]{6}|none)$"),
    "request: a wider range": field("Plan", "seats", minimum=0, maximum=99),
    "request: null, too": field("Plan", "title", type=["string", "null"]),
    "answer: a field more": added("Show", "zone", needed=True),
    "answer: a value less": field("Show", "size", enum=["small"]),
    "answer: never null": field("Show", "note", anyOf=[{"type": "string"}]),
    "answer: a narrower range": field("Show", "seats", minimum=5, maximum=10),
    "answer: always there": required("Show", "title", "size", "note"),
    "words": lambda d: post(d).update(description="Says more.", summary="More", tags=["Shows"]),
}


def differences(change: Change) -> list[Finding]:
    new = api()
    change(new)
    return list(operations.compare("toy", api(), new))


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS)
def test_a_planted_break_is_told(change: Change) -> None:
    assert [each for each in differences(change) if each.breaks]


@pytest.mark.parametrize("change", FINE.values(), ids=FINE)
def test_a_compatible_change_is_none(change: Change) -> None:
    assert [each for each in differences(change) if each.breaks] == []


def stream() -> Json:
    went_live = {
        "type": "object",
        "properties": {
            "at": {"type": "string", "format": "date-time"},
            "reason": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "kind": {"enum": ["keynote", "panel"]},
            "type": {"enum": ["stage.went_live.v1"]},
        },
        "required": ["at", "kind", "type"],
    }
    headers = {"type": "object", "properties": {"ce-id": {"type": "string"}}, "required": ["ce-id"]}
    message = {
        "payload": {"$ref": "#/components/schemas/WentLive"},
        "headers": {"$ref": "#/components/schemas/Headers"},
    }
    return {
        "channels": {"stage": {"address": "regie.{mode}.stage", "messages": {"stage.went_live.v1": {}}}},
        "components": {
            "messages": {"stage.went_live.v1": message},
            "schemas": {"WentLive": went_live, "Headers": headers},
        },
    }


EVENT_BREAKS: dict[str, Change] = {
    "an event is gone": lambda d: d["components"]["messages"].clear(),
    "a channel is gone": lambda d: d["channels"].clear(),
    "a channel moved": lambda d: d["channels"]["stage"].update(address="regie.stage"),
    "a channel does not carry it": lambda d: d["channels"]["stage"]["messages"].clear(),
    "an optional field is gone": without("WentLive", "reason"),
    "a required field is gone": without("WentLive", "kind"),
    "a field became required": required("WentLive", "at", "kind", "type", "reason"),
    "a field became optional": required("WentLive", "at", "type"),
    "a new field is required": added("WentLive", "by", needed=True),
    "a value more": field("WentLive", "kind", enum=["keynote", "panel", "quiz"]),
    "a value less": field("WentLive", "kind", enum=["panel"]),
    "another type": field("WentLive", "at", type="integer", format=None),
    "another format": field("WentLive", "at", format="date"),
    "a pattern": field("WentLive", "at", pattern="Z$"),
    "never null": field("WentLive", "reason", anyOf=[{"type": "string"}]),
    "a header is gone": without("Headers", "ce-id"),
}
EVENT_FINE: dict[str, Change] = {
    "nothing": lambda _: None,
    "a new event": lambda d: d["components"]["messages"].update({"stage.ended.v1": {}}),
    "a new channel": lambda d: d["channels"].update(media={}),
    "an optional field": added("WentLive", "by"),
    "an optional header": added("Headers", "ce-show"),
}


def event_differences(change: Change) -> list[Finding]:
    new = stream()
    change(new)
    return list(events.compare(stream(), new))


@pytest.mark.parametrize("change", EVENT_BREAKS.values(), ids=EVENT_BREAKS)
def test_a_planted_break_of_an_event_is_told(change: Change) -> None:
    assert [each for each in event_differences(change) if each.breaks]


@pytest.mark.parametrize("change", EVENT_FINE.values(), ids=EVENT_FINE)
def test_a_compatible_change_of_events_is_none(change: Change) -> None:
    assert [each for each in event_differences(change) if each.breaks] == []


@pytest.fixture(scope="module")
def ours() -> dict[str, Json]:
    files = {path.relative_to(contracts.GENERATED): path.read_bytes() for path in contracts.GENERATED.rglob("*.json")}
    return releases.documents_of(files)


def test_our_own_documents_are_compatible_with_themselves_without_their_prose(ours: dict[str, Json]) -> None:
    bare = {name: releases.without_prose(document) for name, document in ours.items()}
    assert len(ours) == 5
    assert releases.compare({"0.1.0": bare}, ours) == []
    assert releases.compare({"0.1.0": ours}, bare) == []


@pytest.mark.parametrize("service", ["entitlement", "scheduling", "stage", "media"])
def test_each_operation_of_ours_is_watched(ours: dict[str, Json], service: str) -> None:
    """Sabotage of the real documents: any operation goes, or needs one scope more."""
    document = ours[service]
    for path, methods in document["paths"].items():
        old = {**document, "paths": {path: methods}}
        gone = list(operations.compare(service, old, {**document, "paths": {}}))
        assert [each.breaks for each in gone] == [True] * len(methods)
        closed = {
            method: {**each, "security": [{"bearer": [], "oauth2": ["all:admin"]}]} for method, each in methods.items()
        }
        found = list(operations.compare(service, old, {**document, "paths": {path: closed}}))
        assert sum(each.breaks for each in found) == len(methods)


def test_each_field_of_each_event_of_ours_is_watched(ours: dict[str, Json]) -> None:
    old = ours["asyncapi"]
    tags = sorted(old["components"]["messages"])
    for tag in tags[:: max(1, len(tags) // 40)]:
        name = old["components"]["messages"][tag]["payload"]["$ref"].rpartition("/")[2]
        for gone in old["components"]["schemas"][name]["properties"]:
            new = copy.deepcopy({"components": {"schemas": {name: old["components"]["schemas"][name]}}})
            without(name, gone)(new)
            schemas = {**old["components"]["schemas"], **new["components"]["schemas"]}
            messages = {tag: old["components"]["messages"][tag]}
            before = {"channels": {}, "components": {"messages": messages, "schemas": old["components"]["schemas"]}}
            after = {"channels": {}, "components": {"messages": messages, "schemas": schemas}}
            assert [each for each in events.compare(before, after) if each.breaks], (tag, gone)


def written(folder: Path, document: Json) -> Path:
    (folder / "0.1.0").mkdir(parents=True)
    (folder / "0.1.0" / "toy.json").write_text(json.dumps(document))
    return folder


def test_an_undeclared_break_is_refused_and_a_declared_one_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    released, declaration = written(tmp_path / "released", api()), tmp_path / "intended.json"
    new = api()
    BREAKS["an answered header is gone"](new)
    [text] = [each.text for each in releases.compare(releases.read(released), {"toy": new})]
    assert releases.report({"toy": new}, released, declaration) == 1
    assert f"BREAKING   {text}" in capsys.readouterr().out
    declaration.write_text(json.dumps([{"finding": text, "reason": "nobody read it"}]))
    assert releases.report({"toy": new}, released, declaration) == 0
    assert f"intended   {text}" in capsys.readouterr().out
    assert releases.report({"toy": api()}, released, declaration) == 1
    assert "STALE" in capsys.readouterr().out


def test_a_release_is_kept_for_good_and_settles_what_was_declared(tmp_path: Path) -> None:
    released, declaration = written(tmp_path / "released", api()), tmp_path / "intended.json"
    new = api()
    BREAKS["an operation is gone"](new)
    assert releases.release({"toy": new}, "0.2.0", released, declaration) == 1
    [text] = [each.text for each in releases.compare(releases.read(released), {"toy": new})]
    declaration.write_text(json.dumps([{"finding": text, "reason": "moved"}]))
    assert releases.release({"toy": new}, "0.2.0", released, declaration) == 0
    assert releases.intended(declaration) == []
    assert list(releases.read(released)) == ["0.1.0", "0.2.0"]
    assert releases.report({"toy": new}, released, declaration) == 0
    assert releases.release({"toy": new}, "0.2.0", released, declaration) == 1


def test_events_are_held_to_every_release_and_apis_to_the_last() -> None:
    first, second = api(), api()
    added("Plan", "zone")(first)
    broken = {"1.0.0": {"asyncapi": stream(), "toy": first}, "1.1.0": {"asyncapi": stream(), "toy": second}}
    EVENT_BREAKS["an optional field is gone"](broken["1.1.0"]["asyncapi"])
    found = releases.compare(broken, broken["1.1.0"])
    assert [each.breaks for each in found] == [True]
    assert "stage.went_live.v1" in found[0].text


def test_a_declaration_needs_its_reason() -> None:
    assert Intended(finding="x", reason="y").reason == "y"
    with pytest.raises(TypeError):
        Intended(finding="x")  # type: ignore[call-arg]
