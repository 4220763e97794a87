"""What keeps the repository readable, as functions over text and paths; each has a planted fault it must find."""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LONGEST_FILE, LONGEST_FUNCTION = 400, 50
REASON = "# long: "
REGISTRIES = tuple(
    ".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs", "org"))
)
INDEX_OPTIONS = tuple(f"--{name}" for name in ("index-url", "extra-index-url", "find-links", "trusted-host"))
MACHINE_PATH = re.compile(r"(?<![\w.<}*-])/(?:work|root|home|Users)/[\w.-]+")
PATH_IN_TEXT = re.compile(r"`([\w.<>*-]+(?:/[\w.<>*{},-]+)*/?)`")
FILE_ENDINGS = (".py", ".md", ".toml", ".lock", ".json", ".sql", ".tmpl", ".yaml", ".sh")
MEDIA_LIBRARIES = {"av"}


def tracked() -> list[Path]:
    """Every file of the repository, as git knows them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """The text of a file, empty for a binary one."""
    raw = path.read_bytes()
    return "" if b"\0" in raw[:4096] else raw.decode("utf-8", errors="replace")


def too_long(source: str) -> Iterator[str]:
    """A file or function past its limit, unless a reason (`# long: ...`) stands in its first line."""
    lines = source.splitlines()
    if len(lines) > LONGEST_FILE and not lines[0].startswith(REASON):
        yield f"{len(lines)} lines"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > LONGEST_FUNCTION and REASON not in lines[node.lineno - 1]:
                yield f"{node.name} has {length} lines"


def machine_traces(text: str) -> Iterator[str]:
    """Names of package registries, options that name one, and paths of somebody's machine."""
    yield from (host for host in REGISTRIES if host in text)
    yield from (option for option in INDEX_OPTIONS if re.search(rf"^{option}", text, re.MULTILINE))
    yield from MACHINE_PATH.findall(text)


def without_hash(lock: str) -> Iterator[str]:
    """Requirements of a lock file that are not pinned to a version and at least one hash."""
    joined = lock.replace("\\\n", " ")
    for line in joined.splitlines():
        if line.strip() and not line.startswith("#") and not re.search(r"==\S+.*--hash=sha256:[0-9a-f]{64}", line):
            yield line.split(" ", 1)[0]


def unshown_walls(text: str, functions: Callable[[str], set[str]]) -> Iterator[str]:
    """Rows of a threat model without a test that exists. `functions` are those of a file, by its path.

    The last of four cells holds files in backticks, each followed by the tests meant there.
    """
    for row in text.splitlines():
        if not row.startswith("| ") or row.startswith("| asset |"):
            continue
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        if len(cells) != 4 or not all(cells):
            yield f"{cells[0]}: is not asset, attacker, wall, test"
            continue
        known: set[str] = set()
        tests = 0
        for named in re.findall(r"`([^`]+)`", cells[3]):
            if "/" in named:
                known = functions(named)
            elif named in known:
                tests += 1
            else:
                yield f"{cells[0]}: {named} is no test there"
        if not tests:
            yield f"{cells[0]}: no test"


def functions_of(source: str) -> set[str]:
    """The names of all functions of a module."""
    return {
        node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def missing_paths(text: str, present: set[str]) -> Iterator[str]:
    """Paths a document names in backticks that are not there. `<name>` and `*` stand for anything, `{a,b}` for each."""
    tops = {name.split("/", 1)[0] for name in present}
    for named in PATH_IN_TEXT.findall(text):
        first = named.split("/", 1)[0]
        if first not in tops and not ("/" not in named and named.endswith(FILE_ENDINGS[1:4])):
            continue
        if "/" not in named and not named.endswith(FILE_ENDINGS):
            continue
        if not any(_matches(each, present) for each in _each(named.rstrip("/"))):
            yield named


def _each(named: str) -> list[str]:
    braces = re.search(r"\{([^}]*)\}", named)
    if braces is None:
        return [named]
    return [named.replace(braces.group(0), choice) for choice in braces.group(1).split(",")]


def _matches(named: str, present: set[str]) -> bool:
    pattern = re.sub(r"<[^>]*>|\*", "[^/]*", re.escape(named).replace(r"\*", "*"))
    return any(re.fullmatch(rf"{pattern}(/.*)?", path) for path in present)


def media_imports(source: str) -> set[str]:
    """Media libraries a module imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found & MEDIA_LIBRARIES
