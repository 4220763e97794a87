"""`python -m regie demo`: one show from the purchased add-on to the recording on demand, over the public interfaces only.

It plays against the house that runs in REGIE_HOME, or starts one of its own. Every step asserts what it did; the first
that fails ends the demo with a non-zero status.
"""

import argparse
import asyncio
from pathlib import Path

from regie.demo.client import StepFailed
from regie.demo.house import NoHouse
from regie.demo.loop import traffic
from regie.demo.play import play
from regie.demo.story import Story
from regie.plan import ROOT

DEFAULT_SCHEDULE = ROOT / "tests" / "data" / "schedule.xml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--schedule", type=Path, default=DEFAULT_SCHEDULE, help="a conference schedule: schedule.xml or schedule.json"
    )
    parser.add_argument("--loop", action="store_true", help="small shows of the tenant sandbox, until Ctrl-C")
    parser.add_argument("--pause", type=float, default=20.0, help="seconds between the shows of --loop")
    parser.add_argument("--shows", type=int, default=0, help="so many shows of --loop; 0 is without end")


def run(args: argparse.Namespace) -> int:
    """Exit status 0 when every step held."""
    story = Story()
    try:
        if args.loop:
            asyncio.run(traffic(story, args.schedule, args.pause, args.shows))
        else:
            asyncio.run(play(story, args.schedule))
    except KeyboardInterrupt:
        story.console.print("\nStopped.")
        return 0 if args.loop else 130
    except (StepFailed, NoHouse, OSError) as failed:
        story.console.print("[bold red]The demo failed.[/]")
        story.console.print(str(failed), markup=False, soft_wrap=True)
        return 1
    story.console.print(f"\n[bold green]All {story.steps} steps held[/], {story.took_s:.0f} s.")
    return 0
