"""What the stage service promises: every fact about a stage of a show, from its preparation to the end of its stream.

The words are sorted by topic: `values` (shared data), `preparing`, `presenters`, `running`, `programme`, `operating`.
An action that needs the programme engine is told twice: as an intent (`..._requested`, with its `effect_id`) and, when
the engine has done it, as a fact with the frame it happened on, or as `action_failed` with the reason.
"""

from contracts.stage.operating import *  # noqa: F403
from contracts.stage.people import *  # noqa: F403
from contracts.stage.preparing import *  # noqa: F403
from contracts.stage.presenters import *  # noqa: F403
from contracts.stage.programme import *  # noqa: F403
from contracts.stage.running import *  # noqa: F403
from contracts.stage.values import *  # noqa: F403
