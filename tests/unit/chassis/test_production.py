"""What production refuses to start with, by the variable's name; and that a laptop may have it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chassis.production import require_fit
from chassis.settings import LOCAL_ISSUER, ChassisSettings, SettingsError, load

ROOT = Path(__file__).parents[3]
KEY = "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f"


@pytest.fixture
def fit(tmp_path: Path) -> ChassisSettings:
    key = tmp_path / "keys" / "key.hex"
    key.parent.mkdir()
    key.write_text(KEY)
    return ChassisSettings(
        mode="production",
        database_url="postgresql:///stage",
        issuer="https://login.example",
        vault_key_file=key,
        audit_key_file=key,
        home=tmp_path / "home",
    )


def test_a_house_of_its_own_provider_and_keys_may_start(fit: ChassisSettings) -> None:
    require_fit("stage", fit)
    require_fit(
        "stage", msgspec.structs.replace(fit, jwks="https://login.example/keys", public_url="https://a.example")
    )


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"issuer": LOCAL_ISSUER}, "REGIE_ISSUER"),
        ({"issuer": "http://login.example"}, "REGIE_ISSUER"),
        ({"issuer": "https://localhost:8407"}, "REGIE_ISSUER"),
        ({"issuer": "https://127.0.0.1"}, "REGIE_ISSUER"),
        ({"issuer": "https://[::1]"}, "REGIE_ISSUER"),
        ({"jwks": "/srv/keys.json"}, "REGIE_JWKS"),
        ({"jwks": "http://login.example/keys"}, "REGIE_JWKS"),
        ({"public_url": "http://stage.example"}, "REGIE_STAGE_PUBLIC_URL"),
        ({"vault_key_file": None}, "REGIE_VAULT_KEY_FILE"),
        ({"audit_key_file": None}, "REGIE_AUDIT_KEY_FILE"),
        ({"audit_key_file": Path(os.devnull)}, "REGIE_AUDIT_KEY_FILE"),
    ],
)
def test_what_only_a_laptop_may_have_is_named(fit: ChassisSettings, changed: dict[str, Any], named: str) -> None:
    laptops = msgspec.structs.replace(fit, **changed)
    with pytest.raises(SettingsError) as refused:
        require_fit("stage", laptops)
    assert str(refused.value).partition(":")[0] == named
    require_fit("stage", msgspec.structs.replace(laptops, mode="laptop"))


@pytest.mark.parametrize("text", ["11" * 32, "00" * 32, "0123" * 16])
def test_a_key_that_is_a_pattern_is_no_key(fit: ChassisSettings, text: str) -> None:
    assert fit.vault_key_file is not None
    fit.vault_key_file.write_text(text)
    with pytest.raises(SettingsError, match="pattern"):
        require_fit("stage", fit)


def test_the_keys_that_make_run_makes_are_not_for_production(fit: ChassisSettings) -> None:
    key = fit.home / "secrets" / "vault.key"
    key.parent.mkdir(parents=True)
    key.write_text(KEY)
    with pytest.raises(SettingsError, match="REGIE_VAULT_KEY_FILE: must be a key of your own"):
        require_fit("stage", msgspec.structs.replace(fit, vault_key_file=key))


def test_every_fault_is_told_at_once() -> None:
    environ = {"REGIE_MODE": "production", "REGIE_DATABASE_URL": "postgresql:///stage"}
    with pytest.raises(SettingsError) as refused:
        require_fit("stage", load("stage", ChassisSettings, environ))
    assert all(f"REGIE_{name}" in str(refused.value) for name in ("ISSUER", "VAULT_KEY_FILE", "AUDIT_KEY_FILE"))


def test_a_service_with_a_laptops_settings_does_not_start() -> None:
    environ = {"REGIE_MODE": "production", "REGIE_DATABASE_URL": "postgresql:///media", "PATH": os.environ["PATH"]}
    argv = [sys.executable, "-m", "services.media"]
    ended = subprocess.run(argv, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "REGIE_ISSUER: must be your identity provider" in ended.stderr


def test_a_mode_nobody_knows_is_refused() -> None:
    environ = {"REGIE_MODE": "prod", "REGIE_DATABASE_URL": "postgresql:///stage"}
    with pytest.raises(SettingsError, match="REGIE_MODE: must be laptop or production"):
        load("stage", ChassisSettings, environ)
