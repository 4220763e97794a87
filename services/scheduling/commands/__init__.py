"""What one may ask of the scheduling service. Every command carries its own time, ids and the facts it is judged by.

Names of people arrive sealed. `Require...` commands record nothing: they refuse where something else must not happen,
and bind the append to the state they looked at.
"""

from services.scheduling.commands._base import Command as Command
from services.scheduling.commands._base import OfShow as OfShow
from services.scheduling.commands.crew import *  # noqa: F403
from services.scheduling.commands.preparing import *  # noqa: F403
from services.scheduling.commands.rundown import *  # noqa: F403
from services.scheduling.commands.show import *  # noqa: F403
