"""The Node that our contract tests run on: ours, of a kept version, with packages named by hash alone."""

import json
from pathlib import Path

import pytest

from tests.support import node


async def test_a_script_runs_on_our_own_node(tmp_path: Path) -> None:
    script = tmp_path / "hello.mjs"
    script.write_text("console.log(JSON.stringify([process.execPath, process.version, process.argv[2]]))")
    path, version, word = await node.run_json(script, "hello")
    assert path == str(node.NODE.resolve())
    assert int(version.removeprefix("v").partition(".")[0]) >= 22
    assert word == "hello"


async def test_a_script_that_fails_is_reported_with_its_words(tmp_path: Path) -> None:
    script = tmp_path / "bad.mjs"
    script.write_text("throw new Error('out of ink')")
    with pytest.raises(node.NodeFailed, match="out of ink"):
        await node.run(script)


async def test_a_script_that_hangs_is_ended(tmp_path: Path) -> None:
    script = tmp_path / "hangs.mjs"
    script.write_text("setInterval(() => {}, 1000)")
    with pytest.raises(TimeoutError):
        await node.run(script, limit_s=0.5)


def test_every_package_is_named_by_its_hash_and_by_no_host() -> None:
    lock = json.loads((node.FOLDER / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name
