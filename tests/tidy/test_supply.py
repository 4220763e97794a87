"""Nothing is shipped under a licence we may not use, and no secret is in the repository; with what must be found."""

import base64
import stat
import subprocess
from hashlib import sha512
from importlib.metadata import distributions

import pytest

from tests.tidy import checks, supply

FILES = checks.tracked()


def test_every_installed_package_is_under_a_licence_we_may_use():
    installed = [(package.metadata["Name"], supply.licence_of(package)) for package in distributions()]
    assert len(installed) > 50
    assert list(supply.unfit(installed)) == []


@pytest.mark.parametrize(
    "licence",
    ["GPL-3.0-or-later", "GNU General Public License v3 (GPLv3)", "GNU Lesser General Public License", "AGPL-3.0", ""],
)
def test_a_licence_we_may_not_use_is_found(licence):
    assert list(supply.unfit([("planted", licence), ("fine", "MIT")])) == [f"planted: {licence or 'no licence'}"]


def test_a_choice_of_licences_is_enough():
    assert list(supply.unfit([("two", "GPL-2.0 OR MIT"), ("both", "Apache-2.0 AND BSD-2-Clause")])) == []


def test_no_file_holds_a_secret():
    found = [
        f"{path.relative_to(checks.ROOT)}: {kind}" for path in FILES for kind in supply.secrets_in(checks.text_of(path))
    ]
    assert found == []


def planted() -> dict[str, str]:
    """Worked out, so that this file holds none; always the same, because noise of chance is now and then too plain."""
    noise = base64.b32encode(sha512(b"planted").digest()[:40]).decode()
    return {
        "private key": "-----BEGIN " + "PRIVATE KEY-----\n" + noise,
        "aws": "AKIA" + noise[:16].translate(str.maketrans("234567", "ABCDEF")),
        "github": "ghp_" + noise[:40],
        "nats": "SU" + noise[:56],
        "jwt": ".".join(("eyJ" + noise[:20], "eyJ" + noise[:20], noise[:50])),
        "assigned": f'password = "{noise[:30]}"',
    }


@pytest.mark.parametrize("kind", planted())
def test_a_planted_secret_is_found(kind):
    assert list(supply.secrets_in(f"first line\n{planted()[kind]}\n"))


def test_words_are_no_secret():
    assert list(supply.secrets_in('password = "correct-horse-battery-staple"; token: "<your token here>"')) == []


@pytest.mark.parametrize(
    ("said", "code", "wanted"),
    [
        ("No known vulnerabilities found", 0, 0),
        ("Found 2 known vulnerabilities in 1 package", 1, 1),
        ("ERROR:pip_audit._cli:x: Dependency not found on PyPI and could not be audited: x (1.0)", 1, 2),
        ("ERROR: could not connect", 1, 2),
    ],
)
def test_an_audit_that_could_not_be_made_is_no_good_answer(tmp_path, said, code, wanted):
    tool = tmp_path / ".venv" / "bin" / "pip-audit"
    tool.parent.mkdir(parents=True)
    tool.write_text(f"#!/bin/sh\necho '{said}'\nexit {code}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    script = tmp_path / "deploy" / "audit.sh"
    script.parent.mkdir()
    script.write_text((checks.ROOT / "deploy" / "audit.sh").read_text())
    script.chmod(0o755)
    done = subprocess.run([str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == wanted
    assert ("NOT AUDITED" in done.stderr) == (wanted == 2)
