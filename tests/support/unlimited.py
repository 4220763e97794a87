"""Settings of a house that takes as many requests as it can."""

from typing import Final

UNLIMITED: Final = {f"REGIE_RATE_{budget}": "0" for budget in ("READS", "COMMANDS", "CONTROL", "STRANGERS")}
