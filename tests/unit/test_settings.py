"""Settings come from the environment once, and every fault is named at once."""

from pathlib import Path

import pytest

from chassis.settings import ChassisSettings, SettingsError, load


def test_a_services_own_variable_wins_over_the_shared_one():
    found = load("stage", ChassisSettings, {"REGIE_DATABASE_URL": "shared", "REGIE_STAGE_DATABASE_URL": "own"})
    assert found.database_url == "own"


def test_values_take_the_type_of_their_field():
    env = {"REGIE_DATABASE_URL": "x", "REGIE_STAGE_PORT": "8403", "REGIE_HOME": "/var/regie"}
    found = load("stage", ChassisSettings, env)
    assert (found.port, found.home) == (8403, Path("/var/regie"))


def test_an_empty_variable_counts_as_not_set():
    env = {"REGIE_DATABASE_URL": "shared", "REGIE_STAGE_DATABASE_URL": "", "REGIE_STAGE_NATS_SEED_FILE": ""}
    found = load("stage", ChassisSettings, env)
    assert (found.database_url, found.nats_seed_file) == ("shared", None)


def test_every_fault_is_named_with_its_variable_and_rule():
    with pytest.raises(SettingsError) as refused:
        load("stage", ChassisSettings, {"REGIE_STAGE_PORT": "hunter2"})
    assert "REGIE_STAGE_DATABASE_URL (or REGIE_DATABASE_URL): must be set" in str(refused.value)
    assert "REGIE_STAGE_PORT: must be a whole number" in str(refused.value)


def test_a_fault_never_repeats_the_value():
    with pytest.raises(SettingsError) as refused:
        load("stage", ChassisSettings, {"REGIE_DATABASE_URL": "x", "REGIE_PORT": "hunter2"})
    assert "hunter2" not in str(refused.value)
