"""Each check finds the fault planted for it, and lets the harmless neighbour pass."""

from tests.tidy import checks

LONG = "def slow():" + "{reason}\n" + "    x = 1\n" * 60


def test_a_long_function_is_found_unless_a_reason_stands_beside_it():
    assert list(checks.too_long(LONG.format(reason=""))) == ["slow has 61 lines"]
    assert list(checks.too_long(LONG.format(reason="  # long: a table"))) == []


def test_a_long_file_is_found_unless_a_reason_stands_in_its_first_line():
    assert list(checks.too_long("x = 1\n" * 401)) == ["401 lines"]
    assert list(checks.too_long("# long: generated\n" + "x = 1\n" * 401)) == []


def test_registries_and_machine_paths_are_found():
    host = "pypi" + ".org"
    assert list(checks.machine_traces(f"see https://{host}/simple")) == [host]
    assert list(checks.machine_traces("--index" + "-url https://example.test/")) == ["--index" + "-url"]
    assert list(checks.machine_traces("open " + "/ho" + "me/ann/regie")) == ["/ho" + "me/ann"]
    assert list(checks.machine_traces("GET /v1/work/items, .regie/run/pg")) == []


def test_a_requirement_without_hash_is_found():
    good = "a==1 \\\n    --hash=sha256:" + "0" * 64 + "\n"
    assert list(checks.without_hash(good + "b==2\nc>=1 --hash=sha256:" + "0" * 64)) == ["b==2", "c>=1"]


def test_a_path_that_is_gone_is_found():
    present = {"services/stage/domain.py", "services/media/domain.py", "README.md"}
    text = "`services/<name>/domain.py`, `services/gone.py`, `README.md`, `GONE.md`, `GET /v1`, `make run`, `services/{stage,media}/`"
    assert list(checks.missing_paths(text, present)) == ["services/gone.py", "GONE.md"]


def test_a_media_import_is_found_even_inside_a_function():
    assert checks.media_imports("def f():\n    from av.container import open\n") == {"av"}
    assert checks.media_imports("import average") == set()


def test_a_wall_without_its_test_is_found():
    rows = [
        "| asset | attacker | wall | test |",
        "|---|---|---|---|",
        "| hours | a thief | a wall | `tests/a.py`: `test_thieves` |",
        "| shows | a thief | a wall | `tests/a.py`: `test_gone` |",
        "| names | a thief | a wall | tests of all kinds |",
        "| keys | a thief | `tests/a.py`: `test_thieves` |",
    ]
    found = list(checks.unshown_walls("\n".join(rows), {"tests/a.py": {"test_thieves"}}.__getitem__))
    assert [fault.partition(":")[0] for fault in found] == ["shows", "shows", "names", "keys"]
