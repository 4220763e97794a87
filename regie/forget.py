"""`regie forget SUBJECT`: destroys the key of what is known of a person, over the services' REST interface.

Asks every service that seals fields of people; SUBJECT is the id of a speaker, an analyst, a contact, an overlay or a flag.
By default the house of REGIE_HOME is asked, with its token for an SRE. It cannot be undone.
"""

import argparse
import sys
from typing import get_args
from uuid import UUID

import httpx

from contracts.forgetting import Basis
from regie.rest import add_where, clients

SEALING = ("scheduling", "stage")
"""The services that seal fields of people."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_where(parser)
    parser.add_argument("subject", type=UUID, help="the id the person's name was given with")
    parser.add_argument("--basis", choices=get_args(Basis), required=True, help="why; kept with the event")


def run(args: argparse.Namespace) -> int:
    """0 when somebody was forgotten, 1 when no service knows the subject or one refused, 2 when none could be asked."""
    try:
        answers = [(service, _asked(client, args)) for service, client in clients(args, SEALING)]
    except (OSError, KeyError, httpx.HTTPError) as away:
        print(f"cannot ask: {away!r}. Is the house running, or is --url right?", file=sys.stderr)
        return 2
    for service, answer in answers:
        match answer.status_code:
            case httpx.codes.OK:
                print(f"{service}: forgotten")
            case httpx.codes.NOT_FOUND:
                print(f"{service}: knows nothing of this subject")
            case _:
                print(f"{service}: {answer.status_code}: {answer.text}", file=sys.stderr)
    codes = {answer.status_code for _, answer in answers}
    return 0 if httpx.codes.OK in codes and codes <= {httpx.codes.OK, httpx.codes.NOT_FOUND} else 1


def _asked(client: httpx.Client, args: argparse.Namespace) -> httpx.Response:
    return client.post("/forgotten", json={"subject_id": str(args.subject), "basis": args.basis})
