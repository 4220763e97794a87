"""What the scheduling service needs to know beside what all services need. Each field is `REGIE_SCHEDULING_<NAME>`."""

from chassis.settings import ChassisSettings


class SchedulingSettings(ChassisSettings, frozen=True, kw_only=True):
    """Nothing but another port: margins, slots and grace times come with the terms of each reservation."""

    port: int = 8402
