"""The AsyncAPI document under the reference parser, its examples under its schemas, and its page for people."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from regie import contracts, event_page
from tests.support import node

GENERATED = contracts.GENERATED
Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    return json.loads((GENERATED / "asyncapi.json").read_bytes())


async def test_the_reference_parser_finds_nothing_and_reads_every_message(document: Json) -> None:
    read = await node.run_json("asyncapi.mjs", str(GENERATED / "asyncapi.json"))
    assert read["diagnostics"] == []
    assert sorted(read["channels"]) == sorted(document["channels"])
    assert sorted(read["messages"]) == sorted(document["components"]["messages"])


async def test_the_reference_parser_would_find_a_mistake(document: Json, tmp_path: Path) -> None:
    document = json.loads(json.dumps(document))
    tag = next(iter(document["components"]["messages"]))
    document["components"]["messages"][tag]["examples"][0]["payload"] = {"at": 7}
    del document["info"]["version"]
    planted = tmp_path / "planted.json"
    planted.write_text(json.dumps(document))
    read = await node.run_json("asyncapi.mjs", str(planted))
    assert any(each["severity"] == 0 for each in read["diagnostics"])


def invalid_examples(document: Json) -> list[str]:
    schemas = {"components": document["components"]}
    found = []
    for tag, message in document["components"]["messages"].items():
        if not message.get("examples"):
            found.append(f"{tag}: has no example")
        for example in message.get("examples", ()):
            for part in ("headers", "payload"):
                check = jsonschema.Draft202012Validator(
                    {**message[part], **schemas}, format_checker=jsonschema.FormatChecker()
                )
                found += [f"{tag} {part}: {error.message}" for error in check.iter_errors(example[part])]
    return found


def test_every_message_has_an_example_that_follows_its_schema(document: Json) -> None:
    assert invalid_examples(document) == []
    messages = document["components"]["messages"]
    one, other, third = list(messages)[:3]
    broken = {
        one: {**messages[one], "examples": []},
        other: {**messages[other], "examples": [{"headers": {}, "payload": messages[other]["examples"][0]["payload"]}]},
        third: {**messages[third], "examples": [{**messages[third]["examples"][0], "payload": {"at": 7}}]},
    }
    found = invalid_examples({"components": {**document["components"], "messages": broken}})
    assert {each.partition(" ")[0].strip(":") for each in found} == {one, other, third}


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.goes_to: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.goes_to += [value for name, value in attrs if name in ("href", "src", "action", "data") and value]


def test_the_page_shows_every_event_and_loads_nothing(document: Json) -> None:
    text = (GENERATED / "events.html").read_text()
    shown = Page()
    shown.feed(text)
    assert set(document["components"]["messages"]) <= set(shown.ids)
    assert len(shown.ids) == len(set(shown.ids))
    assert {"script", "iframe", "img", "link", "object"} & shown.tags == set()
    assert all(target.startswith("#") and target[1:] in shown.ids for target in shown.goes_to)
    assert not re.search(r"url\(|@import", text.partition("</style>")[0])


def test_what_an_event_says_cannot_become_part_of_the_page(document: Json) -> None:
    tag, message = next(iter(document["components"]["messages"].items()))
    bad = {**message, "summary": "<script>alert(1)</script>"}
    messages = {**document["components"]["messages"], tag: bad}
    page = event_page.page({**document, "components": {**document["components"], "messages": messages}}).decode()
    assert f'id="{tag}"' in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
