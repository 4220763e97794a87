"""Problems are told in English or French, whichever the client prefers."""

import httpx
import pytest

from chassis.http.languages import preferred


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("FR-ca", "fr"),
        ("fr-FR, en;q=0.5", "fr"),
        ("en, fr", "en"),
        ("fr, en", "fr"),
        ("en;q=0.3, fr;q=0.4", "fr"),
        ("de, fr;q=0.1", "fr"),
        ("de", "en"),
        ("*", "en"),
        ("fr;q=0", "en"),
        ("fr;q=nonsense", "en"),
        ("fr;q=1e9", "en"),
        ("fr;level=1", "en"),
        (", ,;q=1,fr", "fr"),
        ("x" * 100_000 + ",fr", "en"),
    ],
)
def test_french_where_it_is_asked_for_more_strongly(asked: str, language: str) -> None:
    assert preferred(asked) == language


async def test_a_problem_is_told_in_french(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere", headers={"Accept-Language": "fr-FR,fr;q=0.9,en;q=0.5"})
    assert answer.json()["title"] == answer.json()["detail"] == "Cette ressource n'existe pas."
    assert answer.headers["content-language"] == "fr"
    assert "Accept-Language" in answer.headers["vary"]
    assert answer.json()["code"] == "NOT_FOUND"


async def test_the_edges_own_refusals_are_told_in_french_too(client: httpx.AsyncClient) -> None:
    answer = await client.get("/a%00b", headers={"Accept-Language": "fr"})
    assert answer.json()["title"] == "La requête est illisible."
    assert answer.json()["detail"] == "U+0000 is not a character of any name here."
    assert answer.headers["content-language"] == "fr, en"


async def test_without_a_wish_it_is_english(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere")
    assert answer.json()["title"] == "There is no such resource."
    assert answer.headers["content-language"] == "en"
