"""Clients that kept generators make of our OpenAPI documents, by the very commands of docs/partners/clients.md."""

import asyncio
import json
import os
import re
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from regie.plan import ROOT
from tests.support import node

PAGE = (ROOT / "docs" / "partners" / "clients.md").read_text()
DOCUMENTS = sorted((ROOT / "contracts" / "generated" / "openapi").glob("*.json"))
INSTALLING = ("pip install", "npm install")
BLOCKS = re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)
GENERATE_PYTHON, PLAY_PYTHON, GENERATE_TYPES, CHECK_TYPES, PLAY_TYPES = (
    "\n".join(line for line in block.splitlines() if not line.startswith(INSTALLING)) for block in BLOCKS
)


class CommandFailed(AssertionError):
    """A command of the page ended with an error; its words are the message."""


async def shell(folder: Path, commands: str) -> str:
    """What the commands of the page say, run in a folder that looks like the repository's. Raises CommandFailed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), node.environment()["PATH"]])
    process = await asyncio.create_subprocess_exec(
        "bash", "-euc", commands, cwd=folder, env={**node.environment(), "PATH": path},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        out, _ = await asyncio.wait_for(process.communicate(), node.LIMIT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise CommandFailed(f"{commands}\nended with {process.returncode}:\n{out.decode()}")
    return out.decode()


@pytest.fixture(scope="module")
async def made(tmp_path_factory) -> Path:
    """A folder with both clients in it, generated without a word of warning."""
    folder = tmp_path_factory.mktemp("clients")
    for name in ("contracts", "docs"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "node_modules").symlink_to(node.PACKAGES)
    for said in await asyncio.gather(shell(folder, GENERATE_PYTHON), shell(folder, GENERATE_TYPES)):
        assert not re.search("warn|skip|omitted|unsupported|missing", said, re.IGNORECASE), said
    return folder


def operations(document: Path) -> set[str]:
    paths = json.loads(document.read_bytes())["paths"]
    return {operation["operationId"] for methods in paths.values() for operation in methods.values()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_operation_is_in_both_clients(made, document):
    wanted = operations(document)
    modules = (made / "build" / "regie_api" / document.stem / "api").glob("*/*.py")
    assert {module.stem for module in modules} - {"__init__"} == {snake(name) for name in wanted}
    types = (made / "build" / "regie-api" / f"{document.stem}.ts").read_text()
    _, _, typed = types.partition("export interface operations {")
    assert set(re.findall(r"^    (\w+): \{", typed, re.MULTILINE)) == wanted


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


async def test_the_shows_they_play_are_typed(made):
    """The TypeScript one holds a mistake that the compiler has to find."""
    shutil.copy(ROOT / "docs" / "partners" / "python" / "play_show.py", made / "build")
    mypy = f"cd build && mypy --strict --follow-imports=silent --cache-dir={os.devnull} play_show.py"
    python, _ = await asyncio.gather(shell(made, mypy), shell(made, CHECK_TYPES))
    assert "no issues found" in python


async def test_a_body_the_generator_cannot_read_is_not_passed_over(tmp_path):
    document = json.loads(next(path for path in DOCUMENTS if path.stem == "scheduling").read_bytes())
    where = "/shows/{show_id}/run-of-show/import"
    document["paths"] = {where: document["paths"][where]}
    document["paths"][where]["post"]["requestBody"]["content"]["text/csv"] = {"schema": {"type": "string"}}
    folder = tmp_path / "contracts" / "generated" / "openapi"
    folder.mkdir(parents=True)
    (folder / "scheduling.json").write_text(json.dumps(document))
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    with pytest.raises(CommandFailed, match="Unsupported content type text/csv"):
        await shell(tmp_path, GENERATE_PYTHON.replace("entitlement scheduling stage media", "scheduling"))


async def test_each_plays_a_show_from_purchase_to_film(made, endpoints):
    (made / ".regie").symlink_to(endpoints["home"])
    told = await asyncio.gather(shell(made, PLAY_PYTHON), shell(made, PLAY_TYPES))
    for lines in told:
        found = json.loads(lines.splitlines()[-1])
        assert found["state"] == "CLOSED"
        assert found["film_bytes"] > 1_000


def test_the_page_names_the_generators_that_are_tried():
    for name, wanted in re.findall(r"^pip install (\S+)==(\S+)$", PAGE, re.MULTILINE):
        assert version(name) == wanted
    [packages] = re.findall(r"^npm install (.+)$", PAGE, re.MULTILINE)
    kept = json.loads((node.FOLDER / "package.json").read_text())["dependencies"]
    for name, _, wanted in (package.rpartition("@") for package in packages.split()):
        assert kept[name] == wanted
