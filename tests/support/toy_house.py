"""`regie up` around four tiny services that know only migrating and being ready: the supervisor's own test bench.

`python -m tests.support.toy_house <folder> [up options]` writes the services into the folder and starts the house.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from contracts.roles import SERVICES
from regie import up
from regie.plan import Plan, plan_from

SERVICE = """
import http.server, os, signal, sys
name = __spec__.name.split(".")[1]
if sys.argv[1:] == ["migrate"]:
    sys.exit("no such table: seats" if os.environ.get("TOY_FAILS") == f"{name} migrate" else 0)
if os.environ.get("TOY_FAILS") == name:
    sys.exit("cannot find my desk")
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.HTTPServer(("127.0.0.1", int(os.environ[f"REGIE_{name.upper()}_PORT"])), Answer).serve_forever()
"""


def toy_plan(folder: Path, environ: dict[str, str]) -> Plan:
    """A plan whose services are the tiny ones, written into the folder."""
    for package in ("services", *(f"services/{service}" for service in SERVICES)):
        (folder / package).mkdir(parents=True, exist_ok=True)
        (folder / package / "__init__.py").touch()
        if package != "services":
            (folder / package / "__main__.py").write_text(SERVICE)
    return replace(plan_from(environ), root=folder)


if __name__ == "__main__":
    import os

    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    up.add_arguments(parser)
    options = parser.parse_args()
    sys.exit(up.run(options, lambda: toy_plan(options.folder, dict(os.environ))))
