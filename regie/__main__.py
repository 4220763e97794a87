"""`python -m regie <command>`: each command is a module with `add_arguments(parser)` and `run(args) -> exit status`."""

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec

COMMANDS = {
    "up": ("regie.up", "start the whole house on this machine"),
    "token": ("regie.issuer", "print an access token of the local issuer"),
    "tenant": ("regie.tenant", "add a tenant while everything goes on"),
    "demo": ("regie.demo", "play one show from purchase to video on demand"),
    "export": ("regie.export", "write a service's log, or one show's part, as a file that can be verified anywhere"),
    "verify": ("regie.verify", "judge an export offline: untouched, tampered with, or undecidable"),
    "replay": ("regie.replay", "fold a service's whole history: does all of it still replay?"),
    "restored": ("regie.restored", "say openly that a service's database was restored to an older state"),
    "parked": ("regie.parked", "see, retry or drop events a policy could not handle"),
    "forget": ("regie.forget", "destroy the key of what is known of a person"),
    "vault": ("regie.vault", "see, add and rotate the key-encryption keys of the vault"),
    "contracts": ("regie.contracts", "write or check the published contracts"),
}
"""By name: the module and what it does. A module that is not installed has no command."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="regie", description="The control room behind live online events.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (module, summary) in COMMANDS.items():
        if find_spec(module):
            subparsers.add_parser(name, help=summary, description=summary, add_help=False)
    args, rest = parser.parse_known_args()
    module, summary = COMMANDS[args.command]
    command = import_module(module)
    own = argparse.ArgumentParser(prog=f"regie {args.command}", description=summary)
    command.add_arguments(own)
    return int(command.run(own.parse_args(rest)))


if __name__ == "__main__":
    sys.exit(main())
