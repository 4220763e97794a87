"""Our quicker reading of a message's headers finds what the library's finds, in all that a broker sends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from chassis.broker import QuickClient

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1)
VALUES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))


def block(lines: list[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in lines).encode() + b"\r\n"


@given(st.lists(st.tuples(NAMES, VALUES), max_size=30).map(block))
def test_headers_are_those_the_library_finds(raw: bytes) -> None:
    assert QuickClient._parse_header_lines(raw) == Client._parse_header_lines(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"no colon\r\n",
        b"Name:value\r\n",
        b"Name:\tvalue \r\n",
        b"a b: c\r\n",
        b"n: a: b\r\n",
        b"n: \xff\r\n",
        b": x\r\n",
    ],
)
def test_odd_lines_are_read_as_the_library_reads_them(raw: bytes) -> None:
    assert QuickClient._parse_header_lines(raw) == Client._parse_header_lines(raw)
