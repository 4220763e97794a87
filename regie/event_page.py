"""The AsyncAPI document as one page for people: no script, nothing loaded from elsewhere, so it opens from a file."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

Json = dict[str, Any]

_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1c1f24;background:#fff}
code,pre{font:14px/1.45 ui-monospace,monospace}pre{background:#f3f4f6;padding:.75rem;overflow:auto;border-radius:4px}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;
border-bottom:1px solid #dfe2e7}summary{cursor:pointer;padding:.35rem 0}details{border-bottom:1px solid #dfe2e7}
nav li{display:inline-block;margin-right:1rem}nav ul{padding:0}.say{color:#555c66}h2{margin-top:3rem}
@media(prefers-color-scheme:dark){body{background:#14161a;color:#e4e7ec}pre{background:#1e2127}.say{color:#a2a9b4}
a{color:#8ab4ff}td,th,details{border-color:#31363e}}
"""


def page(document: Json) -> bytes:
    """The page of a whole document."""
    parts: Mapping[str, Json] = document["components"]
    channels = {name: channel for name, channel in document["channels"].items() if name != "partners"}
    body = [
        f"<h1>{escape(document['info']['title'])} {escape(document['info']['version'])}</h1>",
        f"<p>{escape(document['info']['description'])}</p>",
        _contents(channels),
        *_partners(document),
        "<h2 id=headers>What every message carries</h2>",
        "<p>CloudEvents 1.0, binary mode: these are NATS headers, percent-encoded; the event itself is the body.</p>",
        _fields(parts["schemas"]["CloudEventHeaders"], parts["schemas"]),
    ]
    for name, channel in channels.items():
        body += [
            f"<h2 id={name}>{escape(name)}</h2>",
            f"<p>{escape(channel['description'])} Subject <code>{escape(channel['address'])}</code></p>",
            *(_message(tag, parts["messages"][tag], parts["schemas"]) for tag in channel["messages"]),
        ]
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(document['info']['title'])}</title><style>{_STYLE}</style></head><body>\n"
    )
    return (head + "\n".join(body) + "\n</body></html>\n").encode()


def _contents(channels: Mapping[str, Json]) -> str:
    links = ["<a href=#partners>For partners</a>", "<a href=#headers>Headers</a>"]
    links += [f"<a href=#{name}>{name} ({len(channel['messages'])})</a>" for name, channel in channels.items()]
    return "<nav><ul>" + "".join(f"<li>{link}</li>" for link in links) + "</ul></nav>"


def _partners(document: Json) -> Iterator[str]:
    channel = document["channels"]["partners"]
    yield "<h2 id=partners>What a partner reads</h2>"
    yield f"<p>{escape(channel['description'])} Subject <code>{escape(channel['address'])}</code></p>"
    rows = (
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(each.get('description', ''))}</td></tr>"
        for name, each in channel["parameters"].items()
    )
    yield f"<table><tr><th>part of the subject</th><th></th></tr>{''.join(rows)}</table>"


def _message(tag: str, message: Json, schemas: Mapping[str, Json]) -> str:
    example = "".join(
        f"<pre>{escape(json.dumps(each['payload'], indent=2, ensure_ascii=False))}</pre>"
        for each in message["examples"]
    )
    fields = _fields(message["payload"], schemas)
    return (
        f'<details id="{escape(tag)}"><summary><code>{escape(tag)}</code> '
        f"<span class=say>{escape(message['summary'])}</span></summary>{fields}{example}</details>"
    )


def _fields(schema: Json, schemas: Mapping[str, Json]) -> str:
    whole = _follow(schema, schemas)
    required = set(whole.get("required", ()))
    rows = (
        f"<tr><td><code>{escape(name)}</code>{'' if name in required else ' (optional)'}</td>"
        f"<td>{escape(kind(each))}</td><td>{escape(each.get('description', ''))}</td></tr>"
        for name, each in whole.get("properties", {}).items()
    )
    return f"<table><tr><th>field</th><th>is</th><th></th></tr>{''.join(rows)}</table>"


def _follow(schema: Json, schemas: Mapping[str, Json]) -> Json:
    return schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def kind(schema: Json) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(kind(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        items = schema.get("items") or {}
        return f"list of {kind(items) if items else 'values'}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"map to {kind(schema['additionalProperties'])}"
    words = [schema.get("format") or schema.get("type", "anything")]
    words += [f"{rule} {schema[rule]}" for rule in ("pattern", "minimum", "maximum", "maxLength") if rule in schema]
    return " ".join(map(str, words))
