"""The command line: brings the house up on one machine, plays the demo, replays the trail."""
