"""The repository stays readable and says nothing about the machine it was written on."""

import re
import tomllib

import pytest

from tests.tidy import checks

FILES = checks.tracked()
SOURCES = [path for path in FILES if path.suffix == ".py"]
PAPERS = [path for path in FILES if path.suffix == ".md"]
LOCKS = [path for path in FILES if path.suffix == ".lock"]


def name(path):
    return str(path.relative_to(checks.ROOT))


def faults(paths, check):
    return [f"{name(path)}: {fault}" for path in paths for fault in check(checks.text_of(path))]


def test_no_file_or_function_is_longer_than_one_can_read():
    assert faults(SOURCES, checks.too_long) == []


def test_no_file_names_a_registry_or_a_path_of_a_machine():
    assert faults(FILES, checks.machine_traces) == []


def test_everything_in_the_locks_is_pinned_by_hash():
    assert {name(path) for path in LOCKS} >= {"requirements.lock", "deploy/uv.lock"}
    assert faults(LOCKS, checks.without_hash) == []


def test_every_declared_dependency_is_in_the_lock():
    project = tomllib.loads((checks.ROOT / "pyproject.toml").read_text())["project"]
    declared = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    names = {re.split(r"[\[<>=!~; ]", one, maxsplit=1)[0].lower() for one in declared}
    locked = set(
        re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==", (checks.ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )
    assert names - locked == set()


def test_every_path_the_papers_name_exists():
    present = {name(path) for path in FILES}
    assert faults(PAPERS, lambda text: checks.missing_paths(text, present)) == []


def test_every_wall_of_the_threat_model_is_attacked_by_a_test_that_is_there():
    def functions(path):
        return checks.functions_of(checks.text_of(checks.ROOT / path))

    assert list(checks.unshown_walls(checks.text_of(checks.ROOT / "SECURITY.md"), functions)) == []


def test_media_libraries_stay_in_the_engine_process():
    inside = ("services/stage/engine/", "tests/", "bench/", "regie/")
    outside = [path for path in SOURCES if not name(path).startswith(inside)]
    assert faults(outside, checks.media_imports) == []


@pytest.mark.parametrize("target", ["run", "demo", "test", "test-all", "lint", "contracts", "lock", "clean"])
def test_make_help_names_every_target_the_papers_promise(target):
    assert re.search(rf"^{target}:.*## ", (checks.ROOT / "Makefile").read_text(), re.MULTILINE)
