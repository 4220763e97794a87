"""`regie verify`: judges an export offline. Exit status 0: as it was signed; 1: tampered with; 2: cannot decide."""

import argparse
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chassis.notes import BadNote, read_public
from chassis.verify import Report, Verdict, verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("export", type=Path, help="what `regie export` wrote")
    parser.add_argument(
        "--key", help="the service's public key, or a file that holds it; from elsewhere than the export"
    )
    parser.add_argument(
        "--witness", type=Path, action="append", default=[], help="a file with a checkpoint kept elsewhere"
    )


def run(args: argparse.Namespace) -> int:
    try:
        witnesses = [path.read_text() for path in args.witness]
        with args.export.open("rb") as lines:
            report = verify(lines, _key(args.key), witnesses)
    except (OSError, BadNote, UnicodeDecodeError) as fault:
        report = Report(verdict=Verdict.UNDECIDED, says=[str(fault)])
    word = {Verdict.OK: "OK", Verdict.TAMPERED: "TAMPERED", Verdict.UNDECIDED: "CANNOT DECIDE"}[report.verdict]
    print("\n".join([word, *report.says]), file=sys.stdout if report.verdict is Verdict.OK else sys.stderr)
    return int(report.verdict)


def _key(given: str | None) -> Ed25519PublicKey | None:
    """The key itself or the file it stands in. Raises BadNote, OSError."""
    if given is None:
        return None
    return read_public(Path(given).read_text() if Path(given).is_file() else given)[1]
