"""`python -m regie parked list|retry|drop`: events a policy could not handle, over the services' REST interface.

By default the house of REGIE_HOME is asked, with its token for an SRE; `--url` and `--token` name another service.
"""

import argparse
import sys
from typing import Any

import httpx

from contracts.roles import SERVICES
from regie.rest import add_where, clients


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_where(parser)
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="what is parked, oldest first")
    listing.add_argument("--settled", action="store_true", help="what was retried or dropped, instead")
    for verb, text in (("retry", "run the policy again"), ("drop", "give the event up")):
        one = verbs.add_parser(verb, help=text)
        one.add_argument("service", choices=SERVICES, help="whose policy it is")
        one.add_argument("source", help="whose event it is")
        one.add_argument("position", type=int)
        one.add_argument("policy")
        if verb == "drop":
            one.add_argument("--reason", required=True, help="kept with the event")


def run(args: argparse.Namespace) -> int:
    """Exit status 0 when it was done, 1 when a service refused, 2 when none could be asked."""
    try:
        if args.verb == "list":
            return _list(args)
        return _mend(args)
    except (OSError, KeyError, httpx.HTTPError) as away:
        print(f"cannot ask: {away!r}. Is the house running, or is --url right?", file=sys.stderr)
        return 2


def _list(args: argparse.Namespace) -> int:
    status = 0
    for service, client in clients(args, SERVICES):
        wish = {"settled": str(args.settled).lower()}
        while wish:
            answer = client.get("/parked", params=wish)
            if answer.status_code != httpx.codes.OK:
                status = _refused(answer)
                break
            page = answer.json()
            for each in page["items"]:
                _show(service, each)
            wish = {**wish, "cursor": page["next"]} if page["next"] else {}
    return status


def _show(service: str, each: dict[str, Any]) -> None:
    end = f"  {each['settled_as']} by {each['settled_by']}" if each.get("settled_as") else ""
    where = f"{each['source']} {each['position']} {each['policy']}"
    print(f"{service} {where}  {each['type']} show {each['show'] or '-'}  {each['error']}{end}")


def _mend(args: argparse.Namespace) -> int:
    [(_, client)] = clients(args, [args.service])
    path = f"/parked/{args.source}/{args.position}/{args.policy}/{args.verb}"
    answer = client.post(path, json={"reason": args.reason} if args.verb == "drop" else None)
    if answer.status_code != httpx.codes.OK:
        return _refused(answer)
    print(f"settled: {answer.json()['settled']}")
    return 0


def _refused(answer: httpx.Response) -> int:
    print(f"{answer.status_code}: {answer.text}", file=sys.stderr)
    return 1
