"""The AsyncAPI 3 document of the event streams, and the JSON Schema of each event, from the Structs in `contracts/`.

One channel per service's stream, one for what partners read; each message carries the CloudEvents headers of
`contracts.envelope.cloudevent_headers` and the event as its body.
Source: AsyncAPI 3.1.0; CloudEvents 1.0 NATS protocol binding, binary mode; design.md section 4.
"""

from collections.abc import Mapping
from typing import Any, Final

from chassis.http.examples import example_of
from chassis.http.parts import CONTACT, LICENCE
from chassis.http.schemas import schemas_of
from contracts.envelope import Event, Mode, Role

Json = dict[str, Any]
Vocabulary = Mapping[str, Mapping[str, type[Event]]]
"""Events by tag, by service."""

REF: Final = "#/components/schemas/{name}"
HEADERS: Final = "CloudEventHeaders"
DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_UUID: Final = {"type": "string", "format": "uuid"}
_COUNT: Final = {"type": "string", "pattern": "^[1-9][0-9]*$"}


def cloudevent_headers_schema() -> Json:
    """The headers of every message: strings, as NATS headers are, percent-encoded where the binding demands it."""
    required: Json = {
        "ce-specversion": {"const": "1.0"},
        "ce-id": {**_UUID, "description": "The event's id (UUIDv7): the same on every delivery."},
        "ce-source": {"type": "string", "description": "The service, such as /stage."},
        "ce-type": {"type": "string", "description": "The event's tag behind `regie.`, with its version."},
        "ce-subject": {"type": "string", "description": "The aggregate's stream, `<aggregate>-<id>`."},
        "ce-time": {"type": "string", "format": "date-time", "description": "When it was recorded (server's clock)."},
        "content-type": {"const": "application/json"},
        "ce-tenant": {"type": "string"},
        "ce-streamversion": {**_COUNT, "description": "From 1 within the aggregate's stream, no gaps."},
        "ce-position": {**_COUNT, "description": "From 1 within the service's log, in commit order, no gaps."},
        "ce-correlationid": {**_UUID, "description": "The human action everything follows from."},
        "ce-causationid": {**_UUID, "description": "The event or command that directly caused this one."},
        "ce-command": {"type": "string", "description": "The command that was decided."},
        "ce-actor": {"type": "string", "description": "Who acted: a token's subject, a policy or a timer."},
        "ce-actorrole": {"enum": [str(role) for role in Role]},
        "ce-mode": {"enum": [str(mode) for mode in Mode]},
    }
    optional: Json = {
        "ce-show": {**_UUID, "description": "The show it belongs to, in all services."},
        "ce-traceparent": {"type": "string", "description": "W3C trace context of the request that led to it."},
    }
    return {"type": "object", "properties": {**required, **optional}, "required": sorted(required)}


def event_schema(tag: str, event: type[Event]) -> Json:
    """One event's JSON Schema, complete in itself."""
    (reference,), parts = schemas_of([event], "#/$defs/{name}")
    head = {"$schema": DRAFT, "$id": f"urn:regie:schema:{tag}", "title": event.__name__}
    return {**head, **reference, "$defs": dict(sorted(parts.items()))}


def asyncapi(vocabulary: Vocabulary, golden: Mapping[str, Any], version: str) -> Json:
    """The whole document. `golden` holds a real message by tag, used as the message's example."""
    events = {tag: event for service in vocabulary.values() for tag, event in service.items()}
    tags = sorted(events)
    payloads, schemas = schemas_of([events[tag] for tag in tags], REF)
    schemas[HEADERS] = cloudevent_headers_schema()
    channels = {service: _log_channel(service, known) for service, known in vocabulary.items() if known}
    channels["partners"] = _partner_channel(tags)
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Regie event streams",
            "version": version,
            "description": "Every fact the services record, as it stands in their logs, in commit order.",
            "contact": CONTACT,
            "license": LICENCE,
        },
        "defaultContentType": "application/json",
        "servers": {"exchange": _server()},
        "channels": channels,
        "operations": {f"publish{name.capitalize()}Events": _operation(name, each) for name, each in channels.items()},
        "components": {
            "messages": {
                tag: _message(tag, events[tag], payload, golden.get(tag))
                for tag, payload in zip(tags, payloads, strict=True)
            },
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "nkey": {"type": "asymmetricEncryption", "description": "An nkey per service or partner."}
            },
        },
    }


def _server() -> Json:
    return {
        "host": "{host}",
        "protocol": "nats",
        "description": "NATS with JetStream.",
        "variables": {"host": {"default": "127.0.0.1:4222", "description": "As `make run` prints it."}},
        "security": [{"$ref": "#/components/securitySchemes/nkey"}],
    }


def _log_channel(service: str, known: Mapping[str, type[Event]]) -> Json:
    return {
        "title": f"The log of {service}",
        "address": f"regie.{{mode}}.{service}.{{tenant}}.{{aggregate}}.{{id}}.{{event}}.{{show}}",
        "description": f"Stream {service.upper()}: sequence n is event position n.",
        "parameters": _parameters(sorted(known), mode=True),
        "messages": _messages(sorted(known)),
    }


def _partner_channel(tags: list[str]) -> Json:
    parameters = _parameters(tags, mode=True)
    parameters["service"] = {"enum": sorted({tag.split(".", 1)[0] for tag in tags}), "description": "Whose fact it is."}
    return {
        "title": "What a partner reads",
        "address": "pub.{tenant}.{mode}.{service}.{aggregate}.{id}.{event}.{show}",
        "description": "Stream PUBLIC in the partner's own account; replays never get into it.",
        "parameters": parameters,
        "messages": _messages(tags),
    }


def _parameters(tags: list[str], *, mode: bool) -> Json:
    found: Json = {
        "tenant": {"description": "The customer, as the token names it."},
        "aggregate": {"description": "The kind of resource."},
        "id": {"description": "The resource's id."},
        "show": {"description": "The show the event belongs to, `-` where there is none."},
        "event": {"description": "The event's tag behind the service.", "enum": [event_token(tag) for tag in tags]},
    }
    if mode:
        found["mode"] = {"enum": [str(each) for each in Mode], "description": "Effects follow from `live` alone."}
    return dict(sorted(found.items()))


def event_token(tag: str) -> str:
    """The token of an event's type in its subject, as `contracts.envelope.subject_of` writes it."""
    return tag.split(".", 1)[1].replace(".", "_")


def _messages(tags: list[str]) -> Json:
    return {tag: {"$ref": f"#/components/messages/{tag}"} for tag in tags}


def _operation(name: str, channel: Json) -> Json:
    reference = f"#/channels/{name}"
    return {
        "action": "send",
        "title": channel["title"],
        "channel": {"$ref": reference},
        "messages": [{"$ref": f"{reference}/messages/{tag}"} for tag in channel["messages"]],
    }


def _message(tag: str, event: type[Event], payload: Json, example: Any) -> Json:
    text = " ".join((event.__doc__ or "").split())
    message: Json = {
        "name": f"regie.{tag}",
        "title": event.__name__,
        "summary": text,
        "contentType": "application/json",
        "headers": {"$ref": REF.format(name=HEADERS)},
        "payload": payload,
    }
    if example is None:
        return message
    headers = example_of(cloudevent_headers_schema(), {}) | {
        "ce-type": f"regie.{tag}",
        "ce-source": f"/{tag.partition('.')[0]}",
    }
    return {**message, "examples": [{"name": "golden", "headers": headers, "payload": example}]}
