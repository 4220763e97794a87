"""What the scheduling service promises: shows, their run of show, the crew, and everything prepared before a session.

The words are sorted by topic: `values` (shared data), `show`, `rundown`, `crew`, `preparing`, `people`. Names of people travel
sealed; the subject of a box is the person's id.
"""

from contracts.scheduling.crew import *  # noqa: F403
from contracts.scheduling.people import *  # noqa: F403
from contracts.scheduling.preparing import *  # noqa: F403
from contracts.scheduling.rundown import *  # noqa: F403
from contracts.scheduling.show import *  # noqa: F403
from contracts.scheduling.values import *  # noqa: F403
